"""What a blender must beat: each route alone, reciprocal rank fusion, and a weighted sum with tuned weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

import numpy as np

from multirecall.evaluation.measures import NDCG
from multirecall.fusion.base import Fusion
from multirecall.fusion.rrf import RRF
from multirecall.fusion.weighted_sum import WeightedSum
from multirecall.training.blender.collecting import JudgedPool

__all__ = ["fixed_fusions", "run_by", "tuned_weighted_sum"]

_MEASURE = NDCG(k=10)
_STEPS = {2: 20, 3: 10}
_STEPS_FOR_MORE = 5


def fixed_fusions() -> Mapping[str, Fusion]:
    """The untrained fusions by the name they have in tables."""
    return {"RRF": RRF(), "WeightedSum": WeightedSum()}


def run_by(
    fusion: Fusion, pools: Sequence[JudgedPool], *, k: int = 100, without: Sequence[str] = ()
) -> dict[str, list[str]]:
    """The first `k` products of each query by a fusion of the routes' rankings, those of `without` left out."""
    return {
        pool.qid: [hit.id for hit in fusion([r for r in pool.rankings if r.route not in without], k, pool.query).hits]
        for pool in pools
    }


def tuned_weighted_sum(pools: Sequence[JudgedPool]) -> WeightedSum:
    """The weights with the highest mean nDCG@10 on these queries, of all that add up to 1 in even steps.

    Steps of .05 for two routes, .1 for three, .2 for more. Ties go to the weights nearest to equal ones.
    """
    routes = sorted({ranking.route for pool in pools for ranking in pool.rankings})
    if len(routes) < 2:
        return WeightedSum()

    def reached(weights: Mapping[str, float]) -> tuple[float, float]:
        fusion = WeightedSum(weights=weights)
        figures = [
            _MEASURE([hit.id for hit in fusion(pool.rankings, _MEASURE.k, pool.query).hits], pool.grades)
            for pool in pools
        ]
        return round(float(np.mean(figures)), 9), -max(weights.values())

    return WeightedSum(weights=max(_simplex(routes), key=reached))


def _simplex(routes: Sequence[str]) -> Iterator[dict[str, float]]:
    steps = _STEPS.get(len(routes), _STEPS_FOR_MORE)
    for parts in product(range(steps + 1), repeat=len(routes) - 1):
        if sum(parts) <= steps:
            shares = (*parts, steps - sum(parts))
            yield {route: share / steps for route, share in zip(routes, shares, strict=True)}
