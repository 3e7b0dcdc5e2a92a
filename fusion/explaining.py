"""Why a product has its score, and why one stands before another: shares that add up to what they explain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from multirecall.core.errors import InvalidInput, NotFound
from multirecall.core.query import Query
from multirecall.core.ranking import FusedHit, Ranking

__all__ = [
    "ExplainsItself",
    "Explanation",
    "Share",
    "ShareDifference",
    "Why",
    "explained_by_features",
    "explained_by_routes",
    "not_a_candidate",
    "why",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one feature (or route) adds to a score. `value` is what it saw; None: missing, which is not 0."""

    name: str
    description: str
    value: float | None
    contribution: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """`base` plus all contributions is `score` (up to rounding, 1e-6). `shares`: the largest first by size, then name.

    `base` is what the fusion gives any product before it looks (0 without a model). `by`: `features` for trees, where
    a contribution is the feature's Shapley value (Lundberg et al., Nature Machine Intelligence 2020), or `routes` for
    a sum over routes.
    """

    product_id: str
    score: float
    base: float
    by: str
    shares: tuple[Share, ...]

    def top(self, n: int) -> tuple[tuple[Share, ...], float]:
        """The `n` largest shares, and what all others add together."""
        return self.shares[:n], sum(share.contribution for share in self.shares[n:])


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareDifference:
    """One feature of product A beside that of product B; `difference` is what it adds to A minus what it adds to B."""

    name: str
    description: str
    value_a: float | None
    value_b: float | None
    difference: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Why A stands where it does beside B: the differences add up to `difference`, A's score minus B's.

    The largest first by size, then name; above 0 speaks for A.
    """

    a: Explanation
    b: Explanation
    difference: float
    shares: tuple[ShareDifference, ...]

    def top(self, n: int) -> tuple[tuple[ShareDifference, ...], float]:
        """The `n` largest differences, and what all others add together."""
        return self.shares[:n], sum(share.difference for share in self.shares[n:])


@runtime_checkable
class ExplainsItself(Protocol):
    """A fusion whose scores come from more than a sum over routes, and which can say from what."""

    def explain(self, rankings: Sequence[Ranking], query: Query, ids: Sequence[str]) -> tuple[Explanation, ...]:
        """The explanation of each of `ids`, in their order. Raises NotFound for one that no ranking holds."""
        ...


def explained_by_features(
    product_id: str, score: float, described: Mapping[str, str], values: Sequence[float], contributions: Sequence[float]
) -> Explanation:
    """From one row of features: `described` are their names and descriptions, in the order of `values`.

    `contributions` has one number per feature, and the base in its last place; a value that is NaN is missing.
    """
    *added, base = contributions
    shares = [
        Share(name=name, description=description, value=None if value != value else float(value), contribution=share)
        for (name, description), value, share in zip(described.items(), values, added, strict=True)
    ]
    return Explanation(product_id=product_id, score=score, base=base, by="features", shares=_largest_first(shares))


def explained_by_routes(hit: FusedHit) -> Explanation:
    """From the contributions of a hit's sources, for a fusion that adds up routes; a route's value is its rank."""
    shares = [
        Share(
            name=source.route,
            description=f"rank in route {source.route}",
            value=float(source.rank),
            contribution=source.contribution,
        )
        for source in hit.sources
    ]
    return Explanation(product_id=hit.id, score=hit.score, base=0.0, by="routes", shares=_largest_first(shares))


def not_a_candidate(product_id: str, n_candidates: int) -> NotFound:
    """The error for a product that no route found."""
    return NotFound(
        f"Product {product_id!r} is none of the {n_candidates} candidates of this query: it has no score to explain.",
        hint="No route found it, or its id is written differently. More candidates: MULTIRECALL_CANDIDATES.",
        field="id",
    )


def why(a: Explanation, b: Explanation) -> Why:
    """The differences between two products of one query. A route that found one of them only counts 0 for the other.

    Raises InvalidInput for explanations of two kinds, or with different bases: they are not of one ranking.
    """
    if a.by != b.by or a.base != b.base:
        raise InvalidInput("Only two products of the same ranking can be compared.", field="explanation")
    of_a, of_b = ({share.name: share for share in one.shares} for one in (a, b))
    differences = []
    for name in dict.fromkeys([*of_a, *of_b]):
        here, there = of_a.get(name), of_b.get(name)
        differences.append(
            ShareDifference(
                name=name,
                description=next(share.description for share in (here, there) if share),
                value_a=here.value if here else None,
                value_b=there.value if there else None,
                difference=(here.contribution if here else 0.0) - (there.contribution if there else 0.0),
            )
        )
    differences.sort(key=lambda one: (-abs(one.difference), one.name))
    return Why(a=a, b=b, difference=a.score - b.score, shares=tuple(differences))


def _largest_first(shares: Sequence[Share]) -> tuple[Share, ...]:
    return tuple(sorted(shares, key=lambda share: (-abs(share.contribution), share.name)))
