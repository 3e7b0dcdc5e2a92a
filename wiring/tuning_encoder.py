"""The encoder of a tuning: trained on grades, and tried, on queries that it did not learn from, in a sample."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multirecall.encoders.fingerprint import fingerprint
from multirecall.engines.base import Engine, IndexInfo
from multirecall.evaluation.judgments import Judgments
from multirecall.evaluation.queries import JudgedQuery
from multirecall.indexer.applying import product_of_record
from multirecall.indexer.copying import COPIED_FIELDS, mapping_of
from multirecall.training.clicks.table import query_key
from multirecall.training.dense.pairs import known_answers
from multirecall.training.graded.augmenting import with_slips
from multirecall.training.graded.duplicates import duplicates_of
from multirecall.training.graded.groups import GradedData, GradedGroup, graded_groups
from multirecall.training.graded.splits import deal_groups
from multirecall.training.synthesis.records import read_pairs, training_pairs
from multirecall.training.synthesis.synthesizing import PAIRS_FILE
from multirecall.training.tuning.queries import HELD_OUT, TRAIN
from multirecall.training.tuning.sample_index import copy_sample
from multirecall.training.tuning.steps import OnStep
from multirecall.wiring.encoder_training import roar_of, scale_of
from multirecall.wiring.engines import opened_encoder, opened_engine
from multirecall.wiring.learning import Taught
from multirecall.wiring.settings import Settings
from multirecall.wiring.towers import base_kind, tower_of
from multirecall.wiring.tuning_queries import read_made, read_sample
from multirecall.wiring.tuning_settings import TuneOptions
from multirecall.wiring.tuning_work import read_runs, run_of, write_run

__all__ = ["FOLDS", "tried_encoder", "tuned_encoder"]

FOLDS = 3
"""Of judged queries: each is asked of an encoder that learned from the others."""

_PER_LEVEL = 20
"""Products that a made query may have of each level: hundreds have a brand."""

_SLIPS = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lesson:
    """What one encoder learns from; `asked` are the texts (`query_key`) of the fold that it is tried on."""

    name: str
    groups: Sequence[GradedGroup]
    asked: Sequence[str] = ()


def tuned_encoder(
    settings: Settings,
    url: str,
    options: TuneOptions,
    taught: Taught | None,
    out: Path,
    results: Mapping[str, Any],
    on_step: OnStep,
) -> dict[str, Any]:
    """The encoder trained on the judgments, or else on made queries, and on the synthetic pairs beside either.

    With judgments an encoder for each fold as well, which learned from the others. Goes on where it was interrupted.
    Raises MissingExtra without torch, and as `graded_groups` for judgments that cannot be learned from.
    """
    from multirecall.training.dense.base import require_torch

    require_torch()
    from multirecall.training.dense.course import Course
    from multirecall.training.dense.stages import put_back, values_of
    from multirecall.training.dense.training import write_encoder
    from multirecall.training.roar.recipe import roar

    source = taught or read_made(out, TRAIN)
    judgments = _of_queries(source.judgments, source.queries, per_level=None if taught is not None else _PER_LEVEL)
    needs = _needs(out, results)
    wanted = {one for query in source.queries for one in judgments.of(query.qid)}.union(*needs.values())
    with opened_engine(settings, url) as engine:
        index = engine.info()
        texts, kinds = _read(engine, index, sorted(wanted))
    data = graded_groups(source.queries, judgments, catalogue=texts, scale=scale_of(judgments))
    beside = _as_groups(needs, data, texts)
    lessons = _lessons(data.groups, beside, options.seed, folds=FOLDS if taught is not None else 0)
    base = _base(options.base, index)
    tower = tower_of(base)
    tower.prepare([*(group.query for lesson in lessons for group in lesson.groups), *texts.values()])
    untrained, work, made = values_of(tower), out / "encoder.part", []
    for lesson in lessons:
        put_back(tower, untrained)
        course = Course(
            tower, texts, seed=options.seed, kinds=kinds, work=work / lesson.name, on_step=_progress(lesson, on_step)
        )
        roar(course, lesson.groups, roar_of(course, lesson.groups, epochs=options.epochs))
        card = {
            "base": tower.fingerprint,
            "training": course.identity,
            "stages": {result.name: result.card() for result in course.results},
            "data": data.report.to_dict(),
        }
        folder = (out / "encoder" if lesson is lessons[-1] else out / "encoder-folds" / lesson.name).absolute()
        made.append(
            {"spec": write_encoder(tower, card, folder), "training": course.identity, "asked": list(lesson.asked)}
        )
    shutil.rmtree(work, ignore_errors=True)
    return {
        "spec": made[-1]["spec"],
        "training": made[-1]["training"],
        "folds": made[:-1],
        "base": base,
        "needs": len(beside),
        "wrong": [line for line in data.report.lines()[1:] if not line.startswith(" ")],
    }


def tried_encoder(
    settings: Settings,
    url: str,
    options: TuneOptions,
    taught: Taught | None,
    queries: Sequence[JudgedQuery],
    out: Path,
    encoder: Mapping[str, Any],
    on_step: OnStep,
) -> dict[str, Any]:
    """What searching by the trained encoder finds in a sample of the catalogue, and by today's vectors in the same.

    A query of a fold is asked of the encoder that learned from the others. The sample holds every judged product, and
    others up to its size. An index of it that is whole is used again.
    """
    with opened_engine(settings, url) as engine:
        index = engine.info()
        ids = _sample_ids(engine, index, taught.judgments if taught is not None else None, queries, options, out)
        of = fingerprint({"index": index.name, "ids": ids})

        def asked(name: str, spec: str, mark: str, some: Sequence[JudgedQuery]) -> dict[str, Any]:
            sample_url = f"embedded:{out.absolute() / 'indexes' / f'{name}-{mark}'}"
            with opened_engine(settings, sample_url, create=True) as target:
                advance = on_step(f"indexing: {name}", len(ids))
                made_by = opened_encoder(settings, spec) if spec else None
                copy_sample(engine, index, ids, target, encoder=made_by, advance=advance)
            return run_of(settings, sample_url, some, out, name, on_step)

        before = asked("sample", "", of, queries)
        parts = []
        learned = encoder.get("folds") or [encoder]
        for at, (one, some) in enumerate(zip(learned, _by_fold(learned, queries), strict=True), start=1):
            name = f"encoder-fold-{at}" if len(learned) > 1 else "encoder"
            parts.append(asked(name, one["spec"], f"{one['training']}-{of}", some))
    run = {qid: found for part in parts for qid, found in read_runs(out, part["run"]).items()}
    after = {
        "run": write_run({query.qid: run[query.qid] for query in queries}, out, "encoder"),
        "incomplete": {qid: why for part in parts for qid, why in part["incomplete"].items()},
        "notes": list(dict.fromkeys(note for part in parts for note in part["notes"])),
    }
    return {"sample": len(ids), "products": index.count, "runs": {"sample": before, "encoder": after}}


def _lessons(groups: Sequence[GradedGroup], beside: Sequence[GradedGroup], seed: int, *, folds: int) -> list[_Lesson]:
    """One for each fold, and the last of all groups; `beside`, and misspelt copies of a third, are in each."""

    def lesson(name: str, taught: Sequence[GradedGroup], fold: Sequence[GradedGroup] = ()) -> _Lesson:
        return _Lesson(
            name=name,
            groups=with_slips([*taught, *beside], share=_SLIPS, seed=seed),
            asked=sorted(query_key(group.query) for group in fold),
        )

    dealt = deal_groups(groups, folds, seed=seed) if folds else []
    out = []
    for at, fold in enumerate(dealt):
        others = [group for other, part in enumerate(dealt) if other != at for group in part]
        out.append(lesson(f"fold-{at + 1}", others, fold))
    return [*out, lesson("all", groups)]


def _by_fold(learned: Sequence[Mapping[str, Any]], queries: Sequence[JudgedQuery]) -> list[list[JudgedQuery]]:
    """The queries that each encoder is tried on; one that none of them learned from goes to the first."""
    place = {text: at for at, one in enumerate(learned) for text in one.get("asked", ())}
    out: list[list[JudgedQuery]] = [[] for _ in learned]
    for query in queries:
        out[place.get(query_key(query.text), 0)].append(query)
    return out


def _progress(lesson: _Lesson, on_step: OnStep) -> Callable[[str, int, int], None]:
    """A bar for each stage of a lesson."""
    bars: dict[str, Callable[[], None]] = {}

    def told(stage: str, done: int, steps: int) -> None:
        if stage not in bars:
            bars[stage] = on_step(f"training the encoder, {lesson.name.replace('-', ' ')}: {stage}", steps)
        bars[stage]()

    return told


def _base(wanted: str, index: IndexInfo) -> str:
    """A kind alone means the model of the index, if its encoder is of that kind."""
    spec = index.schema.vectors[0].encoder if index.schema.vectors else ""
    if ":" not in wanted and ":" in spec and spec.partition(":")[0] == base_kind(wanted):
        return spec.partition("?")[0]
    return wanted


def _needs(out: Path, results: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """Needs that name no product, with those that answer them; empty where that step was left out."""
    if "pairs" not in results or not results["pairs"]["pairs"]:
        return {}
    return known_answers(training_pairs(read_pairs(out / "pairs" / PAIRS_FILE)))


def _as_groups(needs: Mapping[str, frozenset[str]], data: GradedData, texts: Mapping[str, str]) -> list[GradedGroup]:
    """Answers of the highest level. A need that is judged itself, word for word, is left to its judgments."""
    top = max(level for group in data.groups for level in group.grades)
    judged = {query_key(group.query) for group in data.groups}
    found = []
    for at, (query, answers) in enumerate(sorted(needs.items())):
        products = tuple(sorted(one for one in answers if one in texts))
        if products and query_key(query) not in judged:
            found.append(GradedGroup(query=query, qid=f"need {at}", products=products, grades=(top,) * len(products)))
    return found


def _of_queries(judgments: Judgments, queries: Sequence[JudgedQuery], *, per_level: int | None) -> Judgments:
    """The judgments of these queries; with `per_level` no more than so many products of each level."""
    out: dict[str, dict[str, float]] = {}
    for query in queries:
        counts: Counter[float] = Counter()
        kept = out.setdefault(query.qid, {})
        for product, grade in judgments.of(query.qid).items():
            counts[grade] += 1
            if per_level is None or counts[grade] <= per_level:
                kept[product] = grade
    return Judgments(grades=out)


def _read(engine: Engine, index: IndexInfo, ids: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
    """What the index's encoder reads of the products that are there, and what copies among them share."""
    template = mapping_of(index).template
    records = [
        record
        for start in range(0, len(ids), 500)
        for record in engine.fetch(ids[start : start + 500], COPIED_FIELDS, index=index.name)
        if record is not None
    ]
    texts = {str(record["id"]): template(product_of_record(record)) for record in records}
    return texts, duplicates_of(records).kinds()


def _sample_ids(
    engine: Engine,
    index: IndexInfo,
    judgments: Judgments | None,
    queries: Sequence[JudgedQuery],
    options: TuneOptions,
    out: Path,
) -> list[str]:
    """All judged products of the queries, and of the sample as many others as there is room for."""
    known = judgments or read_made(out, HELD_OUT).judgments
    judged = sorted({one for query in queries for one in known.of(query.qid)})
    there = [
        id_
        for start in range(0, len(judged), 500)
        for id_, record in zip(
            judged[start : start + 500],
            engine.fetch(judged[start : start + 500], ("id",), index=index.name),
            strict=True,
        )
        if record is not None
    ]
    others = [one.id for one in read_sample(out) if one.id not in set(there)]
    return sorted([*there, *others[: max(0, options.sample - len(there))]])
