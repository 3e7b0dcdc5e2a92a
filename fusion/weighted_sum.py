"""Weighted sum of normalised scores: the untrained default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from multirecall.core.query import Query
from multirecall.core.ranking import Fused, Ranking, ScoreKind
from multirecall.fusion.base import Share, check_rankings, check_weights, fuse_contributions, weight_of

__all__ = ["WeightedSum"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightedSum:
    """`score(p) = Σ_r w_r · (s_r(p) - min_r) / (max_r - min_r) / Σ_r w_r` over the routes that found something.

    Min-max per route and query, as in OpenSearch's normalisation processor and in Bruch, Gai, Ingber, "An
    analysis of fusion functions for hybrid retrieval", TOIS 2023. A product missing from a route gets 0 from it,
    the share of that route's last hit: not found is worth no more than found last. A route whose hits all have
    one score gives each of them 1. Weights are shared out among the routes with hits, so that fused scores stay
    in 0..1 when a route fails or is empty. Probabilities are taken as they are: a route that is sure of nothing must
    not be raised to 1 (docs/results/rewrite-route.md).
    """

    weights: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        check_weights(self.weights)

    def __repr__(self) -> str:
        weights = "" if self.weights is None else f"weights={dict(sorted(self.weights.items()))}"
        return f"WeightedSum({weights})"

    @property
    def fields(self) -> tuple[str, ...]:
        return ()  # scores are all it looks at

    def __call__(self, rankings: Sequence[Ranking], k: int, query: Query | None = None) -> Fused:
        check_rankings(rankings)
        active = [r for r in rankings if r.hits and weight_of(self.weights, r.route) > 0.0]
        total = sum(weight_of(self.weights, r.route) for r in sorted(active, key=lambda r: r.route))
        shares = []
        for ranking in active:
            share_of_route = weight_of(self.weights, ranking.route) / total
            normalised = _normalised(ranking)
            contributions = [share_of_route * value for value in normalised]
            shares.append(Share(ranking=ranking, contributions=contributions, normalised=normalised))
        return fuse_contributions(repr(self), shares, k)


def _normalised(ranking: Ranking) -> list[float]:
    if ranking.kind is ScoreKind.PROBABILITY:
        return [min(1.0, max(0.0, hit.score)) for hit in ranking.hits]
    highest, lowest = ranking.hits[0].score, ranking.hits[-1].score
    spread = highest - lowest
    return [(hit.score - lowest) / spread if spread > 0.0 else 1.0 for hit in ranking.hits]
