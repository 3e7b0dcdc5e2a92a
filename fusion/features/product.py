"""The product by itself, and among the candidates: brand, price, popularity, stock, age."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from multirecall.core.compiled import compiled
from multirecall.fusion.features.base import MISSING, Column, Feature, FeatureGroup
from multirecall.fusion.features.incidence import Positions
from multirecall.fusion.features.pool import Pool

__all__ = ["PRODUCT_STATE"]

_FIRST = 10


class _Product:
    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.price = pool.numbers_of("price_minor")
        log_price, against_first = _prices(self.price, pool.by_blend[:_FIRST])
        self.log_price: Column = log_price
        self.against_first: Column = against_first

    @cached_property
    def popularity(self) -> Column:
        return self.pool.numbers_of("popularity")

    def brand_named(self) -> NDArray[np.bool_] | float:
        named = self.pool.compared.brand_is_named
        return named if named.any() else MISSING

    def in_category(self, values: Column) -> Column:
        return np.where(self.pool.has_category, values, MISSING)


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
            column=lambda product: product.against_first,
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
    share: Column = _lower(values, np.zeros(len(values), dtype=np.intp) if groups is None else groups)
    return share


@compiled
def _prices(price: Column, first: Positions) -> tuple[Column, Column]:
    """The logarithm of 1 + each price, and by how much it exceeds the median of the `first`; that is missing if none
    of them has a price. Shapes (n,)."""
    log_price = np.empty(len(price))
    for row in range(len(price)):
        log_price[row] = np.log1p(0.0 if price[row] < 0.0 else price[row])
    known = np.empty(len(first))
    n_known = 0
    for row in first:
        if np.isfinite(log_price[row]):
            at = n_known  # sorted as they come: they are ten
            while at and known[at - 1] > log_price[row]:
                known[at] = known[at - 1]
                at -= 1
            known[at] = log_price[row]
            n_known += 1
    median = (known[(n_known - 1) // 2] + known[n_known // 2]) / 2.0 if n_known else np.nan
    return log_price, log_price - median


@compiled
def _lower(values: Column, groups: Positions) -> Column:
    """Each with each: for some hundred values that takes less than to sort them."""
    share, known = np.empty(len(values)), np.empty(len(values))
    for one in range(len(values)):
        share[one] = np.nan
        known[one] = values[one] if np.isfinite(values[one]) else np.nan
    for one in range(len(values)):
        value, group = known[one], groups[one]
        lower = equal = higher = 0
        for other in range(len(values)):  # no comparison holds for a missing value
            alike = groups[other] == group
            lower += alike & (known[other] < value)
            equal += alike & (known[other] == value)
            higher += alike & (known[other] > value)
        others = lower + equal + higher - 1
        if others > 0:
            share[one] = (lower + (equal - 1) / 2.0) / others
    return share
