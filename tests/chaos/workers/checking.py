"""The comparison that every scenario ends with: an index against what is expected, document by document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from multirecall.core.deadline import Deadline
from multirecall.engines.base import MAX_K, Engine, EngineRequest, Everything
from multirecall.engines.fields import STORED_FIELDS
from tests.chaos.workers.expected import Expected
from tests.chaos.workers.tally import TALLY

__all__ = ["assert_content"]

_SHOWN = 8
_IGNORED = ("category_path", "attributes", "identifiers", "updated_at", "url", "image_url")


def assert_content(engine: Engine, expected: Expected, *, index: str | None = None, vector: str = "dense") -> None:
    """The index (None: the live one) holds exactly the expected products, each at its versions and with its vector,
    and shows nothing of those that are gone."""
    engine.refresh(index=index)
    info = engine.info(index=index)
    dim = next(field.dim for field in info.schema.vectors if field.name == vector)
    fields = [*STORED_FIELDS, "record_version", "field_versions", f"vectors.{vector}"]
    scanned = list(engine.scan(fields, index=index))
    found = {record["id"]: record for record in scanned}
    assert len(scanned) == len(found), "the scan shows a product twice"
    products = expected.products
    wrong = _differences(found, products, f"vectors.{vector}", dim)
    assert not wrong, f"{len(wrong)} documents of {info.name} are wrong:\n" + "\n".join(wrong[:_SHOWN])
    assert engine.count(index=index) == len(products)
    [everything] = engine.search_many([EngineRequest(clause=Everything(), k=MAX_K)], Deadline.never(), index=index)
    assert {hit.id for hit in everything.hits} == set(products)
    assert everything.total == len(products)
    gone = expected.deleted
    assert {one.id: one.version for one in engine.deleted(index=index) if one.id in gone} == gone
    assert engine.fetch(sorted(gone), index=index) == [None] * len(gone)
    TALLY.documents += len(products)
    TALLY.absent += len(gone)
    TALLY.comparisons += 1


def _differences(
    found: Mapping[str, Mapping[str, Any]], products: Mapping[str, Mapping[str, Any]], vector: str, dim: int
) -> list[str]:
    wrong = [f"{name}: missing, expected {products[name]}" for name in sorted(products.keys() - found.keys())]
    wrong += [f"{name}: should not be there: {found[name]}" for name in sorted(found.keys() - products.keys())]
    for name in sorted(products.keys() & found.keys()):
        held = {field: value for field, value in found[name].items() if field != vector and field not in _IGNORED}
        held.setdefault("record_version", held.get("version"))
        held["field_versions"] = dict(held.get("field_versions") or {})
        if held != products[name]:
            fields = {field for field in {*held, *products[name]} if held.get(field) != products[name].get(field)}
            wrong.append(
                f"{name}: "
                + ", ".join(f"{f} is {held.get(f)!r}, not {products[name].get(f)!r}" for f in sorted(fields))
            )
        stored = np.asarray(found[name].get(vector) or [])
        if stored.shape != (dim,) or not np.isclose(np.linalg.norm(stored), 1.0, atol=1e-3):
            wrong.append(f"{name}: its vector has shape {stored.shape}")
    return wrong
