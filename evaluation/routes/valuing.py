"""Each route's candidates and the fusions with and without it in, a RouteReport out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.evaluating import evaluate
from multirecall.evaluation.joining import joined
from multirecall.evaluation.judgments import Judgments
from multirecall.evaluation.measures import Run
from multirecall.evaluation.queries import JudgedQuery
from multirecall.evaluation.report import ALL_QUERIES
from multirecall.evaluation.routes.report import Latency, RouteCounts, RouteOverlap, RouteReport
from multirecall.evaluation.segments import default_segments, segmented

__all__ = ["ALL_ROUTES", "RouteRuns", "value_routes"]

ALL_ROUTES = "all routes"
MEASURES = ("nDCG@10", "R@100")


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteRuns:
    """What the routes found, by name of the route: `alone` its own candidates, `without` the fusion of all others.

    `fused` is the fusion of all. `prepare_ms` and `engine_ms` hold one number per query asked.
    """

    fusion: str
    fused: Run
    alone: Mapping[str, Run]
    without: Mapping[str, Run]
    prepare_ms: Mapping[str, Sequence[float]]
    engine_ms: Mapping[str, Sequence[float]]

    def __post_init__(self) -> None:
        if len(self.alone) < 2:
            raise InvalidInput(
                "A route is worth what the others lack: two routes at least are needed.",
                hint="Give --routes two names, or set them.",
                field="routes",
            )
        if any(set(self.alone) != set(other) for other in (self.without, self.prepare_ms, self.engine_ms)):
            raise InvalidInput("Each route needs its runs and its times.", field="routes")


def value_routes(
    runs: RouteRuns,
    queries: Sequence[JudgedQuery],
    judgments: Judgments,
    *,
    depth: int = 100,
    measures: Sequence[str] = MEASURES,
    segments: Sequence[str] | None = None,
    relevant_grade: float = 1.0,
    rounds: int = 10_000,
    seed: int = 7,
) -> RouteReport:
    """What each route is worth by these judgments, for all queries and by segment (None: `default_segments`).

    The figures are those of `evaluate`, judged share and policies included. Leaving each route out is one family of
    comparisons for Holm's correction; the routes alone are another. A product counts as relevant from `relevant_grade`
    on. Raises what `evaluate` raises.
    """
    names = default_segments(queries) if segments is None else segments
    left_out_names = {route: f"without {route}" for route in runs.alone}
    settings = {"baseline": ALL_ROUTES, "rounds": rounds, "seed": seed}
    left_out = {ALL_ROUTES: runs.fused, **{left_out_names[route]: run for route, run in runs.without.items()}}
    alone = {ALL_ROUTES: runs.fused, **runs.alone}
    grades = joined(judgments, queries).judgments
    found = [_Found.of(query.qid, runs.alone, grades, depth, relevant_grade) for query in queries]
    by_qid = {one.qid: one for one in found}
    places = [("", ALL_QUERIES, [query.qid for query in queries])]
    for family, values in segmented(queries, names).items():
        places += [(family, value, list(qids)) for value, qids in values.items()]
    return RouteReport(
        routes=tuple(runs.alone),
        fusion=runs.fusion,
        depth=depth,
        relevant_grade=relevant_grade,
        left_out=evaluate(left_out, queries, judgments, measures, names, **settings),  # type: ignore[arg-type]
        alone=evaluate(alone, queries, judgments, measures, names, **settings),  # type: ignore[arg-type]
        counts=tuple(
            _counts(family, value, route, [by_qid[qid] for qid in qids])
            for family, value, qids in places
            for route in runs.alone
        ),
        overlaps=tuple(_overlap(a, b, found) for a, b in combinations(runs.alone, 2)),
        latencies=tuple(_latency(route, runs) for route in runs.alone),
        left_out_names=left_out_names,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """The candidates of one query by route, and which products are relevant."""

    qid: str
    candidates: Mapping[str, frozenset[str]]
    relevant: frozenset[str]

    @classmethod
    def of(cls, qid: str, alone: Mapping[str, Run], judgments: Judgments, depth: int, relevant_grade: float) -> _Found:
        return cls(
            qid=qid,
            candidates={route: frozenset(run.get(qid, ())[:depth]) for route, run in alone.items()},
            relevant=frozenset(p for p, grade in judgments.of(qid).items() if grade >= relevant_grade),
        )

    def others(self, route: str) -> frozenset[str]:
        return frozenset().union(*(found for name, found in self.candidates.items() if name != route))


def _counts(family: str, value: str, route: str, found: Sequence[_Found]) -> RouteCounts:
    by_any = sum(len(one.relevant & (one.candidates[route] | one.others(route))) for one in found)
    unique = sum(len((one.relevant & one.candidates[route]) - one.others(route)) for one in found)
    shared = [len(one.candidates[route] & one.others(route)) / len(one.candidates[route])
              for one in found if one.candidates[route]]  # fmt: skip
    return RouteCounts(
        family=family,
        value=value,
        route=route,
        n_queries=len(found),
        n_relevant=sum(len(one.relevant) for one in found),
        n_found_by_any=by_any,
        n_found=sum(len(one.relevant & one.candidates[route]) for one in found),
        n_unique=unique,
        unique_share=unique / by_any if by_any else 0.0,
        shared=float(np.mean(shared)) if shared else None,
    )


def _overlap(a: str, b: str, found: Sequence[_Found]) -> RouteOverlap:
    pairs = [(one.candidates[a], one.candidates[b]) for one in found]
    some = [len(left & right) / len(left | right) for left, right in pairs if left | right]
    both = sum(len(one.relevant & one.candidates[a] & one.candidates[b]) for one in found)
    either = sum(len(one.relevant & (one.candidates[a] | one.candidates[b])) for one in found)
    return RouteOverlap(
        a=a, b=b, jaccard=float(np.mean(some)) if some else 0.0, of_relevant=both / either if either else None
    )


def _latency(route: str, runs: RouteRuns) -> Latency:
    prepare = np.asarray(runs.prepare_ms[route], dtype=np.float64)
    engine = np.asarray(runs.engine_ms[route], dtype=np.float64)
    (p50, p95), (prepare_p50, prepare_p95), (engine_p50, engine_p95) = (
        np.quantile(times, (0.5, 0.95)).tolist() if len(times) else (0.0, 0.0)
        for times in (prepare + engine, prepare, engine)
    )
    return Latency(
        route=route,
        n=len(engine),
        prepare_p50_ms=prepare_p50,
        prepare_p95_ms=prepare_p95,
        engine_p50_ms=engine_p50,
        engine_p95_ms=engine_p95,
        p50_ms=p50,
        p95_ms=p95,
    )
