"""What versioned writes must add up to, said without any order: per field the value of the highest version.

Independent of `engines/versions.py`, which works write by write. For distinct versions per product.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from multirecall.engines.base import Delete, Update, Upsert, Write
from tests.support.records import upsert

__all__ = ["Merged", "random_writes"]


@dataclass(frozen=True, slots=True)
class Merged:
    """By id: the records (without the id) of the products, and the versions of the tombstones."""

    products: dict[str, dict[str, Any]]
    graves: dict[str, int]

    @classmethod
    def of(cls, writes: Iterable[Write]) -> Merged:
        by_id: dict[str, list[Write]] = {}
        for write in writes:
            by_id.setdefault(write.id, []).append(write)
        products, graves = {}, {}
        for name, own in by_id.items():
            deleted = max((w.version or 0 for w in own if isinstance(w, Delete)), default=-1)
            records = [w for w in own if isinstance(w, Upsert) and (w.version or 0) > deleted]
            if records:
                products[name] = _record(max(records, key=lambda w: w.version or 0), own)
            elif deleted >= 0:
                graves[name] = deleted
        return cls(products, graves)


def _record(last: Upsert, own: list[Write]) -> dict[str, Any]:
    record = {name: value for name, value in last.product.fields.items() if name != "id"} | {"version": last.version}
    updates = [w for w in own if isinstance(w, Update) and (w.version or 0) > (last.version or 0)]
    for update in sorted(updates, key=lambda w: w.version or 0):
        record |= {**update.fields, "version": update.version}
    return {name: value for name, value in record.items() if value is not None and name != "codes"}


def random_writes(rng: random.Random, *, products: int) -> list[Write]:
    """Some writes of each product, every one with a version of its own; most products get several of each kind."""
    writes: list[Write] = []
    for n in range(products):
        name = f"p{n}"
        for version in rng.sample(range(20), rng.randint(1, 9)):
            match rng.choice(("upsert", "upsert", "update", "update", "delete")):
                case "upsert":
                    fields = {"price_minor": version, "in_stock": version % 2 == 0, "popularity": float(version)}
                    writes.append(upsert(name, f"title of {version}", version=version, **fields))
                case "update":
                    fields = {"price_minor": 100 + version, "in_stock": None, "popularity": 100.0 + version}
                    chosen = rng.sample(sorted(fields), rng.randint(1, 3))
                    writes.append(Update(id=name, fields={k: fields[k] for k in chosen}, version=version))
                case _:
                    writes.append(Delete(id=name, version=version))
    return writes
