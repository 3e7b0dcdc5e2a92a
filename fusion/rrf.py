"""Reciprocal rank fusion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from multirecall.core.errors import InvalidSettings
from multirecall.core.query import Query
from multirecall.core.ranking import Fused, Ranking
from multirecall.fusion.base import Share, check_rankings, check_weights, fuse_contributions, weight_of

__all__ = ["RRF"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RRF:
    """`score(p) = Σ_r w_r / (k + rank_r(p))`, ranks from 1; a product missing from a route gets 0 from it.

    k = 60 and equal weights are the authors' choice: Cormack, Clarke, Büttcher, "Reciprocal rank fusion
    outperforms Condorcet and individual rank learning methods", SIGIR 2009. Scores of the routes do not matter.
    """

    k: float = 60.0
    weights: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        if not self.k > 0:
            raise InvalidSettings(f"RRF needs k above 0, got {self.k}.", field="k")
        check_weights(self.weights)

    def __repr__(self) -> str:
        weights = "" if self.weights is None else f", weights={dict(sorted(self.weights.items()))}"
        return f"RRF(k={self.k:g}{weights})"

    @property
    def fields(self) -> tuple[str, ...]:
        return ()  # ranks are all it looks at

    def __call__(self, rankings: Sequence[Ranking], k: int, query: Query | None = None) -> Fused:
        check_rankings(rankings)
        shares = []
        for ranking in rankings:
            weight = weight_of(self.weights, ranking.route)
            if weight > 0.0:
                contributions = [weight / (self.k + hit.rank) for hit in ranking.hits]
                shares.append(Share(ranking=ranking, contributions=contributions))
        return fuse_contributions(repr(self), shares, k)
