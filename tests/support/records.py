"""Products as engines hold them, written down briefly. Independent of `indexer/`, so that engines are tested alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from multirecall.core.codes import product_codes
from multirecall.engines.base import Float32Array, IndexedProduct, Upsert
from multirecall.engines.fields import attribute_pair

__all__ = ["product", "unit", "upsert"]

AttributeValue = str | int | float | bool | tuple[str, ...]


def unit(*values: float) -> Float32Array:
    """The vector in that direction, of length 1. Shape (len(values),), float32."""
    vector = np.asarray(values, dtype=np.float32)
    return vector / np.float32(np.linalg.norm(vector))


def product(
    id: str,
    title: str = "Product",
    *,
    description: str = "",
    attributes: Mapping[str, AttributeValue] | None = None,
    identifiers: tuple[str, ...] = (),
    category: tuple[str, ...] = (),
    vectors: Mapping[str, Float32Array] | None = None,
    **fields: Any,
) -> IndexedProduct:
    """The flat record of `engines/fields.py`; a field that is not given is not in the record."""
    attributes = attributes or {}
    pairs, numbers, spoken = [], {}, []
    for name, value in attributes.items():
        values = value if isinstance(value, tuple) else (value,)
        pairs += [attribute_pair(name, one) for one in values]
        spoken += [f"{name} {one}" for one in values]
        if isinstance(value, int | float) and not isinstance(value, bool):
            numbers[name] = float(value)
    record: dict[str, Any] = {"id": id, "title": title, **fields}
    optional = {
        "description": description,
        "category": list(category),
        "category_path": list(category),
        "identifiers": list(identifiers),
        "attributes": {k: list(v) if isinstance(v, tuple) else v for k, v in attributes.items()},
        "attribute_pairs": pairs,
        "attribute_names": list(attributes),
        "attribute_numbers": numbers,
        "attributes_text": " ".join(spoken),
        "codes": list(product_codes([title, description], identifiers)),
    }
    record |= {name: value for name, value in optional.items() if value}
    return IndexedProduct(id=id, fields=record, vectors=vectors or {})


def upsert(id: str, title: str = "Product", *, version: int | None = None, **fields: Any) -> Upsert:
    """`product` wrapped into a write."""
    return Upsert(product=product(id, title, **fields), version=version)
