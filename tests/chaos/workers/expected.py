"""What must be in an index after some writes, whatever their order: said once more, without the engines' rule.

A product is there if its last record is later than its last delete. It holds that record; a field of it holds what the
last update later than the record set. Nothing here takes one write after another, so no order can be wrong.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["Expected"]

_CHANGED_BY = {"price": ("price_minor", "currency"), "in_stock": ("in_stock",), "popularity": ("popularity",)}


class Expected:
    """The expected content of one index: `products` by id, and `deleted`, the versions of those that are gone."""

    def __init__(self, rows: Iterable[Mapping[str, Any]], changes: Iterable[Mapping[str, Any]] = ()) -> None:
        self._records: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        self._updates: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        self._deletes: dict[str, int] = {}
        for row in rows:
            self._records[row["sku"]].append(row)
        self.add(changes)

    def add(self, changes: Iterable[Mapping[str, Any]]) -> None:
        """Takes changes in."""
        for change in changes:
            match change["op"]:
                case "upsert":
                    self._records[change["product"]["sku"]].append(change["product"])
                case "update":
                    self._updates[change["id"]].append(change)
                case "delete":
                    self._deletes[change["id"]] = max(self._deletes.get(change["id"], -1), change["version"])

    @property
    def deleted(self) -> dict[str, int]:
        """Products that are gone, by id: the version of the delete."""
        here = self.products
        return {name: version for name, version in self._deletes.items() if name not in here}

    @property
    def products(self) -> dict[str, dict[str, Any]]:
        """Products that are there, by id: the fields as stored, `version`, `record_version` and `field_versions`."""
        found = {}
        for name, records in self._records.items():
            last = max(records, key=lambda record: record["revision"])
            if last["revision"] > self._deletes.get(name, -1):
                found[name] = self._product(last, self._updates[name])
        return found

    @staticmethod
    def _product(record: Mapping[str, Any], updates: list[Mapping[str, Any]]) -> dict[str, Any]:
        stored = {
            "id": record["sku"], "title": record["name"], "description": record["text"], "brand": record["maker"],
            "price_minor": _minor(record["price"]), "currency": "EUR", "in_stock": record["stocked"],
            "popularity": float(record["sold"]),
        }  # fmt: skip
        versions: dict[str, int] = {}
        for update in sorted(updates, key=lambda one: one["version"]):
            if update["version"] > record["revision"]:
                for name, value in update["fields"].items():
                    stored |= {"price_minor": _minor(value)} if name == "price" else {name: _plain(value)}
                    versions |= dict.fromkeys(_CHANGED_BY[name], update["version"])
        highest = max([record["revision"], *versions.values()])
        return stored | {"version": highest, "record_version": record["revision"], "field_versions": versions}


def _minor(price: str) -> int:
    whole, _, cents = price.partition(".")
    return int(whole) * 100 + int(cents)


def _plain(value: Any) -> Any:
    return value if isinstance(value, bool) else float(value)
