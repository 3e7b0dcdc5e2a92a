"""Labelled candidates, by which the judges learn and get their thresholds: from grades, or from the catalogue alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from multirecall.core.errors import InvalidInput
from multirecall.core.rewriting import Rewriting
from multirecall.encoders.fingerprint import fingerprint
from multirecall.engines.base import Engine
from multirecall.recall.rewriting import Rewriter
from multirecall.training.synthesis.curate import Threshold, threshold_for
from multirecall.training.synthesis.retrieve import StrongPipeline
from multirecall.training.synthesis.rewrite import MIN_INTENT, IntentJudge, kept_rewritings
from multirecall.training.synthesis.scorers import Example, LearnedScore, Scorer, learn_score

__all__ = ["GOOD_GRADE", "Judges", "labelled_by_catalogue", "labelled_by_grades", "learned_judges"]

GOOD_GRADE = 2.0
"""Exact (3) and substitute (2) are good, complement (1) and irrelevant (0) are not."""

EVEN = 0.5
"""B's threshold is never below even odds: a few hundred labels cannot tell how low it may be, and what B takes for bad
is no agreement."""

_LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judges:
    """Two independent judges with their thresholds, found on labelled pairs that B did not learn from."""

    b: Scorer
    s: Scorer
    tau_b: Threshold
    tau_s: Threshold

    @property
    def fingerprint(self) -> str:
        """16 hex digits over the judges and thresholds."""
        return fingerprint(
            {"b": self.b.fingerprint, "s": self.s.fingerprint, "at": [self.tau_b.value, self.tau_s.value]}
        )


def labelled_by_grades(
    grades: Mapping[str, Mapping[str, float]],
    rewriter: Rewriter,
    pipeline: StrongPipeline,
    *,
    complete: bool = False,
    judge: IntentJudge | None = None,
    min_intent: float = MIN_INTENT,
    on_query: Callable[[], None] = lambda: None,
) -> list[Example]:
    """The candidates of judged queries (grades by query text, then product) with their labels.

    Products without a grade are left out; with `complete` they are bad: the judgments name every good product.
    """
    examples: list[Example] = []
    for text in sorted(grades):
        judged = grades[text]
        rewritings = kept_rewritings(text, rewriter, judge=judge, min_intent=min_intent)
        for candidate in pipeline.candidates(rewritings):
            grade = judged.get(candidate.id, 0.0 if complete else None)
            if grade is not None:
                examples.append(Example(query=text, candidate=candidate, good=grade >= GOOD_GRADE))
        on_query()
    return examples


def labelled_by_catalogue(
    engine: Engine, pipeline: StrongPipeline, *, queries: int = 200, seed: int = 0, index: str | None = None
) -> list[Example]:
    """Labels without a judgment: short shop-style queries made of products, good is what stands in the same category.

    A query is a category's name, with a value of an attribute of the product that it was made of in front of it. It
    tells whether a find is of the kind that was sought, which is most of what the judges have to know; it does not tell
    whether a rewriting keeps the query's intent. Reads the catalogue once.
    Raises InvalidInput for a catalogue without categories.
    """
    random = np.random.default_rng(seed)
    drawn: list[Mapping[str, object]] = []
    for seen, row in enumerate(row for row in engine.scan(("category_path", "attributes"), index=index) if _leaf(row)):
        if len(drawn) < queries:
            drawn.append(row)
        elif (at := int(random.integers(0, seen + 1))) < queries:  # reservoir sampling: bounded memory
            drawn[at] = row
    if not drawn:
        raise InvalidInput(
            "The catalogue has no categories to label pairs by.", hint="Give judged queries.", field="judgments"
        )
    examples: list[Example] = []
    for row in sorted(drawn, key=lambda row: str(row["id"])):
        leaf = _leaf(row)
        attributes = row.get("attributes")
        values = sorted(_values(attributes)) if isinstance(attributes, Mapping) else []
        value = values[int(random.integers(0, len(values)))] if values and random.random() < 0.7 else ""
        text = " ".join(f"{value} {leaf}".lower().split())[:200]
        found = pipeline.candidates((Rewriting(text=text, by="catalogue", confidence=1.0),))
        examples += [Example(query=text, candidate=one, good=one.about.leaf == leaf) for one in found]
    return examples


def learned_judges(
    examples: Sequence[Example],
    s: Scorer,
    *,
    language: str = "english",
    precision: float = 0.9,
    calibration_pairs: int | None = None,
    groups: Mapping[str, str] | None = None,
    seed: int = 0,
) -> Judges:
    """B learned from half of the labelled queries, the thresholds of both judges found on the other half.

    Queries of one group (by text; default: each its own) stay together, since wordings of one need have the same
    answers. With `calibration_pairs` the thresholds see a sample of so many pairs, as if only those had been labelled.
    Raises InvalidInput for too few pairs.
    """
    random = np.random.default_rng(seed)
    group_of = {example.query: (groups or {}).get(example.query, example.query) for example in examples}
    names = sorted(set(group_of.values()))
    chosen = {names[at] for at in random.permutation(len(names))[: (len(names) + 1) // 2]}
    teaching = {query for query, group in group_of.items() if group in chosen}
    b: LearnedScore = learn_score(
        [example for example in examples if example.query in teaching], language=language, seed=seed
    )
    held = [example for example in examples if example.query not in teaching]
    if calibration_pairs is not None and len(held) > calibration_pairs:
        held = [held[at] for at in sorted(random.permutation(len(held))[:calibration_pairs])]
    by_query: dict[str, list[Example]] = {}
    for example in held:
        by_query.setdefault(example.query, []).append(example)
    good = np.array([one.good for some in by_query.values() for one in some], dtype=np.bool_)

    def threshold(scorer: Scorer) -> Threshold:
        parts = [scorer.score(query, [one.candidate for one in some]) for query, some in by_query.items()]
        return threshold_for(np.concatenate([np.zeros(0), *parts]), good, precision=precision)

    tau_b = threshold(b)
    return Judges(b=b, s=s, tau_b=replace(tau_b, value=max(tau_b.value, EVEN)), tau_s=threshold(s))


def _leaf(row: Mapping[str, object]) -> str:
    path = row.get("category_path")
    return str(path[-1]) if isinstance(path, list | tuple) and path else ""


def _values(attributes: Mapping[str, object]) -> Iterable[str]:
    """Attribute values that are words."""
    for value in attributes.values():
        for part in value if isinstance(value, list | tuple) else (value,):
            if isinstance(part, str) and len(part) <= 40 and _LETTER.search(part):
                yield part
