"""The product by itself, and among the candidates: brand, price, popularity, stock, age."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from multirecall.fusion.compiled import compiled
from multirecall.fusion.features.base import MISSING, Column, Feature, FeatureGroup
from multirecall.fusion.features.incidence import Positions
from multirecall.fusion.features.pool import Pool

__all__ = ["PRODUCT_STATE"]

_FIRST = 10


class _Product:
    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.price = pool.numbers_of("price_minor")
        self.log_price = np.log1p(np.maximum(self.price, 0.0))

    @cached_property
    def popularity(self) -> Column:
        return self.pool.numbers_of("popularity")

    def brand_named(self) -> NDArray[np.bool_] | float:
        named = self.pool.compared.brand_is_named
        return named if named.any() else MISSING

    def in_category(self, values: Column) -> Column:
        return np.where(self.pool.has_category, values, MISSING)

    def price_against_first(self) -> Column | float:
        first = self.log_price[self.pool.by_blend[:_FIRST]]
        first = np.sort(first[np.isfinite(first)])
        if not len(first):
            return MISSING
        median = (first[(len(first) - 1) // 2] + first[len(first) // 2]) / 2.0
        difference: Column = self.log_price - median
        return difference


PRODUCT_STATE: FeatureGroup[_Product] = FeatureGroup(
    name="ProductState",
    view=_Product,
    features=(
        Feature(
            name="brand.named",
            description="1 if the query names this brand; missing if it names none",
            monotone=1,
            column=lambda product: product.brand_named(),
        ),
        Feature(
            name="price.log",
            description="logarithm of 1 + the price in minor units",
            column=lambda product: product.log_price,
        ),
        Feature(
            name="price.percentile",
            description="share of the candidates that cost less",
            column=lambda product: _percentile(product.price),
        ),
        Feature(
            name="price.kind_percentile",
            description="share of the candidates of its kind that cost less",
            column=lambda product: _percentile(product.price, product.pool.texts.kinds.group),
        ),
        Feature(
            name="price.category_percentile",
            description="share of the candidates of its category that cost less; missing without a category",
            column=lambda product: product.in_category(_percentile(product.price, product.pool.categories.group)),
        ),
        Feature(
            name="price.against_first",
            description="log price minus the median of the first ten's",
            column=lambda product: product.price_against_first(),
        ),
        Feature(
            name="popularity.log",
            description="logarithm of 1 + popularity",
            column=lambda product: np.log1p(np.maximum(product.popularity, 0.0)),
        ),
        Feature(
            name="popularity.percentile",
            description="share of the candidates that are less popular",
            column=lambda product: _percentile(product.popularity),
        ),
        Feature(
            name="stock",
            description="1 if in stock, 0 if not",
            column=lambda product: product.pool.numbers_of("in_stock"),
        ),
        Feature(
            name="age.percentile",
            description="share of the candidates that were changed earlier",
            column=lambda product: _percentile(product.pool.numbers_of("updated_at")),
        ),
    ),
)


def _percentile(values: Column, groups: Positions | None = None) -> Column:
    """The share of the other known values (of the same group) that are lower, ties by half.

    Missing where there is no other to compare with.
    """
    known = np.where(np.isfinite(values), values, MISSING)
    share: Column = _lower(known, np.zeros(len(values), dtype=np.intp) if groups is None else groups)
    return share


@compiled
def _lower(values: Column, groups: Positions) -> Column:
    """Each with each: for some hundred values that takes less than to sort them."""
    share = np.full(len(values), np.nan)
    for one in range(len(values)):
        value, group = values[one], groups[one]
        lower = equal = higher = 0
        for other in range(len(values)):  # no comparison holds for a missing value
            alike = groups[other] == group
            lower += alike & (values[other] < value)
            equal += alike & (values[other] == value)
            higher += alike & (values[other] > value)
        others = lower + equal + higher - 1
        if others > 0:
            share[one] = (lower + (equal - 1) / 2.0) / others
    return share
