"""A bounded sample of a catalogue, of which queries are made, and what the catalogue says of its products."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from multirecall.core.errors import InvalidInput

__all__ = ["SAMPLED_FIELDS", "CatalogueSample", "SampledProduct", "sample_catalogue"]

SAMPLED_FIELDS = ("title", "brand", "category_path", "attributes", "identifiers")
"""What is read of each product."""

_MAX_VALUES = 12
_MAX_VALUE_CHARS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class SampledProduct:
    """What a shopper might say of a product: `values` are short texts among its attributes."""

    id: str
    title: str
    brand: str = ""
    leaf: str = ""
    values: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueSample:
    """Products in the order of their ids; `n_products` were read, and `having` counts those with each field."""

    products: tuple[SampledProduct, ...]
    n_products: int
    having: Mapping[str, int]


def sample_catalogue(
    records: Iterable[Mapping[str, Any]], *, size: int, seed: int, advance: Callable[[], None] = lambda: None
) -> CatalogueSample:
    """Each product with a title has the same chance to be among the `size`; one pass, in memory for the sample alone.

    The same catalogue gives the same sample only if it is read in the same order. Raises InvalidInput for a catalogue
    without products, or without titles: there is nothing to make queries of.
    """
    random = np.random.default_rng(seed)
    held: list[Mapping[str, Any]] = []
    having = dict.fromkeys(SAMPLED_FIELDS, 0)
    n_products = 0
    for record in records:
        n_products += 1
        advance()
        for name in SAMPLED_FIELDS:
            having[name] += bool(record.get(name))
        if not str(record.get("title") or "").strip():
            continue
        if len(held) < size:
            held.append(record)
        elif (at := int(random.integers(0, having["title"]))) < size:
            held[at] = record
    if not n_products:
        raise InvalidInput("The index holds no product.", hint="Index a catalogue first: multirecall index FILES.")
    if not held:
        raise InvalidInput(
            f"None of the {n_products:,} products has a title, so no query can be made of them.",
            hint="Name the field of the title: multirecall mapping suggest, then index again.",
            field="title",
        )
    products = tuple(sorted((_product(record) for record in held), key=lambda one: one.id))
    return CatalogueSample(products=products, n_products=n_products, having=having)


def _product(record: Mapping[str, Any]) -> SampledProduct:
    path = record.get("category_path") or ()
    attributes = record.get("attributes") or {}
    parts = (part for value in attributes.values() for part in (value if isinstance(value, list | tuple) else (value,)))
    values = [part for part in parts if isinstance(part, str) and len(part) <= _MAX_VALUE_CHARS and _says(part)]
    return SampledProduct(
        id=str(record["id"]),
        title=str(record["title"]),
        brand=str(record.get("brand") or ""),
        leaf=str(path[-1]) if path else "",
        values=tuple(dict.fromkeys(values))[:_MAX_VALUES],
        identifiers=tuple(str(one) for one in record.get("identifiers") or ()),
    )


def _says(value: str) -> bool:
    """Words that a shopper might type: `Black`, not `CE, REACH` and not `N`."""
    return len(value.split()) <= 3 and sum(c.isalpha() for c in value) >= 3 and not set(value) & set(",;/|")
