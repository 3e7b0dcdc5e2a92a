"""How much a candidate is like those that the routes put first: what most of the best are, the sought thing is."""

from __future__ import annotations

from functools import cached_property, lru_cache, partial
from typing import Any

import numpy as np

from multirecall.core.compiled import compiled
from multirecall.fusion.features.base import MISSING, Column, Feature, FeatureGroup
from multirecall.fusion.features.incidence import Flags, Floats, Grouping, Positions
from multirecall.fusion.features.pool import Pool

__all__ = ["BLEND", "KIND", "like_the_first"]

BLEND = "blend"
"""The first by the untrained fusion of all routes."""


class _First:
    """The `n` first of a route (or of the BLEND of all), weighted 1 / log2(rank + 1) as in nDCG.

    A candidate that is one of them is compared with the others. All is missing where there are not two of them.
    """

    def __init__(self, pool: Pool, of: str, n: int) -> None:
        self.pool = pool
        self.first = (pool.by_blend if of == BLEND else pool.routes[of].positions)[:n]
        self.weights = _discounts(len(self.first)) if len(self.first) > 1 else None

    def brand(self) -> Column | float:
        return self._of_group(self.pool.brands, self.pool.has_brand)

    def category(self) -> Column | float:
        return self._of_group(self.pool.categories, self.pool.has_category)

    def _of_group(self, groups: Grouping[Any], known: Flags) -> Column | float:
        if self.weights is None:
            return MISSING
        column: Column = _in_group(groups.group, known, self.first, self.weights)
        return column

    def attributes(self) -> Column | float:
        if self.weights is None:
            return MISSING
        texts = self.pool.texts
        return texts.attributes.likeness(self.first, self.weights, texts.attribute_values, texts.n_attributes)

    def title(self) -> Column | float:
        if self.weights is None:
            return MISSING
        texts = self.pool.texts
        return texts.title_words.likeness(self.first, self.weights, texts.title_idf, texts.title_squares)


@compiled
def _in_group(group: Positions, known: Flags, first: Positions, weights: Floats) -> Floats:
    """Per candidate the weights of the others of its group among the first, by those of all others. Missing for one
    that has no group. Shape (n,); `weights` add up to 1."""
    n = len(group)
    total, own = np.zeros(n), np.zeros(n)  # there are no more groups than candidates
    for at in range(len(first)):
        own[first[at]] = weights[at]
    for row in range(n):
        total[group[row]] += own[row]
    others = np.full(n, np.nan)
    for row in range(n):
        if known[row]:
            others[row] = (total[group[row]] - own[row]) / (1.0 - own[row])
    return others


@lru_cache(maxsize=64)
def _discounts(n: int) -> Floats:
    """Those of the first `n` ranks, adding up to 1."""
    discounts = 1.0 / np.log2(np.arange(2, n + 2))
    weights: Floats = discounts / discounts.sum()
    return weights


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
        kinds = pool.texts.kinds
        best, mean, size = _of_kind(kinds.group, len(kinds.keys), pool.blend)
        self.best: Floats = best
        self.mean: Floats = mean
        self.size: Floats = size
        self.first = pool.by_blend[:10]
        self.weights = _discounts(len(self.first))

    @cached_property
    def anywhere(self) -> tuple[Floats, Floats]:
        return _lacking(self.pool.compared.anywhere, self.first, self.weights)

    @cached_property
    def in_name(self) -> tuple[Floats, Floats]:
        return _lacking(self.pool.compared.in_name, self.first, self.weights)


@compiled
def _of_kind(kinds: Positions, n_kinds: int, blend: Floats) -> tuple[Floats, Floats, Floats]:
    """Per candidate the best `blend` of its kind, the mean of the others, and how many there are. Shapes (n,)."""
    n = len(kinds)
    highest, total, count = np.full(n_kinds, -np.inf), np.zeros(n_kinds), np.zeros(n_kinds)
    for row in range(n):
        highest[kinds[row]] = max(highest[kinds[row]], blend[row])
        total[kinds[row]] += blend[row]
        count[kinds[row]] += 1.0
    best, mean, size = np.empty(n), np.full(n, np.nan), np.empty(n)
    for row in range(n):
        best[row], size[row] = highest[kinds[row]], count[kinds[row]]
        if size[row] > 1.0:
            mean[row] = (total[kinds[row]] - blend[row]) / (size[row] - 1.0)
    return best, mean, size


@compiled
def _lacking(has: Flags, first: Positions, weights: Floats) -> tuple[Floats, Floats]:
    """Per candidate the mean over the terms of `the first hold it and this one does not`; and how far the first hold
    each term. Shapes (n,) and (number of terms,); missing without terms."""
    n, n_terms = has.shape
    share, lacking = np.zeros(n_terms), np.zeros(n)
    for at in range(len(first)):
        for term in range(n_terms):
            share[term] += weights[at] * has[first[at], term]
    for row in range(n):
        for term in range(n_terms):
            lacking[row] += 0.0 if has[row, term] else share[term]
        lacking[row] /= n_terms
    return lacking, share


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
            column=lambda kind: kind.mean,
        ),
        Feature(
            name="kind.size",
            description="number of candidates of its kind",
            column=lambda kind: kind.size,
        ),
        Feature(
            name="kind.attributes",
            description="number of its attributes",
            column=lambda kind: kind.pool.texts.n_attributes,
        ),
        Feature(
            name="asked.lacking",
            description="share of the first ten that hold the terms it lacks",
            monotone=-1,
            column=lambda kind: kind.anywhere[0],
        ),
        Feature(
            name="asked.lacking_title",
            description="share of the first ten whose name holds the terms its name lacks",
            monotone=-1,
            column=lambda kind: kind.in_name[0],
        ),
        Feature(
            name="query.held",
            description="query: mean share of the first ten that hold a term",
            column=lambda kind: _mean(kind.anywhere[1]),
        ),
        Feature(
            name="query.held_title",
            description="query: mean share of the first ten whose name holds a term",
            column=lambda kind: _mean(kind.in_name[1]),
        ),
    ),
)
