"""RouteReport: what each route is worth, as plain data for tables, JSON and HTML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from multirecall.evaluation.report import EvaluationReport

__all__ = ["Latency", "RouteCounts", "RouteOverlap", "RouteReport"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteCounts:
    """One route over the queries of one segment (`family` empty: all queries), among the first `depth` of its list.

    `n_relevant`: relevant judgments of these queries; `n_found_by_any`: those that some route found; `n_found`: this
    route; `n_unique`: this route and no other. `unique_share` is `n_unique / n_found_by_any` (0 if nothing was found).
    `shared`: the mean share of its candidates that another route found too, over the queries where it found any.
    """

    family: str
    value: str
    route: str
    n_queries: int
    n_relevant: int
    n_found_by_any: int
    n_found: int
    n_unique: int
    unique_share: float
    shared: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteOverlap:
    """Two routes over all queries: the mean of `|A and B| / |A or B|` of their candidates, where one found any.

    `of_relevant` is the same over all relevant products found, of all queries together; None if none was found.
    """

    a: str
    b: str
    jaccard: float
    of_relevant: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Milliseconds of a route: of its model before the engine is asked, of the engine, and of both."""

    route: str
    n: int
    prepare_p50_ms: float
    prepare_p95_ms: float
    engine_p50_ms: float
    engine_p95_ms: float
    p50_ms: float
    p95_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteReport:
    """`left_out`: the fusion of all routes (the baseline) against that without each; `alone`: each route by itself.

    A comparison of `left_out` is "without X minus all": below 0 the route is worth something. `counts` are in the order
    of `left_out`'s segments, all queries first.
    """

    routes: tuple[str, ...]
    fusion: str
    depth: int
    relevant_grade: float
    left_out: EvaluationReport
    alone: EvaluationReport
    counts: tuple[RouteCounts, ...]
    overlaps: tuple[RouteOverlap, ...]
    latencies: tuple[Latency, ...]
    left_out_names: Mapping[str, str]
    """The system of `left_out` in which a route is missing, by route."""

    def of_segment(self, family: str, value: str) -> tuple[RouteCounts, ...]:
        """The counts of one segment, one per route."""
        return tuple(row for row in self.counts if (row.family, row.value) == (family, value))
