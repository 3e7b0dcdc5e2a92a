"""EvaluationReport: what an evaluation found, as plain data for tables, JSON and HTML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from multirecall.evaluation.paired_test import Interval

__all__ = ["ALL_QUERIES", "Comparison", "EvaluationReport", "Figure", "SegmentRow"]

ALL_QUERIES = "all queries"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measure of one system over the queries of one segment.

    `mean` is over the `n` queries that the measure is defined for (None if there is none), unjudged products taken as
    irrelevant; `ci` its bootstrap interval; `under` the mean under each policy of `Unjudged`. `judged` is the mean
    share of judged products among the first `k` shown (None: the whole ranking), over the queries that show any.
    `n_empty` of the n queries found nothing and count 0.
    """

    system: str
    measure: str
    k: int | None
    n: int
    n_empty: int
    mean: float | None
    ci: Interval | None
    under: Mapping[str, float]
    judged: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One system against the baseline: `difference` is the system's mean minus the baseline's.

    `p_value` is two-sided (paired randomisation test), `p_holm` corrected over all comparisons of its table.
    `difference_under` is the difference under each policy. `wins` are queries that the system answers better.
    """

    system: str
    baseline: str
    measure: str
    difference: float
    ci: Interval
    p_value: float
    p_holm: float
    significant: bool
    difference_under: Mapping[str, float]
    wins: int
    losses: int
    ties: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRow:
    """All figures of one segment; `family` is empty for the row of all queries."""

    family: str
    value: str
    n_queries: int
    figures: tuple[Figure, ...]
    comparisons: tuple[Comparison, ...]

    def figure(self, system: str, measure: str) -> Figure:
        """The figure of one system and measure."""
        return next(f for f in self.figures if (f.system, f.measure) == (system, measure))

    def comparison(self, system: str, measure: str) -> Comparison | None:
        """The system against the baseline; None for the baseline itself and where no query could be compared."""
        return next((c for c in self.comparisons if (c.system, c.measure) == (system, measure)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationReport:
    """The whole: `overall`, and `segments` in the order of their families.

    `values[measure][system][qid]` are the figures per query (unjudged as irrelevant), `texts` the queries. `notes` say
    what a reader must know before believing a figure.
    """

    systems: tuple[str, ...]
    baseline: str
    measures: tuple[str, ...]
    alpha: float
    top_grade: float
    n_queries: int
    n_judged_queries: int
    n_judgments: int
    overall: SegmentRow
    segments: tuple[SegmentRow, ...]
    values: Mapping[str, Mapping[str, Mapping[str, float]]]
    texts: Mapping[str, str]
    notes: tuple[str, ...] = ()
