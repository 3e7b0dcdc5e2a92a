"""Snapshot: one committed state of a physical index, immutable; every search works on exactly one."""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tantivy
from tantivy import Occur, Order, Query

from multirecall.core.errors import IndexCorrupt
from multirecall.core.filters import Filter
from multirecall.core.ranking import FieldValue
from multirecall.engines.embedded.documents import (
    TEXT_FIELDS,
    column_name,
    read_body,
    read_fixed,
    text_field,
)
from multirecall.engines.embedded.filter_query import filter_query
from multirecall.engines.embedded.graph import Graph
from multirecall.engines.embedded.rows import RowReader, Rows
from multirecall.engines.embedded.tuning import Tuning
from multirecall.engines.embedded.vocabulary import Vocabulary
from multirecall.engines.fields import returned_value
from multirecall.engines.schema import Schema
from multirecall.engines.versions import Versions

__all__ = ["Committed", "Selection", "Snapshot"]

_KEPT_SELECTIONS_BYTES = 64 << 20
_FOUND_AT_ONCE = 512


class Selection:
    """The rows that a vector search may return: live, with a vector in the field, passing the filter."""

    __slots__ = ("first", "mask", "rows")

    def __init__(self, rows: Rows, first: int, stop: int) -> None:
        self.rows = rows  # rising
        self.first = first
        self.mask = np.zeros(stop - first, dtype=np.bool_)
        self.mask[rows - first] = True

    def __len__(self) -> int:
        return len(self.rows)

    def keep(self, rows: Rows) -> Rows:
        """Those of `rows` that are selected, in their order."""
        inside = rows[(rows >= self.first) & (rows < self.first + len(self.mask))]
        kept: Rows = inside[self.mask[inside - self.first]]
        return kept

    @property
    def bytes(self) -> int:
        return int(self.rows.nbytes + self.mask.nbytes)


class Committed:
    """What is worked out once per commit and stays true while tantivy merges segments beneath it."""

    def __init__(self, opstamp: int) -> None:
        self.opstamp = opstamp
        self._lock = threading.Lock()
        self._making = threading.Lock()
        self.vocabulary = Vocabulary([text_field(name) for name in TEXT_FIELDS])
        self.mean_codes: float | None = None
        self._selections: OrderedDict[tuple[str, str], Selection] = OrderedDict()

    def selection(self, field: str, filter: Filter | None, make: Callable[[], Selection]) -> Selection:
        """The selection, remembered while `_KEPT_SELECTIONS_BYTES` allow: shops filter by the same things again."""
        key = (field, repr(filter))  # not the filter itself: 1 == True, but `x=1` is not `x=true`
        found = self._kept(key)
        if found is not None:
            return found
        with self._making:  # one thread works it out, the others wait for it
            found = self._kept(key)
            if found is None:
                found = make()
                self._keep(key, found)
            return found

    def _kept(self, key: tuple[str, str]) -> Selection | None:
        with self._lock:
            found = self._selections.get(key)
            if found is not None:
                self._selections.move_to_end(key)
            return found

    def _keep(self, key: tuple[str, str], made: Selection) -> None:
        with self._lock:
            self._selections[key] = made
            size = sum(selection.bytes for selection in self._selections.values())
            while size > _KEPT_SELECTIONS_BYTES and len(self._selections) > 1:
                size -= self._selections.popitem(last=False)[1].bytes


_KEPT_RECORDS = 2_048
_STAMPS = itertools.count(1)
"""A number for every snapshot of this process: none is ever given again, as a commit's number may be to a new index."""


class Snapshot:
    """tantivy's searcher, the rows it names, and the vector graphs at hand, all of one moment."""

    def __init__(
        self,
        path: Path,
        schema: Schema,
        text: tantivy.Index,
        graphs: dict[str, Graph],
        committed: Committed,
        n_counted: int,
        tuning: Tuning,
    ) -> None:
        self.n_counted = n_counted  # documents in tantivy's statistics: the live ones and the replaced not merged yet
        self.tuning = tuning
        self.path = path
        self.schema = schema
        self.text_schema = text.schema
        self.searcher: Any = text.searcher()  # its stubs lack what it has
        self.graphs = graphs
        self.committed = committed
        last = self.searcher.search(Query.all_query(), 1, False, "row", order=Order.Desc).hits
        self.rows = RowReader(path / "rows", schema, last[0][0] + 1 if last else 0)
        self.stamp = next(_STAMPS)
        self.records: dict[str, dict[str, Any] | None] = {}
        """Records read lately, by id (None: no such product). They go with the snapshot, so they are never stale."""

    def keep_records(self, records: Mapping[str, dict[str, Any] | None]) -> None:
        """Remembers what was read; when it is too much, forgets all that was before."""
        if len(self.records) + len(records) > _KEPT_RECORDS:
            self.records = {}
        self.records.update(records)

    def __len__(self) -> int:
        count: int = self.searcher.num_docs
        return count

    def count(self, query: Query) -> int:
        """The number of matches."""
        found: int = self.searcher.search(query, 1).count
        return found

    def holding(self, field: str, term: str) -> int:
        """How many of the `n_counted` documents hold a term. Raises ValueError for a lone surrogate."""
        found: int = self.searcher.doc_freq(field, term)
        return found

    def mean_codes(self) -> float:
        """The mean number of codes of the products that have one; 1 if none has."""
        if self.committed.mean_codes is None:
            answer = self.searcher.aggregate(Query.all_query(), {"codes": {"value_count": {"field": "codes"}}})
            having = self.count(Query.exists_query("codes"))
            self.committed.mean_codes = answer["codes"]["value"] / having if having else 1.0
        return self.committed.mean_codes

    def find(self, id: str) -> Any:
        """tantivy's address of a product, or None."""
        hits = self.searcher.search(Query.term_query(self.text_schema, "id", id, "basic"), 1, False).hits
        return hits[0][1] if hits else None

    def find_all(self, ids: Sequence[str]) -> Iterator[Any]:
        """tantivy's addresses of those products that are there, in no order."""
        for start in range(0, len(ids), _FOUND_AT_ONCE):
            part = dict.fromkeys(ids[start : start + _FOUND_AT_ONCE])
            either = [(Occur.Should, Query.term_query(self.text_schema, "id", name, "basic")) for name in part]
            query = Query.const_score_query(Query.boolean_query(either), 0.0)
            for _, address in self.searcher.search(query, len(part), False).hits:
                yield address

    def address(self, row: int) -> Any:
        """tantivy's address of the product that lies in a live row."""
        hits = self.searcher.search(Query.term_query(self.text_schema, "row", row, "basic"), 1, False).hits
        if not hits:
            raise IndexCorrupt(f"No product lies in row {row}.", hint="Index the catalogue again.", row=row)
        return hits[0][1]

    def addresses(self, rows: Sequence[int]) -> dict[int, Any]:
        """tantivy's address by row, for live rows."""
        if not rows:
            return {}
        unscored = Query.const_score_query(self.rows_query(rows), 0.0)
        found = [address for _, address in self.searcher.search(unscored, len(rows), False).hits]
        return dict(zip(self.rows_at(found), found, strict=True))

    def rows_query(self, rows: Sequence[int]) -> Query:
        """The products that lie in these rows (twice as fast as a set of terms while there are hundreds)."""
        either = [(Occur.Should, Query.term_query(self.text_schema, "row", row, "basic")) for row in rows]
        return Query.boolean_query(either) if either else Query.empty_query()

    def body(self, address: Any) -> bytes:
        """The stored body: see `documents.read_body`. About 10 us."""
        body: bytes = self.searcher.doc(address).get_first("body")
        return body

    def stored(
        self, rows: Sequence[int], addresses: Sequence[Any]
    ) -> Iterator[tuple[dict[str, Any], tuple[str, ...], Versions]]:
        """Of each document the record (without its match text), the names of its vectors, and its versions."""
        for record, address in zip(self.rows.records(rows), addresses, strict=True):
            fixed, vector_names = read_fixed(record)
            changing, versions = read_body(self.body(address))
            yield {**fixed, **changing}, vector_names, versions

    def integer(self, column: str, address: Any) -> int:
        """One of our own integer columns, which every document has."""
        value: int = self.searcher.fast_field_values(column, [address])[0]
        return value

    def rows_at(self, addresses: list[Any]) -> list[int]:
        """The rows of documents, in their order."""
        rows: list[int] = self.searcher.fast_field_values("row", addresses)
        return rows

    def rows_matching(self, query: Query) -> Rows:
        """All rows that match, rising. Cost: about 0.3 us a row."""
        if not len(self):
            return np.zeros(0, dtype=np.int64)
        hits = self.searcher.search(query, len(self), False, "row", order=Order.Asc).hits
        return np.fromiter((row for row, _ in hits), dtype=np.int64, count=len(hits))

    def selection(self, field: str, filter: Filter | None) -> Selection:
        """The rows with a vector in `field` that pass the filter."""

        def make() -> Selection:
            query = Query.term_query(self.text_schema, "vector_names", field, "basic")
            if filter is not None:
                query = Query.boolean_query(
                    [(Occur.Must, query), (Occur.Must, filter_query(filter, self.schema, self.text_schema))]
                )
            return Selection(self.rows_matching(Query.const_score_query(query, 0.0)), self.rows.first, self.rows.stop)

        return self.committed.selection(field, filter, make)

    def values(self, rows: Sequence[int], addresses: list[Any], names: Sequence[str]) -> list[dict[str, FieldValue]]:
        """For each document the asked fields it has; those that no column holds come from the stored record (some 30 us
        each)."""
        values: list[dict[str, FieldValue]] = [{} for _ in rows]
        in_bodies = []
        for name in names:
            column = self._column(name, rows, addresses)
            if column is None:
                in_bodies.append(name)
                continue
            for target, value in zip(values, column, strict=True):
                if value is not None:
                    target[name] = value
        if in_bodies:
            for target, (record, _, _) in zip(values, self.stored(rows, addresses), strict=True):
                for name in in_bodies:
                    held = returned_value(name, record_value(record, name))
                    if held is not None:
                        target[name] = held
        return values

    def _column(self, name: str, rows: Sequence[int], addresses: list[Any]) -> list[FieldValue] | None:
        """A field's value for each document (None: it has none); None for a field that only the bodies hold."""
        column: list[FieldValue]
        match name:
            case "price_minor" | "popularity" | "updated_at" | "in_stock":
                column = self.searcher.fast_field_values(column_name(name, self.schema), addresses)
                if name == "price_minor":
                    column = [int(v) if v is not None and v.is_integer() else v for v in column]  # type: ignore[union-attr, arg-type]
            case "id" | "brand" | "category":
                position = ("id", "brand", "category").index(name)
                held = [keys[position] for keys in self.rows.keys(rows)]
                column = [tuple(v) if isinstance(v, list) else v for v in held]
            case "match_text":
                column = [text or None for text in self.rows.texts(rows)]
            case _:
                return None
        return column


def record_value(record: dict[str, Any], name: str) -> Any:
    """A field of a record; `attributes.<name>` and `attribute_numbers.<name>` lead inside."""
    parent, dot, key = name.partition(".")
    if dot and name not in record:
        inner = record.get(parent)
        return inner.get(key) if isinstance(inner, dict) else None
    return record.get(name)
