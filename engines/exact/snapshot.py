"""Snapshot: all products of one index as of one refresh, immutable, in id order."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from multirecall.engines.analysis import terms
from multirecall.engines.base import Float32Array, IndexedProduct
from multirecall.engines.fields import MAX_KEYWORD_CHARS
from multirecall.engines.schema import Schema
from multirecall.engines.versions import Versions

__all__ = [
    "TEXT_FIELDS",
    "BoolArray",
    "KeywordColumn",
    "NumberColumn",
    "Postings",
    "Snapshot",
    "StoredProduct",
]

TEXT_FIELDS = ("title", "brand", "category", "description", "attributes_text")
"""The fields analysed by the schema's language; `codes` is searched too, its tokens as they are."""

BoolArray = NDArray[np.bool_]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredProduct:
    """The record as written, its unit vectors, and the term counts of its searched fields."""

    id: str
    record: Mapping[str, Any]
    versions: Versions
    vectors: Mapping[str, Float32Array]
    term_counts: Mapping[str, Counter[str]]

    @classmethod
    def analysed(
        cls, product: IndexedProduct, record: Mapping[str, Any], versions: Versions, schema: Schema
    ) -> StoredProduct:
        """The product as the index holds it, with `record` for its fields; vectors are scaled to length 1."""
        record = {**record, "id": product.id}
        counts = {
            name: Counter(word for text in as_list(record.get(name)) for word in terms(text, schema.language))
            for name in TEXT_FIELDS
        }
        counts["codes"] = Counter(as_list(record.get("codes")))
        vectors = {
            name: np.asarray(v, dtype=np.float32) / np.float32(np.linalg.norm(v)) for name, v in product.vectors.items()
        }
        return cls(id=product.id, record=record, versions=versions, vectors=vectors, term_counts=counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Postings:
    """One searched field: per term the rows that hold it and how often; `lengths` counts each row's terms."""

    rows: Mapping[str, NDArray[np.int64]]
    counts: Mapping[str, NDArray[np.float64]]
    lengths: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeywordColumn:
    """Rows by value, rising; a row with several values occurs under each."""

    rows: Mapping[str | bool, NDArray[np.int64]]


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberColumn:
    """`values[i]` belongs to `rows[i]`."""

    rows: NDArray[np.int64]
    values: NDArray[np.float64]


class Snapshot:
    """What searches see. Rows are numbered by id, rising, so that a stable sort by score gives the order rule.

    The columns are made on first use and kept; all methods are safe for several threads.
    """

    def __init__(self, products: Iterable[StoredProduct], schema: Schema) -> None:
        self.schema = schema
        self.products = tuple(sorted(products, key=lambda p: p.id))
        self.ids = [p.id for p in self.products]
        self._by_id = {p.id: p for p in self.products}
        self._lock = threading.RLock()
        self._made: dict[tuple[str, str], Any] = {}

    def __len__(self) -> int:
        return len(self.products)

    def get(self, id: str) -> StoredProduct | None:
        return self._by_id.get(id)

    def postings(self, field: str) -> Postings:
        """The inverted file of one of `TEXT_FIELDS` or `codes`."""
        return self._once("postings", field, lambda: self._postings(field))

    def keywords(self, field: str) -> KeywordColumn:
        """A keyword or boolean field; values beyond `MAX_KEYWORD_CHARS` are left out (ids never are)."""
        return self._once("keywords", field, lambda: self._keywords(field))

    def numbers(self, field: str) -> NumberColumn:
        """A numeric field, `attribute_numbers.<name>` among them."""
        return self._once("numbers", field, lambda: self._numbers(field))

    def vectors(self, field: str) -> tuple[NDArray[np.int64], Float32Array]:
        """The rows that have a vector in the field, and the vectors: shape (n, dim), float32, length 1."""
        return self._once("vectors", field, lambda: self._vectors(field))

    def _once(self, kind: str, field: str, make: Callable[[], T]) -> T:
        with self._lock:
            if (kind, field) not in self._made:
                self._made[kind, field] = make()
            column: T = self._made[kind, field]
            return column

    def _postings(self, field: str) -> Postings:
        rows: dict[str, list[int]] = {}
        counts: dict[str, list[int]] = {}
        lengths = np.zeros(len(self))
        for row, product in enumerate(self.products):
            for term, count in product.term_counts[field].items():
                rows.setdefault(term, []).append(row)
                counts.setdefault(term, []).append(count)
            lengths[row] = product.term_counts[field].total()
        return Postings(
            rows={term: np.array(r) for term, r in rows.items()},
            counts={term: np.array(c, dtype=np.float64) for term, c in counts.items()},
            lengths=lengths,
        )

    def _keywords(self, field: str) -> KeywordColumn:
        rows: dict[str | bool, list[int]] = {}
        for row, product in enumerate(self.products):
            for value in dict.fromkeys(as_list(product.record.get(field))):
                if isinstance(value, str) and len(value) > MAX_KEYWORD_CHARS and field != "id":
                    continue
                rows.setdefault(value, []).append(row)
        return KeywordColumn(rows={value: np.array(r) for value, r in rows.items()})

    def _numbers(self, field: str) -> NumberColumn:
        parent, _, attribute = field.partition(".")
        rows: list[int] = []
        values: list[float] = []
        for row, product in enumerate(self.products):
            value = product.record.get(parent)
            if attribute and value is not None:
                value = value.get(attribute)
            if value is not None:
                rows.append(row)
                values.append(float(value))
        return NumberColumn(rows=np.array(rows, dtype=np.int64), values=np.array(values, dtype=np.float64))

    def _vectors(self, field: str) -> tuple[NDArray[np.int64], Float32Array]:
        rows = [row for row, product in enumerate(self.products) if field in product.vectors]
        vector_field = self.schema.vector(field)
        dim = vector_field.dim if vector_field is not None else 0
        matrix = np.zeros((len(rows), dim), dtype=np.float32)
        for position, row in enumerate(rows):
            matrix[position] = self.products[row].vectors[field]
        return np.array(rows, dtype=np.int64), matrix


def as_list(value: Any) -> list[Any]:
    """The values of a field that may hold none, one or several."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]
