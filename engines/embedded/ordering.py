"""The first k matches of a query in an exact order: by score or by fields, ties by id, also at the cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from tantivy import Occur, Order, Query

from multirecall.core.query import Sort
from multirecall.engines.embedded.documents import column_name
from multirecall.engines.embedded.filter_query import column_query, exists_query
from multirecall.engines.embedded.snapshot import Snapshot
from multirecall.engines.fields import FieldKind, ResolvedField, resolve_field

__all__ = ["Found", "by_id", "by_score", "by_sort"]

_TIES_LOOKED_AHEAD = 32


class Found(NamedTuple):
    """A match: its row, id and score, and tantivy's address of its document."""

    row: int
    id: str
    score: float
    address: Any


def by_score(query: Query, k: int, snapshot: Snapshot) -> tuple[list[Found], int]:
    """The k best by score descending, then id ascending; and the number of all matches.

    tantivy orders equal scores by where they lie, so hits beyond k are fetched until the score falls.
    """
    limit = k + _TIES_LOOKED_AHEAD
    result = snapshot.searcher.search(query, limit)
    hits, total = result.hits, int(result.count)
    while len(hits) < total and hits[-1][0] == hits[k - 1][0]:
        limit *= 4
        hits = snapshot.searcher.search(query, limit, False).hits
    if len(hits) > k:
        cut = hits[k - 1][0]
        hits = [hit for hit in hits if hit[0] >= cut]
    found = _found(hits, snapshot)
    found.sort(key=lambda hit: (-hit.score, hit.id))
    return found[:k], total


def by_id(query: Query, k: int, snapshot: Snapshot, *, descending: bool = False) -> list[Found]:
    """The k first by id; scores are 0."""
    order = Order.Desc if descending else Order.Asc
    hits = snapshot.searcher.search(query, k, False, "id", order=order).hits
    return _found([(0.0, address) for _, address in hits], snapshot)


def by_sort(query: Query, sorts: Sequence[Sort], k: int, snapshot: Snapshot) -> list[Found]:
    """The k first by the fields, each missing value last, then by id; scores are 0.

    tantivy finds the k first by the first field; those that share the value at the cut are asked for once more,
    by the next field. So the work stays near k, however many products share a value.
    """
    if k == 0:
        return []
    if not sorts or sorts[0].field == "id":
        return by_id(query, k, snapshot, descending=bool(sorts) and sorts[0].descending)
    first, rest = sorts[0], sorts[1:]
    resolved = resolve_field(first.field, snapshot.schema, "sort")
    column = column_name(resolved.name, snapshot.schema)
    hits = _by_column(query, resolved, column, k, snapshot, descending=first.descending)
    if not hits:
        return []
    cut = hits[-1][0]
    surely = _found([(0.0, address) for value, address in hits if value != cut], snapshot)
    tied = Query.boolean_query([(Occur.Must, query), _at(resolved, cut, snapshot)])
    return _by_all(surely, sorts, snapshot) + by_sort(tied, rest, k - len(surely), snapshot)


def _by_column(
    query: Query, resolved: ResolvedField, column: str, k: int, snapshot: Snapshot, *, descending: bool
) -> list[tuple[Any, Any]]:
    """The k first (value, address), missing values last."""
    if resolved.kind is not FieldKind.BOOLEAN:
        order = Order.Desc if descending else Order.Asc
        hits: list[tuple[Any, Any]] = snapshot.searcher.search(query, k, False, column, order=order).hits
        return hits
    hits = []
    for value in (descending, not descending, None):
        if len(hits) < k:
            part = Query.boolean_query([(Occur.Must, query), _at(resolved, value, snapshot)])
            found = snapshot.searcher.search(part, k - len(hits), False).hits
            hits += [(value, address) for _, address in found]
    return hits


def _at(resolved: ResolvedField, value: Any, snapshot: Snapshot) -> tuple[Occur, Query]:
    if value is None:
        return Occur.MustNot, exists_query(resolved, snapshot.schema)
    return Occur.Must, column_query(resolved, value, snapshot.schema, snapshot.text_schema)


def _by_all(found: list[Found], sorts: Sequence[Sort], snapshot: Snapshot) -> list[Found]:
    """Sorts few hits in Python: by the last field first, each time stably."""
    ordered = sorted(found, key=lambda hit: hit.id)
    for sort in reversed(sorts):
        resolved = resolve_field(sort.field, snapshot.schema, "sort")
        values = dict(zip((hit.row for hit in ordered), _values(ordered, resolved, snapshot), strict=True))
        having = [hit for hit in ordered if values[hit.row] is not None]
        having.sort(key=lambda hit: values[hit.row], reverse=sort.descending)  # `reverse` keeps ties in order
        ordered = having + [hit for hit in ordered if values[hit.row] is None]
    return ordered


def _values(found: list[Found], resolved: ResolvedField, snapshot: Snapshot) -> list[Any]:
    if resolved.kind is FieldKind.KEYWORD:
        position = 0 if resolved.name == "id" else 1
        keys = [key[position] for key in snapshot.rows.keys([hit.row for hit in found])]
        return [key[0] if isinstance(key, list) and key else key or None for key in keys]
    column = column_name(resolved.name, snapshot.schema)
    values: list[Any] = snapshot.searcher.fast_field_values(column, [hit.address for hit in found])
    return values


def _found(hits: list[tuple[float, Any]], snapshot: Snapshot) -> list[Found]:
    rows = snapshot.rows_at([address for _, address in hits])
    ids = snapshot.rows.ids(rows)
    return [Found(row, name, score, address) for row, name, (score, address) in zip(rows, ids, hits, strict=True)]
