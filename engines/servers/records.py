"""Products on their way into the server's JSON, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from multirecall.engines.base import IndexedProduct
from multirecall.engines.servers.binary import BINARY_FIELDS, packed, unpacked
from multirecall.engines.servers.dialect import Dialect
from multirecall.engines.servers.names import escaped, unescaped
from multirecall.engines.servers.tombstones import state
from multirecall.engines.versions import VERSION_FIELDS, Versions, version_fields

__all__ = ["record", "source", "source_paths"]


def source(product: IndexedProduct, version: int | None, dialect: Dialect) -> dict[str, Any]:
    """The product as the server stores it: no empty fields, numeric attributes under escaped names, unit vectors.

    `version` replaces the record's own if it is given.
    """
    stored = {name: value for name, value in product.fields.items() if value is not None}
    stored["id"] = product.id
    if version is not None:
        stored["version"] = version
    if "attribute_numbers" in stored:
        stored["attribute_numbers"] = {escaped(k): v for k, v in stored["attribute_numbers"].items() if v is not None}
    for name in stored.keys() & BINARY_FIELDS:
        stored[name] = packed(stored[name])
    if product.vectors:
        stored["vectors"] = {
            name: dialect.vector_value(np.asarray(v, dtype=np.float32) / np.float32(np.linalg.norm(v)))
            for name, v in product.vectors.items()
        }
    return stored


def source_paths(fields: Iterable[str]) -> list[str]:
    """What to ask the server for, so that `record` finds all `fields`; never empty, which would mean everything."""
    paths = {"attribute_numbers" if name.startswith("attribute_numbers") else name for name in fields}
    if paths.intersection(VERSION_FIELDS):
        paths = paths.difference(VERSION_FIELDS) | {"version", "applied"}
    return sorted(paths | {"id"})


def record(stored: Mapping[str, Any], fields: Iterable[str]) -> dict[str, Any]:
    """Those of `fields` that the product has. A vector is a list of floats under `vectors.<name>`."""
    found: dict[str, Any] = {}
    names = tuple(fields)
    if set(VERSION_FIELDS).intersection(names) and isinstance(versions := state(stored), Versions):
        stored = {**stored, **version_fields(versions)}
    for name in names:
        parent, _, child = name.partition(".")
        if parent == "vectors" and child:
            value = (stored.get("vectors") or {}).get(child)
        elif parent == "attribute_numbers":
            numbers = {unescaped(k): v for k, v in (stored.get(parent) or {}).items()}
            value = numbers.get(child) if child else numbers or None
        else:
            value = stored.get(name)
        if value is not None:
            found[name] = unpacked(value) if name in BINARY_FIELDS else value
    return found
