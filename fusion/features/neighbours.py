"""How much a candidate is like those that the routes put first: what most of the best are, the sought thing is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multirecall.fusion.features.base import MISSING, Column, Feature, constant
from multirecall.fusion.features.pool import Grouping, Incidence, Pool

__all__ = ["Kind", "LikeTheFirst"]

BLEND = "blend"
"""The first by the untrained fusion of all routes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LikeTheFirst:
    """Likeness to the `n` first of a route (or of the BLEND of all): by brand, attribute names and title.

    The first are weighted 1 / log2(rank + 1) as in nDCG; a candidate that is one of them is compared with the others.
    Attribute names and titles are compared by the cosine with the weighted mean; titles by idf. Pseudo relevance
    feedback (Rocchio 1971), here as a feature instead of a new query.
    """

    of: str
    n: int = 10
    revision: int = 1

    @property
    def features(self) -> tuple[Feature, ...]:
        name = f"like_{self.of}_{self.n}"
        return (
            Feature(name=f"{name}.brand", description=f"weight of its brand among the first {self.n} of {self.of}"),
            Feature(
                name=f"{name}.attributes", description=f"likeness in attribute names to the first {self.n} of {self.of}"
            ),
            Feature(name=f"{name}.title", description=f"likeness in title to the first {self.n} of {self.of}"),
        )

    def __call__(self, pool: Pool) -> list[Column]:
        first = (pool.by_blend if self.of == BLEND else pool.routes[self.of].positions)[: self.n]
        if len(first) < 2:
            return [constant(pool, MISSING)] * 3
        weights = np.zeros(len(pool))
        weights[first] = 1.0 / np.log2(np.arange(2, len(first) + 2))
        weights /= weights.sum()
        titles = pool.title_incidence
        attributes = pool.attribute_incidence
        return [
            _share_of_brand(pool.brands, weights),
            _likeness(attributes, np.ones(len(attributes)), weights),
            _likeness(titles, pool.title_idf, weights),
        ]


def _share_of_brand(brands: Grouping, weights: Column) -> Column:
    others = (brands.sums(weights)[brands.group] - weights) / (1.0 - weights)
    has_brand = np.array([bool(brand) for brand in brands.texts], dtype=np.bool_)[brands.group]
    return np.where(has_brand, others, MISSING)


def _likeness(incidence: Incidence, word_weights: Column, weights: Column) -> Column:
    """Cosine between a candidate's words and the weighted mean of the first, itself left out."""
    mean = incidence.spread(weights) * word_weights
    length = float(np.linalg.norm(mean))
    squares = incidence.sums(word_weights**2)
    if length == 0.0:
        return np.full(len(weights), MISSING)
    shared = incidence.sums(word_weights * mean) - weights * squares
    with np.errstate(invalid="ignore", divide="ignore"):
        cosine = shared / (1.0 - weights) / (np.sqrt(squares) * length)
    return np.where(squares > 0.0, cosine, MISSING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What the routes think of the other candidates of the same kind: those with the same attribute names."""

    revision: int = 1

    @property
    def features(self) -> tuple[Feature, ...]:
        return (
            Feature(name="kind.best", description="highest blend among the candidates of its kind", monotone=1),
            Feature(name="kind.mean", description="mean blend of the others of its kind"),
            Feature(name="kind.size", description="number of candidates of its kind"),
            Feature(name="kind.attributes", description="number of its attributes"),
            Feature(
                name="asked.lacking", description="share of the first ten that hold the terms it lacks", monotone=-1
            ),
            Feature(
                name="asked.lacking_title",
                description="share of the first ten whose name holds the terms its name lacks",
                monotone=-1,
            ),
            Feature(name="query.held", description="query: mean share of the first ten that hold a term"),
            Feature(name="query.held_title", description="query: mean share of the first ten whose name holds a term"),
        )

    def __call__(self, pool: Pool) -> list[Column]:
        kinds = pool.attribute_incidence.groups
        kind = kinds.group
        size = np.bincount(kind)
        best = np.full(len(size), -np.inf)
        np.maximum.at(best, kind, pool.blend)
        others = size[kind] - 1
        mean = np.where(others > 0, (kinds.sums(pool.blend)[kind] - pool.blend) / np.maximum(others, 1), MISSING)
        anywhere = pool.in_name | pool.in_other
        lacking, held = _lacking(anywhere, pool)
        lacking_title, held_title = _lacking(pool.in_name, pool)
        n_attributes = pool.attribute_incidence.sums(np.ones(len(pool.attribute_incidence)))
        return [
            best[kind], mean, size[kind].astype(np.float64), n_attributes,
            lacking, lacking_title, constant(pool, held), constant(pool, held_title),
        ]  # fmt: skip


def _lacking(has: NDArray[np.bool_], pool: Pool) -> tuple[Column, float]:
    """Per candidate the mean over the terms of `the first hold it and this one does not`, and how much they hold."""
    if not has.shape[1]:
        return constant(pool, MISSING), MISSING
    first = pool.by_blend[:10]
    weights = 1.0 / np.log2(np.arange(2, len(first) + 2))
    share = (weights / weights.sum()) @ has[first]
    return (~has) @ share / has.shape[1], float(share.mean())
