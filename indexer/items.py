"""Items: the single pieces of work that batches are made of, as JSON values that travel between processes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from multirecall.core.errors import InvalidInput

__all__ = ["CopyItem", "DeleteItem", "Item", "RowItem", "UpdateItem", "from_json", "to_json"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowItem:
    """A product as the shop's source has it; each index it goes into reads it by that index's own mapping.

    `version` None: the one that the mapping reads from the row, if any. `file`, `number` and `line` say where the row
    stood (number 0: it came as a change). `tries` counts how often it was given back before.
    """

    id: str
    row: Mapping[str, Any]
    version: int | None = None
    file: str = ""
    number: int = 0
    line: int | None = None
    tries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyItem:
    """A product as another index stores it, with the versions it has there."""

    id: str
    record: Mapping[str, Any]
    record_version: int = 0
    field_versions: Mapping[str, int] = field(default_factory=dict)
    tries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateItem:
    """Some of the updatable fields, in the engine's own form (`price_minor`, not `price`)."""

    id: str
    fields: Mapping[str, Any]
    version: int | None = None
    tries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteItem:
    id: str
    version: int | None = None
    tries: int = 0


Item = RowItem | CopyItem | UpdateItem | DeleteItem

_KINDS: dict[str, type[Item]] = {"row": RowItem, "copy": CopyItem, "update": UpdateItem, "delete": DeleteItem}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def to_json(items: Iterable[Item]) -> list[dict[str, Any]]:
    """Plain JSON values; fields at their defaults are left out."""
    made = []
    for item in items:
        body: dict[str, Any] = {"kind": _NAMES[type(item)]}
        for name in type(item).__slots__:
            value = getattr(item, name)
            if value not in (None, 0, "", {}):
                body[name] = dict(value) if isinstance(value, Mapping) else value
            elif name == "version" and value == 0:
                body[name] = 0
        made.append(body)
    return made


def from_json(values: Iterable[Mapping[str, Any]]) -> list[Item]:
    """The items again. Raises InvalidInput for what is none."""
    made: list[Item] = []
    for value in values:
        body = dict(value)
        kind = _KINDS.get(body.pop("kind", ""))
        if kind is None:
            raise InvalidInput(f"Not an item of a batch: {str(value)[:200]}.", field="kind")
        for name in ("row", "record", "fields"):
            if name in kind.__slots__:
                body.setdefault(name, {})
        try:
            made.append(kind(**body))
        except TypeError as error:  # of another version of this program
            raise InvalidInput(f"Not an item of a batch: {str(value)[:200]} ({error}).", field="kind") from None
    return made
