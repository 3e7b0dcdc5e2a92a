"""What each route says about a candidate, and about the query."""

from __future__ import annotations

from collections import Counter

import numpy as np

from multirecall.core.compiled import compiled
from multirecall.fusion.features.base import MISSING, Column, Feature, FeatureGroup
from multirecall.fusion.features.incidence import Floats, Positions
from multirecall.fusion.features.pool import RANK_CONSTANT, Pool, RouteColumns

__all__ = ["AGREEMENT", "route_signals"]

_SHOWN = 10  # the part of a list that a shopper sees


class _Route:
    """One route's list, and the figures of its scores: missing if it found nothing."""

    def __init__(self, columns: RouteColumns) -> None:
        self.columns = columns
        self.hits = float(len(columns.scores)) if columns.ran else MISSING
        (self.top, self.tenth, self.mean, self.deviation), (found, margin, ratio, z) = _signals(
            columns.scores, columns.rank, columns.score
        )
        self.found: Column | float = found if columns.ran else MISSING
        self.margin: Column = margin
        self.ratio: Column = ratio
        self.z: Column = z


@compiled
def _signals(
    scores: Floats, rank: Floats, score: Floats
) -> tuple[tuple[float, float, float, float], tuple[Floats, Floats, Floats, Floats]]:
    """Of the list's `scores` the top, the tenth (or last), the mean and the deviation. Of each candidate whether the
    list has it, how far it is below the top, its share of the top (missing if that is not above 0), and how many
    deviations it is above the mean (0 if all are the same)."""
    top = tenth = mean = deviation = np.nan
    if len(scores):
        top, tenth = scores[0], scores[min(_SHOWN, len(scores)) - 1]
        mean = scores.sum() / len(scores)
        deviation = 0.0  # and not what rounding makes of it, if all are the same
        if top != scores[-1]:
            deviation = np.sqrt(((scores - mean) ** 2).sum() / len(scores))
    n = len(score)
    found, margin, ratio, z = np.empty(n), np.empty(n), np.full(n, np.nan), np.empty(n)
    for row in range(n):
        above = score[row] - mean
        found[row], margin[row] = np.isfinite(rank[row]), top - score[row]
        z[row] = above / deviation if deviation > 0.0 else above * 0.0
        if top > 0.0:
            ratio[row] = score[row] / top
    return (top, tenth, mean, deviation), (found, margin, ratio, z)


def route_signals(of: str) -> FeatureGroup[_Route]:
    """Rank, score and their relation to the rest of the route's list; missing where the route did not find it."""
    features: tuple[Feature[_Route], ...] = (
        Feature(
            name=f"{of}.found",
            description=f"1 if {of} found it, 0 if not; missing if {of} did not run",
            column=lambda route: route.found,
        ),
        Feature(
            name=f"{of}.rank",
            description=f"rank in {of}, from 1",
            monotone=-1,
            column=lambda route: route.columns.rank,
        ),
        Feature(name=f"{of}.score", description=f"raw score of {of}", column=lambda route: route.columns.score),
        Feature(
            name=f"{of}.normalised",
            description=f"min-max score of {of}, 0 to 1",
            monotone=1,
            column=lambda route: route.columns.normalised,
        ),
        Feature(
            name=f"{of}.margin",
            description=f"top score of {of} minus this one",
            monotone=-1,
            column=lambda route: route.margin,
        ),
        Feature(
            name=f"{of}.ratio",
            description=f"this score by the top score of {of}",
            monotone=1,
            column=lambda route: route.ratio,
        ),
        Feature(
            name=f"{of}.z",
            description=f"standard deviations above the mean score of {of}",
            monotone=1,
            column=lambda route: route.z,
        ),
        Feature(name=f"{of}.top_score", description=f"query: the top score of {of}", column=lambda route: route.top),
        Feature(
            name=f"{of}.spread",
            description=f"query: standard deviation of the scores of {of}",
            column=lambda route: route.deviation,
        ),
        Feature(
            name=f"{of}.drop",
            description=f"query: top score of {of} minus its tenth",
            column=lambda route: route.top - route.tenth,
        ),
        Feature(name=f"{of}.hits", description=f"query: number of hits of {of}", column=lambda route: route.hits),
        Feature(
            name=f"{of}.total",
            description=f"query: number of products that match in {of}, logarithm",
            column=lambda route: float(np.log1p(route.columns.total)),
        ),
    )
    return FeatureGroup(name="RouteSignals", view=lambda pool: _Route(pool.routes[of]), features=features)


class _Routes:
    """All routes together."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.columns = [*pool.routes.values()]
        rrf, found_by, blend_rank = _agreement(np.array([columns.rank for columns in self.columns]), pool.by_blend)
        self.rrf: Column = rrf
        self.found_by: Column = found_by
        self.blend_rank: Column = blend_rank

    def overlap(self) -> float:
        firsts = [columns.positions[:_SHOWN] for columns in self.columns if len(columns.scores)]
        if len(firsts) < 2:
            return MISSING
        times = Counter(position for first in firsts for position in first.tolist())
        return sum(n > 1 for n in times.values()) / len(times)


@compiled
def _agreement(ranks: Floats, by_blend: Positions) -> tuple[Floats, Floats, Floats]:
    """Per candidate the reciprocal rank fusion, the number of routes that found it, and its rank by the blend.

    `ranks`: shape (number of routes, n), missing where a route did not find it.
    """
    n = ranks.shape[1]
    rrf, found_by, blend_rank = np.zeros(n), np.zeros(n), np.empty(n)
    for route in range(len(ranks)):
        for row in range(n):
            if np.isfinite(ranks[route, row]):
                rrf[row] += 1.0 / (RANK_CONSTANT + ranks[route, row])
                found_by[row] += 1.0
    for place in range(n):
        blend_rank[by_blend[place]] = place + 1.0
    return rrf, found_by, blend_rank


AGREEMENT: FeatureGroup[_Routes] = FeatureGroup(
    name="Agreement",  # how far the routes agree on a candidate, and on the query
    view=_Routes,
    features=(
        Feature(
            name="routes.blend",
            description="mean of the normalised scores, not found as 0",
            monotone=1,
            column=lambda routes: routes.pool.blend,
        ),
        Feature(
            name="routes.blend_rank",
            description="rank by the mean of the normalised scores",
            monotone=-1,
            column=lambda routes: routes.blend_rank,
        ),
        Feature(
            name="routes.rrf",
            description="reciprocal rank fusion of the routes",
            monotone=1,
            column=lambda routes: routes.rrf,
        ),
        Feature(
            name="routes.found_by",
            description="number of routes that found it",
            monotone=1,
            column=lambda routes: routes.found_by,
        ),
        Feature(
            name="routes.ran",
            description="query: number of routes that ran",
            column=lambda routes: float(sum(columns.ran for columns in routes.columns)),
        ),
        Feature(
            name="routes.overlap",
            description="query: share of the routes' first ten that two of them hold",
            column=lambda routes: routes.overlap(),
        ),
    ),
)
