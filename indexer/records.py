"""Reading a source record by field name, plain (`title`) or dotted into nested JSON (`vendor.name`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from multirecall.indexer.values import is_missing

__all__ = ["field_names", "record_bytes", "values_at"]

_MAX_DEPTH = 5


def values_at(record: Mapping[str, Any], name: str) -> list[Any]:
    """The values of a field that say something: none, one, or all elements if the source has a list.

    A key that holds dots itself (`item.price` in a CSV) goes before the nested reading.
    """
    if name in record:
        return _flat(record[name])
    if "." not in name:
        return []
    found: list[Any] = [record]
    for part in name.split("."):
        found = [node[part] for value in found for node in _flat(value) if isinstance(node, Mapping) and part in node]
    return [value for node in found for value in _flat(node)]


def _flat(value: Any) -> list[Any]:
    if isinstance(value, list | tuple):
        return [v for v in value if not is_missing(v)]
    return [] if is_missing(value) else [value]


def field_names(record: Mapping[str, Any]) -> Iterator[str]:
    """Every name by which `values_at` finds something in the record: keys, and dotted names into nested objects."""
    for key, value in record.items():
        yield str(key)
        yield from _nested_names(str(key), value, 1)


def _nested_names(prefix: str, value: Any, depth: int) -> Iterator[str]:
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield f"{prefix}.{key}"
            yield from _nested_names(f"{prefix}.{key}", inner, depth + 1)
    elif isinstance(value, list | tuple):
        names = (name for inner in value if isinstance(inner, Mapping) for name in _nested_names(prefix, inner, depth))
        yield from dict.fromkeys(names)


def record_bytes(record: Mapping[str, Any]) -> int:
    """Bytes of a record, nearly: enough to cut batches by."""
    return sum(len(value) if isinstance(value, str | list | dict) else 8 for value in record.values()) + 40
