"""A small shop, indexed directly, whose changes then go through the workers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from multirecall.encoders.hashing import HashingEncoder
from multirecall.indexer.build import build
from multirecall.indexer.mapping import Mapping as FieldMapping
from multirecall.indexer.sources import Records
from multirecall.workers.deployment import Deployment

__all__ = ["ENCODER", "MAPPING", "VERSIONED", "index_shop", "products", "rows"]

ENCODER = HashingEncoder(dim=32)

MAPPING = FieldMapping.from_dict(
    {
        "id": "id", "title": "title", "price": {"field": "price", "currency": "EUR"}, "in_stock": "stock",
        "allow_missing_fields": True,
    }
)  # fmt: skip
VERSIONED = MAPPING.model_copy(update={"version": ("rev",)})


def rows(n: int, start: int = 0, **fields: Any) -> list[dict[str, Any]]:
    """`n` rows of the shop's catalogue."""
    return [{"id": f"p{i:03d}", "title": f"Lamp {i}", "price": i, **fields} for i in range(start, start + n)]


def index_shop(
    deployment: Deployment, records: Sequence[Mapping[str, Any]], *, mapping: FieldMapping = MAPPING, **options: Any
) -> str:
    """Indexes them without workers; returns the live index."""
    with deployment.engine() as engine:
        return build(engine, Records(records), encoders={"dense": ENCODER}, mapping=mapping, **options).index


def products(deployment: Deployment, index: str | None = None) -> dict[str, dict[str, Any]]:
    """What the index holds, after a refresh: title, price, stock and versions by id."""
    names = ["title", "price_minor", "in_stock", "record_version", "field_versions"]
    with deployment.engine() as engine:
        engine.refresh(index=index)
        found = {record["id"]: dict(record) for record in engine.scan(names, index=index)}
    for record in found.values():
        del record["id"]
    return found
