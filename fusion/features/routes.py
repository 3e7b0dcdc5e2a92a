"""What each route says about a candidate, and about the query."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from multirecall.fusion.features.base import MISSING, Column, Feature, constant
from multirecall.fusion.features.pool import RANK_CONSTANT, Pool, RouteColumns

__all__ = ["Agreement", "RouteSignals"]

_SHOWN = 10  # the part of a list that a shopper sees


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSignals:
    """Rank, score and their relation to the rest of the route's list; missing where the route did not find it."""

    route: str
    revision: int = 1

    @property
    def features(self) -> tuple[Feature, ...]:
        of = self.route
        return (
            Feature(name=f"{of}.found", description=f"1 if {of} found it, 0 if not; missing if {of} did not run"),
            Feature(name=f"{of}.rank", description=f"rank in {of}, from 1", monotone=-1),
            Feature(name=f"{of}.score", description=f"raw score of {of}"),
            Feature(name=f"{of}.normalised", description=f"min-max score of {of}, 0 to 1", monotone=1),
            Feature(name=f"{of}.margin", description=f"top score of {of} minus this one", monotone=-1),
            Feature(name=f"{of}.ratio", description=f"this score by the top score of {of}", monotone=1),
            Feature(name=f"{of}.z", description=f"standard deviations above the mean score of {of}", monotone=1),
            Feature(name=f"{of}.top_score", description=f"query: the top score of {of}"),
            Feature(name=f"{of}.spread", description=f"query: standard deviation of the scores of {of}"),
            Feature(name=f"{of}.drop", description=f"query: top score of {of} minus its tenth"),
            Feature(name=f"{of}.hits", description=f"query: number of hits of {of}"),
            Feature(name=f"{of}.total", description=f"query: number of products that match in {of}, logarithm"),
        )

    def __call__(self, pool: Pool) -> list[Column]:
        columns = pool.routes[self.route]
        scores = columns.scores
        if not len(scores):
            found = constant(pool, 0.0 if columns.ran else MISSING)
            nothing = constant(pool, MISSING)
            hits = constant(pool, 0.0 if columns.ran else MISSING)
            return [found, *[nothing] * 9, hits, constant(pool, np.log1p(columns.total))]
        top, mean, deviation = scores[0], scores.mean(), scores.std()
        drop = top - scores[min(_SHOWN, len(scores)) - 1]
        return [
            np.isfinite(columns.rank).astype(np.float64),
            columns.rank,
            columns.score,
            columns.normalised,
            top - columns.score,
            columns.score / top if top > 0.0 else constant(pool, MISSING),
            (columns.score - mean) / deviation
            if deviation > 0.0
            else np.where(np.isfinite(columns.score), 0.0, MISSING),
            constant(pool, top),
            constant(pool, deviation),
            constant(pool, drop),
            constant(pool, float(len(scores))),
            constant(pool, np.log1p(columns.total)),
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How far the routes agree on a candidate, and on the query."""

    revision: int = 1

    @property
    def features(self) -> tuple[Feature, ...]:
        return (
            Feature(name="routes.blend", description="mean of the normalised scores, not found as 0", monotone=1),
            Feature(name="routes.blend_rank", description="rank by the mean of the normalised scores", monotone=-1),
            Feature(name="routes.rrf", description="reciprocal rank fusion of the routes", monotone=1),
            Feature(name="routes.found_by", description="number of routes that found it", monotone=1),
            Feature(name="routes.ran", description="query: number of routes that ran"),
            Feature(name="routes.overlap", description="query: share of the routes' first ten that two of them hold"),
        )

    def __call__(self, pool: Pool) -> list[Column]:
        rank = np.empty(len(pool))
        rank[pool.by_blend] = np.arange(1, len(pool) + 1)
        ranks = np.array([columns.rank for columns in pool.routes.values()]).reshape(-1, len(pool))
        return [
            pool.blend,
            rank,
            np.nansum(1.0 / (RANK_CONSTANT + ranks), axis=0),
            np.isfinite(ranks).sum(axis=0).astype(np.float64),
            constant(pool, float(sum(columns.ran for columns in pool.routes.values()))),
            constant(pool, _overlap([columns for columns in pool.routes.values() if len(columns.scores)])),
        ]


def _overlap(routes: list[RouteColumns]) -> float:
    if len(routes) < 2:
        return MISSING
    firsts = np.concatenate([columns.positions[:_SHOWN] for columns in routes])
    _, counts = np.unique(firsts, return_counts=True)
    return float((counts > 1).sum() / len(counts))
