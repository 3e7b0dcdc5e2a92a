"""`write_sample`: the generated test bed as files in a folder."""

from __future__ import annotations

import gzip
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, cast

import orjson

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.testbed.clicks import CLICK_HEADER, ClickLog
from multirecall.evaluation.testbed.documents import mapping_toml, readme_text, synonyms_text
from multirecall.evaluation.testbed.grading import Grader
from multirecall.evaluation.testbed.judgments import BOUNDS, IRRELEVANT, Judged, judge, judgment_lines
from multirecall.evaluation.testbed.knowledge import load_concepts
from multirecall.evaluation.testbed.phrasing import Phrasing
from multirecall.evaluation.testbed.population import Population, draw_population
from multirecall.evaluation.testbed.queries import TestQuery, draw_queries
from multirecall.evaluation.testbed.rows import catalogue_rows
from multirecall.evaluation.testbed.traffic import with_traffic
from multirecall.evaluation.testbed.wording import prepare_wording
from multirecall.evaluation.testbed.world import load_world

__all__ = ["MAX_PRODUCTS", "VERSION", "Progress", "SampleReport", "default_queries", "write_sample"]

VERSION = "1"
"""Version of the generator: the same version, seed and sizes give the same bytes."""
MAX_PRODUCTS = 1_000_000
MAX_QUERIES = 100_000

Progress = Callable[[str, int, int], None]
"""Told (stage, done, total) now and then; stages are `catalogue` (products) and `judgments` (queries)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleReport:
    """What was written. `digests`: SHA-256 per file name (of the uncompressed content for `.gz`)."""

    out: Path
    seed: int
    version: str
    products: int
    queries: int
    judgments: int
    searches: int
    impressions: int
    clicks: int
    concepts: int
    by_class: dict[str, int]
    by_tier: dict[str, int]
    by_split: dict[str, int]
    by_grade: dict[int, int]
    bounded_queries: int
    digests: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON values, without the path."""
        return {
            "generated": True,
            "generator": "multirecall sample",
            "version": self.version,
            "seed": self.seed,
            "counts": {
                "products": self.products,
                "queries": self.queries,
                "judgments": self.judgments,
                "searches": self.searches,
                "impressions": self.impressions,
                "clicks": self.clicks,
                "concepts": self.concepts,
                "queries_with_a_bounded_grade": self.bounded_queries,
            },
            "queries_by_class": self.by_class,
            "queries_by_tier": self.by_tier,
            "queries_by_split": self.by_split,
            "judgments_by_grade": {str(grade): n for grade, n in self.by_grade.items()},
            "bounds": {"listed_per_grade": {str(g): n for g, n in BOUNDS.items()}, "irrelevant_drawn": IRRELEVANT},
            "sha256": self.digests,
        }


def default_queries(products: int) -> int:
    """A query for every four products, at least 600 and at most 10,000."""
    return min(10_000, max(600, products // 4))


def write_sample(
    out: Path, *, products: int = 5000, queries: int | None = None, seed: int = 7, progress: Progress | None = None
) -> SampleReport:
    """Writes the generated test bed into the folder `out` and returns what it holds.

    The same arguments give the same bytes, on every machine. Files appear under their names only when complete;
    `sample.json` comes last. An earlier sample in the folder is replaced. Memory: some 60 bytes per product beside
    the tables. Small catalogues may give fewer queries than asked for; the report says how many.

    Raises InvalidInput for sizes out of range or a folder that holds something else.
    """
    _check(out, products, queries)
    out.mkdir(parents=True, exist_ok=True)
    tell = progress or (lambda stage, done, total: None)
    world = load_world()
    population = draw_population(world, products=products, seed=seed)
    digests: dict[str, str] = {}

    with _file(out, "catalogue.jsonl", digests) as write:
        for i, row in enumerate(catalogue_rows(population, prepare_wording(world)), start=1):
            write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
            if i % 5000 == 0 or i == products:
                tell("catalogue", i, products)

    grader = Grader(population)
    concepts = load_concepts(world)
    wanted = default_queries(products) if queries is None else queries
    asked = draw_queries(grader, Phrasing(population, grader), concepts, wanted=wanted, seed=seed)
    asked = with_traffic(asked, seed=seed)
    log = ClickLog(population, asked)
    by_grade, bounded = _write_judgments(out, population, grader, asked, log, digests, tell)

    with _file(out, "queries.tsv", digests) as write:
        write(b"qid\tclass\ttier\tsplit\tquery\n")
        for q in asked:
            write(f"{q.qid}\t{q.cls}\t{q.tier}\t{q.split}\t{q.text}\n".encode())
    with _file(out, "clicks.tsv.gz", digests) as write:
        write(("\t".join(CLICK_HEADER) + "\n").encode())
        for search in log.searches():
            write(search.encode())
    _write_text(out, "concepts.json", _json([c.to_dict() for c in concepts]), digests)
    _write_text(out, "synonyms.txt", synonyms_text(world), digests)
    _write_text(out, "multirecall.toml", mapping_toml(), digests)

    report = SampleReport(
        out=out,
        seed=seed,
        version=VERSION,
        products=products,
        queries=len(asked),
        judgments=sum(by_grade.values()),
        searches=sum(q.frequency for q in asked),
        impressions=log.rows,
        clicks=sum(log.clicks.values()),
        concepts=len(concepts),
        by_class=_counts(q.cls for q in asked),
        by_tier=_counts(q.tier for q in asked),
        by_split=_counts(q.split for q in asked),
        by_grade=by_grade,
        bounded_queries=bounded,
        digests=dict(sorted(digests.items())),
    )
    _write_text(out, "README.md", readme_text(report.to_dict()), {})
    _write_text(out, "sample.json", _json(report.to_dict()), {})
    return report


def _check(out: Path, products: int, queries: int | None) -> None:
    if not 1 <= products <= MAX_PRODUCTS:
        raise InvalidInput(f"products is {products}", hint=f"Ask for 1 to {MAX_PRODUCTS:,} products.", field="products")
    if queries is not None and not 1 <= queries <= MAX_QUERIES:
        raise InvalidInput(f"queries is {queries}", hint=f"Ask for 1 to {MAX_QUERIES:,} queries.", field="queries")
    if out.exists() and not out.is_dir():
        raise InvalidInput(f"{out} is a file", hint="Name a folder.", field="out")
    if out.is_dir() and any(out.iterdir()) and not (out / "sample.json").exists() and not _leftover(out):
        raise InvalidInput(
            f"{out} holds files that are no generated sample", hint="Name a new or an empty folder.", field="out"
        )


def _leftover(out: Path) -> bool:
    """Whether the folder holds nothing but what an interrupted run of ours leaves behind."""
    ours = {"catalogue.jsonl", "judgments.tsv", "constraints.jsonl", "queries.tsv", "clicks.tsv.gz", "concepts.json"}
    ours |= {"synonyms.txt", "multirecall.toml", "README.md"}
    return all(path.name.removesuffix(".partial") in ours for path in out.iterdir())


def _write_judgments(
    out: Path,
    population: Population,
    grader: Grader,
    asked: list[TestQuery],
    log: ClickLog,
    digests: dict[str, str],
    tell: Progress,
) -> tuple[dict[int, int], int]:
    by_grade = {grade: 0 for grade in (3, 2, 1, 0)}
    bounded = 0
    with _file(out, "judgments.tsv", digests) as judgment, _file(out, "constraints.jsonl", digests) as constraint:
        judgment(b"qid\tproduct_id\tgrade\tsource\n")
        for number, query in enumerate(asked):
            judged = judge(population, grader, query.meaning, number=number)
            log.add(number, judged)
            bounded += any(judged.found[grade] > bound for grade, bound in BOUNDS.items())
            for grade in by_grade:
                by_grade[grade] += len(judged.listed[grade])
                judgment(judgment_lines(query.qid, judged.listed[grade], grade))
            constraint(orjson.dumps(_meaning_row(query, judged), option=orjson.OPT_APPEND_NEWLINE))
            if (number + 1) % 200 == 0 or number + 1 == len(asked):
                tell("judgments", number + 1, len(asked))
    return by_grade, bounded


def _meaning_row(query: TestQuery, judged: Judged) -> dict[str, Any]:
    return {
        "qid": query.qid,
        "query": query.text,
        "class": query.cls,
        "subtype": query.subtype,
        "tier": query.tier,
        "split": query.split,
        "frequency": query.frequency,
        "concept": query.concept,
        "template": query.template,
        "signature": query.meaning.signature,
        "answers": query.meaning.to_list(),
        "counts": {
            "exact": judged.found[3],
            "substitute": judged.found[2],
            "complement": judged.found[1],
            "listed": {str(grade): len(listed) for grade, listed in judged.listed.items()},
        },
    }


@contextmanager
def _file(out: Path, name: str, digests: dict[str, str]) -> Iterator[Callable[[bytes], None]]:
    """A function that appends bytes to the file; it gets its name, and its digest is noted, at the end."""
    digest = sha256()
    partial = out / f"{name}.partial"
    with ExitStack() as stack:
        sink: BinaryIO = stack.enter_context(partial.open("wb"))
        if name.endswith(".gz"):  # neither time nor name go in, so that equal content gives equal archives
            packed = stack.enter_context(gzip.GzipFile("", "wb", compresslevel=6, fileobj=sink, mtime=0))
            sink = cast(BinaryIO, packed)

        def write(data: bytes) -> None:
            digest.update(data)
            sink.write(data)

        yield write
    os.replace(partial, out / name)
    digests[name] = digest.hexdigest()


def _write_text(out: Path, name: str, text: str, digests: dict[str, str]) -> None:
    with _file(out, name, digests) as write:
        write(text.encode())


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _counts(words: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(words).items()))
