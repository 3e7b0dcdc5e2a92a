"""Which changes are put forward: what won, by evidence that may speak for it.

The rule was settled before anything was measured by it:

1. It gains nDCG@10 over what it is compared with, significantly (paired randomisation, Holm over all comparisons).
2. It does not lose R@100 significantly (one-sided, without correction), and no class of queries loses nDCG@10
   (one-sided, Holm over the classes, as in all tables by class: seven classes without correction refuse a third of
   all harmless changes).
3. **What was learned from generated queries is not put forward on their word.** Both halves are made under one
   assumption (good is what has the words), so whoever learns it wins on the other half, whatever shoppers want. A
   split by product and template guards against remembering queries, not against this. Real judgments decide there.

What was learned from the catalogue alone (the rewriters) meets generated queries as a test that it did not see.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np

from multirecall.evaluation.holm import holm
from multirecall.evaluation.judgments import Judgments
from multirecall.evaluation.measures import NDCG, Measure, Recall, Run, score_run
from multirecall.evaluation.paired_test import bootstrap_interval, randomisation_test
from multirecall.evaluation.queries import JudgedQuery

__all__ = ["ALPHA", "Arm", "Compared", "Learned", "Verdict", "compare_arms", "decide"]

ALPHA = 0.05
MIN_CLASS = 10
"""Queries that a class must have to speak against a change."""

_SAME = 1e-12


class Learned(StrEnum):
    """What an arm learned from."""

    CATALOGUE = "the catalogue"
    GENERATED = "generated queries"
    JUDGMENTS = "judgments"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One change beside what it is compared with, both as runs over the same queries. `condensed`: nDCG is taken over
    judged products alone, for what finds products that nobody was shown when the judgments were made."""

    name: str
    run: Run
    against: str
    baseline: Run
    learned: Learned
    condensed: bool = False

    @property
    def main_measure(self) -> str:
        """The measure that decides."""
        return "condensed nDCG@10" if self.condensed else "nDCG@10"


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One measure of one arm over one class of queries (empty: all)."""

    arm: str
    against: str
    measure: str
    kind: str
    n: int
    before: float
    after: float
    difference: float
    low: float
    high: float
    p_fall: float
    """One-sided, of a fall; among classes Holm's, over those of the arm that have MIN_CLASS queries."""
    p_holm: float
    """Two-sided, over all comparisons of all queries; 1 for a class."""

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether the arm is put forward, and why or why not in a sentence."""

    arm: str
    proposed: bool
    why: str

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def compare_arms(
    arms: Sequence[Arm], queries: Sequence[JudgedQuery], judgments: Judgments, *, relevant_grade: float = 1.0
) -> list[Compared]:
    """Every arm by nDCG@10 and R@100 over all queries (one family for Holm), and nDCG@10 by class.

    R@100 counts products of `relevant_grade` or more. A query without an answer counts 0.
    """
    measures: tuple[Measure, ...] = (NDCG(k=10), Recall(k=100, min_grade=relevant_grade))
    scored = [
        [
            tuple(_scores(run, judgments, queries, measure, condensed) for run in (arm.baseline, arm.run))
            for measure, condensed in zip(measures, (arm.condensed, False), strict=True)
        ]
        for arm in arms
    ]
    rows: list[Compared] = []
    p_values: list[float] = []
    for arm, by_measure in zip(arms, scored, strict=True):
        for name, (before, after) in zip((arm.main_measure, "R@100"), by_measure, strict=True):
            if before:
                row, p = _compared(arm, name, "", list(before), before, after)
                rows.append(row)
                p_values.append(p)
    corrected = iter(holm(p_values))
    rows = [replace(row, p_holm=next(corrected)) for row in rows]
    for arm, ((before, after), _) in zip(arms, scored, strict=True):
        by_class: dict[str, list[str]] = defaultdict(list)
        for query in queries:
            if query.qid in before and query.columns.get("class"):
                by_class[query.columns["class"]].append(query.qid)
        own = [
            _compared(arm, arm.main_measure, kind, qids, before, after)[0] for kind, qids in sorted(by_class.items())
        ]
        falls = iter(holm([row.p_fall for row in own if row.n >= MIN_CLASS]))
        rows += [replace(row, p_fall=next(falls)) if row.n >= MIN_CLASS else row for row in own]
    return rows


def decide(arm: Arm, compared: Sequence[Compared]) -> Verdict:
    """The rule of this module for one arm."""
    own = [row for row in compared if row.arm == arm.name and row.against == arm.against]
    overall = {row.measure: row for row in own if not row.kind}
    main = overall.get(arm.main_measure)
    if main is None:
        return Verdict(arm=arm.name, proposed=False, why="no query could be compared")
    figure = f"{main.difference:+.3f} {arm.main_measure} [{main.low:+.3f}, {main.high:+.3f}] against {arm.against}"
    if arm.learned is Learned.GENERATED:
        return Verdict(
            arm=arm.name,
            proposed=False,
            why=f"{figure}, but it learned from generated queries, which cannot speak for it: judge 50 queries or more",
        )
    if not (main.difference > 0 and main.p_holm < ALPHA):
        return Verdict(arm=arm.name, proposed=False, why=f"{figure}: no significant gain (p {main.p_holm:.3f})")
    falls = [row for row in (overall.get("R@100"),) if row is not None and _falls(row)]
    falls += [row for row in own if row.kind and row.n >= MIN_CLASS and _falls(row)]
    if falls:
        worst = min(falls, key=lambda row: row.difference)
        of = worst.kind or worst.measure
        return Verdict(
            arm=arm.name,
            proposed=False,
            why=f"{figure}, but {of} loses {-worst.difference:.3f} [{worst.low:+.3f}, {worst.high:+.3f}]",
        )
    return Verdict(arm=arm.name, proposed=True, why=figure)


def _falls(row: Compared) -> bool:
    return row.difference < 0 and row.p_fall < ALPHA


def _scores(
    run: Run, judgments: Judgments, queries: Sequence[JudgedQuery], measure: Measure, condensed: bool
) -> dict[str, float]:
    if condensed:
        run = {qid: [one for one in found if one in judgments.of(qid)] for qid, found in run.items()}
    found = score_run(run, judgments, [query.qid for query in queries], measure)
    return dict(found.values)


def _compared(
    arm: Arm, measure: str, kind: str, qids: Sequence[str], before: Mapping[str, float], after: Mapping[str, float]
) -> tuple[Compared, float]:
    """The row, and its two-sided p."""
    differences = np.array([after[qid] - before[qid] for qid in qids])
    differences[np.abs(differences) < _SAME] = 0.0
    test, interval = randomisation_test(differences, rounds=10_000), bootstrap_interval(differences)
    row = Compared(
        arm=arm.name,
        against=arm.against,
        measure=measure,
        kind=kind,
        n=len(qids),
        before=float(np.mean([before[qid] for qid in qids])),
        after=float(np.mean([after[qid] for qid in qids])),
        difference=test.difference,
        low=interval.low,
        high=interval.high,
        p_fall=test.p_fall,
        p_holm=1.0,
    )
    return row, test.p_two_sided
