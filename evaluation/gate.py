"""The gate of a rebuild: may the new index take over, judged by the figures of both on the same queries?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.measures import NDCG, QueryFigures
from multirecall.evaluation.paired_test import (
    Differences,
    Interval,
    RandomisationTest,
    bootstrap_interval,
    randomisation_test,
)
from multirecall.evaluation.verdict import Outcome, QueryChange, Verdict

__all__ = ["Gate"]

_SAME = 1e-12
"""Figures that differ by less are rounding, not a change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Stops a swap that would make results worse.

    It stops when the mean falls significantly (one-sided paired randomisation test, p < `alpha`), and also when it
    falls by more than the share `max_fall` of the old mean, even if the queries are too few to be sure. It cannot
    judge, and so does not pass, with fewer than `min_queries` comparable queries (the default is the least with which
    a fall can be significant at .05: 2^-4 is .0625, 2^-5 is .031), or when more than the share `max_incomplete` of the
    answers was incomplete. A mean judged@k that is lower by more than `max_judged_fall` is pointed out: products
    without a judgment count as irrelevant, so the fall may be one of the judgments. `n_worst` queries are listed.
    """

    measure: NDCG = field(default=NDCG(k=10))
    alpha: float = 0.05
    max_fall: float = 0.2
    min_queries: int = 5
    max_incomplete: float = 0.05
    max_judged_fall: float = 0.1
    n_worst: int = 10
    confidence: float = 0.95
    rounds: int = 20_000
    seed: int = 7

    def __post_init__(self) -> None:
        for name in ("alpha", "confidence"):
            if not 0.0 < getattr(self, name) < 1.0:
                raise InvalidInput(f"{name} must lie between 0 and 1, got {getattr(self, name)}.", field=name)
        for name in ("max_fall", "max_incomplete", "max_judged_fall"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise InvalidInput(f"{name} is a share from 0 to 1, got {getattr(self, name)}.", field=name)
        for name, least in (("min_queries", 1), ("n_worst", 0), ("rounds", 1)):
            if getattr(self, name) < least:
                raise InvalidInput(f"{name} must be {least} or more, got {getattr(self, name)}.", field=name)

    def __call__(
        self,
        old: QueryFigures,
        new: QueryFigures,
        *,
        texts: Mapping[str, str] | None = None,
        incomplete: Mapping[str, str] | None = None,
    ) -> Verdict:
        """The verdict over the queries of both. `texts` (by query id) are shown with the worst queries.

        `incomplete` names, with the reason, the queries that one of the two could not answer in full (a route failed
        or was late): they are left out, since they would say more about the moment than about the index.

        Raises InvalidInput if the two were not asked the same queries or measured alike. Deterministic by `seed`.
        """
        if old.measure != self.measure or new.measure != self.measure:
            raise InvalidInput(
                f"The gate wants {self.measure}, the figures are {old.measure} and {new.measure}.", field="measure"
            )
        if old.values.keys() != new.values.keys() or set(old.without_relevant) != set(new.without_relevant):
            raise InvalidInput("Old and new were not asked the same queries.", field="queries")
        left_out = {qid: why for qid, why in (incomplete or {}).items() if qid in old.values}
        qids = [qid for qid in old.values if qid not in left_out]
        before = np.array([old.values[qid] for qid in qids], dtype=np.float64)
        after = np.array([new.values[qid] for qid in qids], dtype=np.float64)
        differences = np.where(np.abs(after - before) < _SAME, 0.0, after - before)
        test = randomisation_test(differences, rounds=self.rounds, seed=self.seed) if qids else None
        judged_old, judged_new = _mean_share(old, qids), _mean_share(new, qids)
        outcome, reason = self._decide(before, after, test, left_out)
        return Verdict(
            outcome=outcome,
            reason=" ".join([reason, *self._judged_note(judged_old, judged_new)]),
            measure=str(self.measure),
            k=self.measure.k,
            alpha=self.alpha,
            max_fall=self.max_fall,
            n_queries=len(qids),
            n_without_relevant=len(old.without_relevant),
            incomplete=left_out,
            old_mean=float(before.mean()) if qids else None,
            new_mean=float(after.mean()) if qids else None,
            difference=test.difference if test else None,
            ci=self._interval(differences),
            p_value=test.p_fall if test else None,
            p_two_sided=test.p_two_sided if test else None,
            wins=int(np.count_nonzero(differences > 0)),
            losses=int(np.count_nonzero(differences < 0)),
            ties=int(np.count_nonzero(differences == 0)),
            judged_old=judged_old,
            judged_new=judged_new,
            worst=self._worst(qids, before, after, differences, texts or {}),
        )

    def _decide(
        self, before: Differences, after: Differences, test: RandomisationTest | None, incomplete: Mapping[str, str]
    ) -> tuple[Outcome, str]:
        n, asked = len(before), len(before) + len(incomplete)
        if len(incomplete) > self.max_incomplete * asked:
            qid, why = next(iter(incomplete.items()))
            return Outcome.UNDECIDED, (
                f"The gate cannot judge: {len(incomplete)} of {asked} queries were not answered in full "
                f"(the first, {qid}: {why})."
            )
        if test is None or n < self.min_queries:
            return Outcome.UNDECIDED, (
                f"The gate cannot judge: {_queries(n)} with a relevant judgment could be compared, "
                f"{self.min_queries} are needed."
            )
        old_mean, new_mean = float(before.mean()), float(after.mean())
        change = f"{self.measure} goes from {old_mean:.3f} to {new_mean:.3f} over {_queries(n)}"
        chance = f"one-sided p = {_p(test.p_fall)}"
        fall = -test.difference / old_mean if old_mean > 0 else 0.0
        if test.p_fall < self.alpha:
            return Outcome.STOPPED, f"{change}, a significant fall ({chance}, below {self.alpha:g})."
        if fall > self.max_fall:
            return Outcome.STOPPED, (
                f"{change}, a fall by {fall:.0%} where {self.max_fall:.0%} is the limit. It may be chance "
                f"({chance}), but it is too much to risk."
            )
        return Outcome.PASSED, f"{change}: no significant fall ({chance})."

    def _judged_note(self, old: float | None, new: float | None) -> list[str]:
        if old is None or new is None or new >= old - self.max_judged_fall:
            return []
        return [
            f"But only {new:.0%} of the new top {self.measure.k} have a judgment (old: {old:.0%}), and products "
            "without one count as irrelevant: a fall may be a lack of judgments. Have the new products judged, then "
            "decide."
        ]

    def _interval(self, differences: Differences) -> Interval | None:
        if not len(differences):
            return None
        return bootstrap_interval(differences, confidence=self.confidence, seed=self.seed)

    def _worst(
        self,
        qids: list[str],
        before: Differences,
        after: Differences,
        differences: Differences,
        texts: Mapping[str, str],
    ) -> tuple[QueryChange, ...]:
        fallen = sorted(
            (at for at in range(len(qids)) if differences[at] < 0), key=lambda at: (differences[at], qids[at])
        )
        return tuple(
            QueryChange(qid=qids[at], text=texts.get(qids[at], ""), old=float(before[at]), new=float(after[at]))
            for at in fallen[: self.n_worst]
        )


def _mean_share(figures: QueryFigures, qids: list[str]) -> float | None:
    """judged@k over the queries that found anything; None if none did."""
    shares = [figures.judged[qid] for qid in qids if qid in figures.judged]
    return float(np.mean(shares)) if shares else None


def _queries(n: int) -> str:
    return "1 query" if n == 1 else f"{n:,} queries" if n else "no query"


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else f"{value:.1g}"
