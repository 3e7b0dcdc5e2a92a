"""The route report of what a searcher's routes found: fusions are pure, so that no route is asked twice."""

from __future__ import annotations

from collections.abc import Sequence

from multirecall.evaluation.judgments import Judgments
from multirecall.evaluation.routes import RouteReport, value_routes
from multirecall.evaluation.routes.valuing import RouteRuns
from multirecall.fusion.base import Fusion
from multirecall.training.blender.baselines import run_by
from multirecall.training.routes.collecting import RoutedQuery

__all__ = ["report_routes", "route_runs"]


def route_runs(asked: Sequence[RoutedQuery], fusion: Fusion, *, depth: int = 100) -> RouteRuns:
    """The runs of each route alone, of the fusion of all, and of the fusion without each.

    Raises InvalidInput if there are fewer than two routes.
    """
    routes = asked[0].routes if asked else ()
    pools = [one.pool for one in asked]
    return RouteRuns(
        fusion=repr(fusion),
        fused=run_by(fusion, pools, k=depth),
        alone={
            route: {p.qid: [hit.id for r in p.rankings if r.route == route for hit in r.hits][:depth] for p in pools}
            for route in routes
        },
        without={route: run_by(fusion, pools, k=depth, without=(route,)) for route in routes},
        prepare_ms={route: [one.prepared_ms.get(route, 0.0) for one in asked] for route in routes},
        engine_ms={route: [one.engine_ms(route) for one in asked] for route in routes},
    )


def report_routes(
    asked: Sequence[RoutedQuery],
    fusion: Fusion,
    *,
    depth: int = 100,
    segments: Sequence[str] | None = None,
    relevant_grade: float = 1.0,
    rounds: int = 10_000,
    seed: int = 7,
) -> RouteReport:
    """What each route is worth to this fusion. Raises what `value_routes` raises."""
    return value_routes(
        route_runs(asked, fusion, depth=depth),
        [one.pool.judged for one in asked],
        Judgments(grades={one.qid: one.pool.grades for one in asked}),
        depth=depth,
        segments=segments,
        relevant_grade=relevant_grade,
        rounds=rounds,
        seed=seed,
    )
