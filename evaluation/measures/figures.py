"""The figures of a run: one per query."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from multirecall.evaluation.judgments import Judgments
from multirecall.evaluation.measures.base import Measure, Run, judged_share

__all__ = ["QueryFigures", "score_run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryFigures:
    """The measure of one run, per query.

    `values` has one figure for each query that was asked and that the measure is defined for (nDCG: it has a relevant
    judgment); `judged` the share of judged products in its first `k` (no entry where nothing was found).
    `without_relevant` are the queries left out because the measure is not defined for them.
    """

    measure: Measure
    values: Mapping[str, float]
    judged: Mapping[str, float]
    without_relevant: tuple[str, ...] = field(default=())


def score_run(run: Run, judgments: Judgments, qids: Iterable[str], measure: Measure) -> QueryFigures:
    """The figure of each query of `qids`, in that order.

    A query that the run does not hold, or holds no product for, counts 0; one that the measure is not defined for is
    left out and named. Judgments of queries that are not in `qids` are not looked at.
    """
    values: dict[str, float] = {}
    judged: dict[str, float] = {}
    without_relevant: list[str] = []
    for qid in dict.fromkeys(qids):
        ranked, grades = run.get(qid, ()), judgments.of(qid)
        if not measure.is_defined(grades):
            without_relevant.append(qid)
            continue
        values[qid] = measure(ranked, grades)
        share = judged_share(ranked, grades, measure.k)
        if share is not None:
            judged[qid] = share
    return QueryFigures(measure=measure, values=values, judged=judged, without_relevant=tuple(without_relevant))
