"""The product by itself, and among the candidates: brand, price, popularity, stock, age."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multirecall.fusion.features.base import MISSING, Column, Feature, constant
from multirecall.fusion.features.pool import Pool

__all__ = ["ProductState"]

_FIRST = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductState:
    revision: int = 1

    @property
    def features(self) -> tuple[Feature, ...]:
        return (
            Feature(
                name="brand.named", description="1 if the query names this brand; missing if it names none", monotone=1
            ),
            Feature(name="price.log", description="logarithm of 1 + the price in minor units"),
            Feature(name="price.percentile", description="share of the candidates that cost less"),
            Feature(name="price.kind_percentile", description="share of the candidates of its kind that cost less"),
            Feature(name="price.against_first", description="log price minus the median of the first ten's"),
            Feature(name="popularity.log", description="logarithm of 1 + popularity"),
            Feature(name="popularity.percentile", description="share of the candidates that are less popular"),
            Feature(name="stock", description="1 if in stock, 0 if not"),
            Feature(name="age.percentile", description="share of the candidates that were changed earlier"),
        )

    def __call__(self, pool: Pool) -> list[Column]:
        price, popularity = pool.numbers_of("price_minor"), pool.numbers_of("popularity")
        log_price = np.log1p(np.maximum(price, 0.0))
        first = log_price[pool.by_blend[:_FIRST]]
        first = first[np.isfinite(first)]
        named = pool.brand_is_named
        return [
            named.astype(np.float64) if named.any() else constant(pool, MISSING),
            log_price,
            _percentile(price),
            _percentile(price, pool.attribute_incidence.groups.group),
            log_price - np.median(first) if len(first) else constant(pool, MISSING),
            np.log1p(np.maximum(popularity, 0.0)),
            _percentile(popularity),
            pool.numbers_of("in_stock"),
            _percentile(pool.numbers_of("updated_at")),
        ]


def _percentile(values: Column, groups: NDArray[np.intp] | None = None) -> Column:
    """The share of the other known values (of the same group) that are lower, ties by half.

    Missing where there is no other to compare with.
    """
    known = np.flatnonzero(np.isfinite(values))
    percentile = np.full(len(values), MISSING)
    if not len(known):
        return percentile
    group = np.zeros(len(known), dtype=np.intp) if groups is None else groups[known]
    order = np.lexsort((values[known], group))
    ordered, of_group = values[known][order], group[order]
    group_begins = np.concatenate([[True], of_group[1:] != of_group[:-1]])
    tie_begins = group_begins | np.concatenate([[True], ordered[1:] != ordered[:-1]])
    lower, upto = _bounds(tie_begins)
    first, beyond = _bounds(group_begins)
    others = beyond - first - 1
    with np.errstate(invalid="ignore", divide="ignore"):
        share = (lower + upto - 2 * first - 1) / 2.0 / others
    percentile[known[order]] = np.where(others > 0, share, MISSING)
    return percentile


def _bounds(begins: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Of the run that each position belongs to: where it begins, and where the next one does."""
    starts = np.flatnonzero(begins)
    run = np.cumsum(begins) - 1
    return starts[run], np.append(starts[1:], len(begins))[run]
