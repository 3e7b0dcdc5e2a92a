"""The product by itself, and among the candidates: brand, price, popularity, stock, age."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

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
            _percentile_within(price, pool.attribute_names),
            log_price - np.median(first) if len(first) else constant(pool, MISSING),
            np.log1p(np.maximum(popularity, 0.0)),
            _percentile(popularity),
            pool.numbers_of("in_stock"),
            _percentile(pool.numbers_of("updated_at")),
        ]


def _percentile(values: Column) -> Column:
    """The share of the other known values that are lower, ties by half; missing where there is none to compare."""
    known = np.isfinite(values)
    percentile = np.full(len(values), MISSING)
    n = int(known.sum())
    if n > 1:
        ordered = np.sort(values[known])
        lower = np.searchsorted(ordered, values[known], side="left")
        upto = np.searchsorted(ordered, values[known], side="right")
        percentile[known] = (lower + upto - 1) / 2.0 / (n - 1)
    return percentile


def _percentile_within(values: Column, groups: list[str]) -> Column:
    """`_percentile` among the candidates of the same group."""
    percentile = np.full(len(values), MISSING)
    rows_by_group: dict[str, list[int]] = {}
    for row, group in enumerate(groups):
        rows_by_group.setdefault(group, []).append(row)
    for rows in rows_by_group.values():
        if len(rows) > 1:
            percentile[rows] = _percentile(values[rows])
    return percentile
