"""How much a candidate is like those that the routes put first: what most of the best are, the sought thing is."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multirecall.fusion.features.base import MISSING, Column, Feature, FeatureGroup
from multirecall.fusion.features.incidence import Floats, Grouping
from multirecall.fusion.features.pool import Pool

__all__ = ["BLEND", "KIND", "like_the_first"]

BLEND = "blend"
"""The first by the untrained fusion of all routes."""

_ROUNDING = 1e-12
"""A smaller share of an inner product is what rounding left of nothing: a tree would split at its sign."""


class _First:
    """The `n` first of a route (or of the BLEND of all), weighted 1 / log2(rank + 1) as in nDCG.

    A candidate that is one of them is compared with the others. All is missing where there are not two of them.
    """

    def __init__(self, pool: Pool, of: str, n: int) -> None:
        self.pool = pool
        first = (pool.by_blend if of == BLEND else pool.routes[of].positions)[:n]
        self.weights: Floats | None = None
        if len(first) > 1:
            self.weights = np.zeros(len(pool))
            self.weights[first] = _discounts(len(first))

    def brand(self) -> Column | float:
        return self._of_group(self.pool.brands, self.pool.has_brand)

    def category(self) -> Column | float:
        return self._of_group(self.pool.categories, self.pool.has_category)

    def _of_group(self, groups: Grouping[Any], known: NDArray[np.bool_]) -> Column | float:
        if self.weights is None:
            return MISSING
        others = (groups.sums(self.weights)[groups.group] - self.weights) / (1.0 - self.weights)
        return np.where(known, others, MISSING)

    def attributes(self) -> Column | float:
        if self.weights is None:
            return MISSING
        kinds, attributes = self.pool.kinds, self.pool.kind_attributes
        shared, mean = attributes.shared(kinds.sums(self.weights), np.ones(len(attributes)))
        return _likeness(shared[kinds.group], self.pool.n_attributes, mean, self.weights)

    def title(self) -> Column | float:
        if self.weights is None:
            return MISSING
        shared, mean = self.pool.title_incidence.shared(self.weights, self.pool.title_idf)
        return _likeness(shared, self.pool.title_squares, mean, self.weights)


def _discounts(n: int) -> Floats:
    """Those of the first `n` ranks, adding up to 1."""
    discounts = 1.0 / np.log2(np.arange(2, n + 2))
    weights: Floats = discounts / discounts.sum()
    return weights


def _likeness(shared: Column, squares: Column, mean: Column, weights: Column) -> Column | float:
    """Cosine between a candidate's words and the weighted mean of the first, itself left out.

    `shared` is their inner product with itself left in, `squares` that of its words with themselves.
    """
    length = float(np.sqrt(mean @ mean))
    if length == 0.0:
        return MISSING
    others = shared - weights * squares
    others = np.where(others > _ROUNDING * shared, others, 0.0)
    norm = np.sqrt(np.where(squares > 0.0, squares, 1.0)) * length
    return np.where(squares > 0.0, others / ((1.0 - weights) * norm), MISSING)


def like_the_first(of: str, n: int = 10) -> FeatureGroup[_First]:
    """Likeness to the `n` first of a route (or of the BLEND of all): by brand, category, attribute names and title.

    Attribute names and titles are compared by the cosine with the weighted mean; titles by idf. Pseudo relevance
    feedback (Rocchio 1971), here as a feature instead of a new query.
    """
    name, first = f"like_{of}_{n}", f"the first {n} of {of}"
    features: tuple[Feature[_First], ...] = (
        Feature(
            name=f"{name}.brand",
            description=f"weight of its brand among {first}",
            column=lambda first: first.brand(),
        ),
        Feature(
            name=f"{name}.category",
            description=f"weight of its category among {first}",
            column=lambda first: first.category(),
        ),
        Feature(
            name=f"{name}.attributes",
            description=f"likeness in attribute names to {first}",
            column=lambda first: first.attributes(),
        ),
        Feature(
            name=f"{name}.title",
            description=f"likeness in title to {first}",
            column=lambda first: first.title(),
        ),
    )
    return FeatureGroup(name="LikeTheFirst", view=partial(_First, of=of, n=n), features=features)


class _Kind:
    """What the routes think of the other candidates of the same kind: those with the same attribute names."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        kinds = pool.kinds
        self.size = np.bincount(kinds.group)
        best = np.full(len(self.size), -np.inf)
        np.maximum.at(best, kinds.group, pool.blend)
        self.best = best[kinds.group]
        first = pool.by_blend[:10]
        self.weights = _discounts(len(first))
        self.anywhere = np.maximum(pool.in_name, pool.in_other)
        self.share_anywhere = self.weights @ self.anywhere[first]
        self.share_in_name = self.weights @ pool.in_name[first]

    def mean_of_others(self) -> Column:
        kinds = self.pool.kinds
        others = self.size[kinds.group] - 1
        mean = (kinds.sums(self.pool.blend)[kinds.group] - self.pool.blend) / np.maximum(others, 1)
        return np.where(others > 0, mean, MISSING)


def _lacking(has: Floats, share: Floats) -> Column | float:
    """Per candidate the mean over the terms of `the first hold it and this one does not`."""
    return (1.0 - has) @ share / len(share) if len(share) else MISSING


def _mean(share: Floats) -> float:
    return float(share.mean()) if len(share) else MISSING


KIND: FeatureGroup[_Kind] = FeatureGroup(
    name="Kind",
    view=_Kind,
    features=(
        Feature(
            name="kind.best",
            description="highest blend among the candidates of its kind",
            monotone=1,
            column=lambda kind: kind.best,
        ),
        Feature(
            name="kind.mean",
            description="mean blend of the others of its kind",
            column=lambda kind: kind.mean_of_others(),
        ),
        Feature(
            name="kind.size",
            description="number of candidates of its kind",
            column=lambda kind: kind.size[kind.pool.kinds.group],
        ),
        Feature(
            name="kind.attributes",
            description="number of its attributes",
            column=lambda kind: kind.pool.n_attributes,
        ),
        Feature(
            name="asked.lacking",
            description="share of the first ten that hold the terms it lacks",
            monotone=-1,
            column=lambda kind: _lacking(kind.anywhere, kind.share_anywhere),
        ),
        Feature(
            name="asked.lacking_title",
            description="share of the first ten whose name holds the terms its name lacks",
            monotone=-1,
            column=lambda kind: _lacking(kind.pool.in_name, kind.share_in_name),
        ),
        Feature(
            name="query.held",
            description="query: mean share of the first ten that hold a term",
            column=lambda kind: _mean(kind.share_anywhere),
        ),
        Feature(
            name="query.held_title",
            description="query: mean share of the first ten whose name holds a term",
            column=lambda kind: _mean(kind.share_in_name),
        ),
    ),
)
