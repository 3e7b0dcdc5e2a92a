"""Lessons of the model that writes semantic ids: texts of products, made-up queries, and queries that people judged.

Every product gets lessons of its own, so that one that nobody clicked can be written too (sheet 3, section 3).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from multirecall.encoders.base import Float32Array
from multirecall.engines.base import Engine

__all__ = ["Described", "made_up_queries", "read_products"]

_FIELDS = ("id", "title", "brand", "category_path")
_LONGEST = 4  # words of a made-up query
_MAX_CHARS = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """Products of an index, by id: `titles`, `brands` and deepest `categories` (empty where there are none).

    `vectors`: shape (n, dim), of the products at `having` alone.
    """

    ids: tuple[str, ...]
    titles: tuple[str, ...]
    brands: tuple[str, ...]
    categories: tuple[str, ...]
    having: tuple[int, ...]
    vectors: Float32Array


def read_products(engine: Engine, vector_field: str) -> Described:
    """All products of the live index, by id. Holds their vectors in memory; raises what the engine raises."""
    records: list[Mapping[str, Any]] = sorted(
        engine.scan([*_FIELDS, f"vectors.{vector_field}"]), key=lambda record: str(record["id"])
    )
    held = [record.get(f"vectors.{vector_field}") for record in records]
    having = tuple(at for at, vector in enumerate(held) if vector is not None)
    return Described(
        ids=tuple(str(record["id"]) for record in records),
        titles=tuple(str(record.get("title") or "")[:_MAX_CHARS] for record in records),
        brands=tuple(str(record.get("brand") or "") for record in records),
        categories=tuple(str((record.get("category_path") or ("",))[-1]) for record in records),
        having=having,
        vectors=np.array([held[at] for at in having], dtype=np.float32),
    )


def made_up_queries(title: str, brand: str, category: str, *, each: int, dice: np.random.Generator) -> Iterable[str]:
    """`each` short texts for a product: its kind with or without the brand, and words of its title in their order.

    A shopper names a few of a title's words, early ones more often.
    """
    words = title.lower().split()
    for at in range(each):
        if at % 2 == 0 and category:
            yield " ".join(filter(None, [brand.lower() if dice.random() < 0.5 else "", category.lower()]))
        elif words:
            weights = 1.0 / np.arange(1, len(words) + 1) ** 0.5
            size = min(len(words), int(dice.integers(1, _LONGEST + 1)))
            chosen = dice.choice(len(words), size, replace=False, p=weights / weights.sum())
            yield " ".join(words[place] for place in sorted(chosen.tolist()))
