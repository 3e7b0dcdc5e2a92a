"""The first steps of a tuning: the catalogue read, queries made of it, the queries that decide."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from multirecall.core.errors import InvalidInput
from multirecall.encoders.storing import write_atomically
from multirecall.engines.analysis import terms
from multirecall.engines.base import Engine, IndexInfo
from multirecall.evaluation.joining import examples
from multirecall.evaluation.judgments import Judgments
from multirecall.evaluation.queries import JudgedQuery
from multirecall.training.tuning.grading import GRADED_FIELDS, grade_catalogue
from multirecall.training.tuning.queries import HELD_OUT, TRAIN, make_queries
from multirecall.training.tuning.sampling import SAMPLED_FIELDS, CatalogueSample, SampledProduct, sample_catalogue
from multirecall.training.tuning.steps import OnStep
from multirecall.wiring.learning import Taught, judged_by_files
from multirecall.wiring.tuning_settings import TuneOptions

__all__ = ["FULL_GRADE", "Made", "deciding", "made_queries", "read_catalogue", "read_made", "read_sample"]

FULL_GRADE = 2.0
"""From this grade on a made judgment says that a product answers the query."""

MIN_JUDGED = 20
"""Fewer judged queries decide nothing."""

_SAMPLE, _MADE = "sample.jsonl", "queries.json"
_MIN_MADE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """The queries of one half with their grades."""

    queries: tuple[JudgedQuery, ...]
    judgments: Judgments


def read_catalogue(
    engine: Engine, index: IndexInfo, options: TuneOptions, out: Path, on_step: OnStep
) -> dict[str, Any]:
    """Reads every product once; the sample goes into a file. Raises InvalidInput as `sample_catalogue` does."""
    found = sample_catalogue(
        engine.scan(SAMPLED_FIELDS, index=index.name),
        size=options.sample,
        seed=options.seed,
        advance=on_step("reading the catalogue", index.count),
    )
    lines = [orjson.dumps(asdict(one), option=orjson.OPT_APPEND_NEWLINE) for one in found.products]
    write_atomically(out / _SAMPLE, b"".join(lines))
    return {"products": found.n_products, "sampled": len(found.products), "having": dict(found.having)}


def read_sample(out: Path) -> tuple[SampledProduct, ...]:
    """The sample that `read_catalogue` wrote."""
    found = []
    for line in (out / _SAMPLE).read_bytes().splitlines():
        row = orjson.loads(line)
        found.append(SampledProduct(**{**row, **{name: tuple(row[name]) for name in ("values", "identifiers")}}))
    return tuple(found)


def made_queries(engine: Engine, index: IndexInfo, options: TuneOptions, out: Path, on_step: OnStep) -> dict[str, Any]:
    """Makes queries of the sample and grades them over the whole catalogue, in one more pass.

    Raises InvalidInput where the catalogue gives too few.
    """
    sample = CatalogueSample(products=read_sample(out), n_products=index.count, having={})
    analyse = partial(terms, language=index.schema.language)
    frequency: Counter[str] = Counter()
    advance = on_step("counting words", len(sample.products))
    for product in sample.products:
        frequency.update(set(analyse(product.title)))
        advance()
    made = make_queries(sample.products, n=2 * options.queries, seed=options.seed)
    grades = grade_catalogue(
        engine.scan(GRADED_FIELDS, index=index.name),
        made,
        frequency,
        analyse,
        advance=on_step("grading all products", index.count),
    )
    body: dict[str, Any] = {}
    for half in (TRAIN, HELD_OUT):
        by_class: dict[str, list[Any]] = {}
        for query in made:
            if query.half == half and query.qid in grades:
                by_class.setdefault(query.kind, []).append(query)
        quota = -(-options.queries // max(1, len(by_class)))
        kept = [query for some in by_class.values() for query in some[:quota]][: options.queries]
        body[half] = {
            "queries": [{"qid": one.qid, "text": one.text, "class": one.kind, "of": one.product} for one in kept],
            "grades": {one.qid: grades[one.qid] for one in kept},
        }
    few = min(len(body[half]["queries"]) for half in body)
    if few < _MIN_MADE:
        raise InvalidInput(
            f"Only {few} queries could be made of {index.count:,} products, {_MIN_MADE} are needed.",
            hint="The catalogue is small, or has neither categories, brands, attributes nor part numbers: look at its "
            "mapping (multirecall mapping suggest).",
            field="queries",
        )
    write_atomically(out / _MADE, orjson.dumps(body, option=orjson.OPT_INDENT_2))
    return {
        half: {
            "queries": len(held["queries"]),
            "judgments": sum(map(len, held["grades"].values())),
            "by_class": dict(Counter(one["class"] for one in held["queries"])),
        }
        for half, held in body.items()
    }


def read_made(out: Path, half: str) -> Made:
    """One half of what `made_queries` wrote."""
    held = orjson.loads((out / _MADE).read_bytes())[half]
    queries = tuple(
        JudgedQuery(qid=one["qid"], text=one["text"], columns={"class": one["class"]}) for one in held["queries"]
    )
    return Made(queries=queries, judgments=Judgments(grades=held["grades"]))


def deciding(options: TuneOptions, engine: Engine, index: IndexInfo) -> Taught | None:
    """The user's judged queries that have a relevant product in the index; None if none were given.

    Raises what reading the files raises, and InvalidInput if they do not fit the index: no judged product is there, or
    too few queries are left.
    """
    if options.judged_queries is None or options.judgments is None:
        return None
    taught = judged_by_files(options.judged_queries, options.judgments)
    grades = taught.judgments.grades
    relevant = sorted({one for of in grades.values() for one, grade in of.items() if grade > 0})
    there = {one for start in range(0, len(relevant), 500) for one in _present(engine, index, relevant[start:][:500])}
    if not there:
        raise InvalidInput(
            f"None of the {len(relevant):,} products that the judgments call relevant is in index {index.name}.",
            hint=f"The judgments speak of {examples(relevant)}: are they of another catalogue, or by another id?",
            field="judgments",
        )
    queries = [q for q in taught.queries if any(grade > 0 and p in there for p, grade in grades.get(q.qid, {}).items())]
    if len(queries) < MIN_JUDGED:
        raise InvalidInput(
            f"{len(queries)} queries have a relevant product in the index; {MIN_JUDGED} are needed to decide by.",
            hint="Judge more (multirecall pool), or leave --judgments out.",
            field="judgments",
        )
    return Taught(queries=queries, judgments=taught.judgments, described=taught.described)


def _present(engine: Engine, index: IndexInfo, ids: list[str]) -> list[str]:
    found: list[Mapping[str, Any] | None] = engine.fetch(ids, ("id",), index=index.name)
    return [id_ for id_, record in zip(ids, found, strict=True) if record is not None]
