"""Tombstones and versions on a server: the fields they take, and how they are read back.

    applied      of a product whose fields were not all set at its `version`: {record, fields}; else left out
    deleted_id   of a tombstone: the product's id, which the field `id` must not hold
    deleted_at   of a tombstone: when it was made (seconds since 1970)
    deleted      of a tombstone: {version, fields, record}; `record` holds the values of the kept fields

A tombstone lies under the product's `_id`, so that `if_seq_no` guards both alike. It has none of the fields that a
text or vector search looks at; whatever looks at all documents adds `NO_TOMBSTONES`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from multirecall.engines.fields import UPDATABLE_FIELDS
from multirecall.engines.versions import Buried, State, Tombstone, Versions
from multirecall.engines.writes import Deleted

__all__ = [
    "NO_TOMBSTONES",
    "STATE_FIELDS",
    "TOMBSTONE_FIELDS",
    "applied",
    "deleted",
    "kept_values",
    "only_products",
    "state",
    "tombstone_source",
]

TOMBSTONE_FIELDS: Mapping[str, Any] = {
    "applied": {"type": "object", "enabled": False},
    "deleted_id": {"type": "keyword", "index": False},
    "deleted_at": {"type": "double"},
    "deleted": {"type": "object", "enabled": False},
}
"""Their mappings. They can be added to an index that was made without them."""

STATE_FIELDS = ("version", "applied", "deleted", *UPDATABLE_FIELDS)
"""What of a stored document must be read for `state` and `kept_values`."""

NO_TOMBSTONES: dict[str, Any] = {"bool": {"must_not": [{"exists": {"field": "deleted_at"}}]}}
"""A query in filter context. On an index without tombstones the servers rewrite it to all documents, for nothing."""


def only_products(passing: dict[str, Any] | None) -> dict[str, Any]:
    """The filter, or all documents, without tombstones."""
    if passing is None:
        return NO_TOMBSTONES
    return {"bool": {"filter": [passing], **NO_TOMBSTONES["bool"]}}


def state(source: Mapping[str, Any]) -> State:
    """The state for `versions.decide`, from a stored document's `STATE_FIELDS`."""
    grave = source.get("deleted")
    if grave is not None:
        return Tombstone(version=grave["version"], fields=grave.get("fields", {}))
    held = source.get("applied")
    if held is not None:
        return Versions(record=held.get("record"), fields=held["fields"])
    return Versions(record=source.get("version"))


def kept_values(source: Mapping[str, Any]) -> Mapping[str, Any]:
    """The values of updatable fields that lie in a stored document, be it a product or a tombstone."""
    grave = source.get("deleted")
    return source if grave is None else grave.get("record", {})


def applied(versions: Versions) -> dict[str, Any]:
    """What a product needs besides its `version`: nothing, if all of it was set at that version."""
    if not versions.fields:
        return {}
    return {"applied": {"record": versions.record, "fields": dict(versions.fields)}}


def tombstone_source(id: str, buried: Buried) -> dict[str, Any]:
    """The document of a tombstone."""
    grave = buried.tombstone
    return {
        "deleted_id": id,
        "deleted_at": buried.deleted_at,
        "deleted": {"version": grave.version, "fields": dict(grave.fields), "record": dict(buried.record)},
    }


def deleted(source: Mapping[str, Any]) -> Deleted:
    """The tombstone that a document is."""
    held = source["deleted"]
    grave = Tombstone(version=held["version"], fields=held.get("fields", {}))
    buried = Buried(tombstone=grave, record=held.get("record", {}), deleted_at=float(source["deleted_at"]))
    return buried.deleted(source["deleted_id"])
