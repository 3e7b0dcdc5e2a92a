"""A shop, drawn from a seed: its catalogue, and the changes that it sends. Every version of a product is sent once."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import orjson

__all__ = ["MAPPING", "Shop", "write_catalogue"]

MAPPING = """
[mapping]
id = "sku"
title = "name"
description = "text"
brand = "maker"
in_stock = "stocked"
popularity = "sold"
version = "revision"

[mapping.price]
field = "price"
currency = "EUR"
"""

_THINGS = ("lamp", "desk", "chair", "printer", "cable", "mouse", "router", "kettle", "drill", "mug", "shelf", "toner")
_TRAITS = (
    "red",
    "small",
    "oak",
    "silent",
    "wireless",
    "steel",
    "folding",
    "bright",
    "cordless",
    "soft",
    "round",
    "old",
)
_MAKERS = ("Acme", "Borealis", "Cobalt", "Delta", "Ember")


class Shop:
    """Products `p0` to `p<n-1>`. `catalogue` is read once; each call of `changes` goes on from what was sent before.

    The versions of one product rise by one to three with each change of it, so a later change has a higher version
    and no two have the same. An update names price, stock or popularity of a product that is there at that version.
    """

    def __init__(self, seed: int, products: int, *, marker: str = "first") -> None:
        self._random = random.Random(f"shop/{seed}")
        self._versions: dict[str, int] = {}
        self._gone: set[str] = set()
        self._next = products
        self.catalogue = [self._row(f"p{number}", marker) for number in range(products)]

    def marked(self, marker: str) -> list[dict[str, Any]]:
        """The catalogue as another export of the same day: the same versions, another text."""
        return [{**row, "text": f"{row['text'].rpartition(' ')[0]} {marker}"} for row in self.catalogue]

    def changes(self, n: int) -> list[dict[str, Any]]:
        """The next changes: upserts of known and new products, updates, deletes, and products made again."""
        made = []
        for _ in range(n):
            kind = self._random.random()
            here = [name for name in self._versions if name not in self._gone]
            if kind < 0.10:
                name, self._next = f"p{self._next}", self._next + 1
                made.append({"op": "upsert", "product": self._row(name, "new")})
            elif kind < 0.16 and self._gone:
                name = self._random.choice(sorted(self._gone))
                self._gone.discard(name)
                made.append({"op": "upsert", "product": self._row(name, "again")})
            elif kind < 0.40:
                made.append({"op": "upsert", "product": self._row(self._random.choice(here), "changed")})
            elif kind < 0.52:
                name = self._random.choice(here)
                self._gone.add(name)
                made.append({"op": "delete", "id": name, "version": self._raised(name)})
            else:
                name = self._random.choice(here)
                made.append({"op": "update", "id": name, "fields": self._some(), "version": self._raised(name)})
        return made

    def poison(self, name: str, **wrong: Any) -> dict[str, Any]:
        """An upsert of a product of its own, with some fields as given."""
        return {"op": "upsert", "product": {**self._row(name, "poison"), **wrong}}

    def _row(self, name: str, marker: str) -> dict[str, Any]:
        draw = self._random
        words = draw.sample(_TRAITS, 3)
        return {
            "sku": name,
            "name": f"{words[0]} {draw.choice(_THINGS)} {name}",
            "text": f"{words[1]} {words[2]} {draw.choice(_THINGS)} no {draw.randrange(10_000)} {marker}",
            "maker": draw.choice(_MAKERS),
            "price": f"{draw.randrange(1, 99_999) / 100:.2f}",
            "stocked": draw.random() < 0.8,
            "sold": draw.randrange(1_000),
            "revision": self._raised(name),
        }

    def _some(self) -> dict[str, Any]:
        draw = self._random
        fields: dict[str, Any] = {
            "price": f"{draw.randrange(1, 99_999) / 100:.2f}",
            "in_stock": draw.random() < 0.5,
            "popularity": draw.randrange(1_000),
        }
        return {name: fields[name] for name in draw.sample(sorted(fields), draw.randrange(1, 4))}

    def _raised(self, name: str) -> int:
        self._versions[name] = self._versions.get(name, 0) + self._random.randrange(1, 4)
        return self._versions[name]


def write_catalogue(path: Path, rows: Iterable[dict[str, Any]] | Sequence[dict[str, Any]]) -> Path:
    """The rows as JSON lines."""
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return path
