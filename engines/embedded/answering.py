"""One request answered over a snapshot."""

from __future__ import annotations

import time

from tantivy import Occur, Query

from multirecall.core.deadline import Deadline
from multirecall.core.filters import Filter
from multirecall.core.ranking import RouteStatus
from multirecall.engines.base import EngineHit, EngineRequest, EngineResult, Everything, Holding, Text, Vector
from multirecall.engines.embedded.facets import count_facet
from multirecall.engines.embedded.filter_query import filter_query, holding_query
from multirecall.engines.embedded.ordering import Found, by_id, by_score, by_sort
from multirecall.engines.embedded.snapshot import Snapshot
from multirecall.engines.embedded.text_query import text_query
from multirecall.engines.embedded.vectors import nearest_rows

__all__ = ["answer", "count"]

_LATE = "The time budget was spent."


def answer(request: EngineRequest, snapshot: Snapshot, deadline: Deadline) -> EngineResult:
    """The result of a request that `checks.check_request` let pass; after the deadline one without hits.

    The deadline is looked at between steps: a single step of tantivy or usearch cannot be interrupted.
    """
    started = time.perf_counter()
    if deadline.expired:
        return EngineResult(status=RouteStatus.TIMED_OUT, error=_LATE)
    total: int | None = None
    in_time = True
    match request.clause:
        case Vector():
            found, in_time = _by_vector(request, request.clause, snapshot, deadline)
            query = snapshot.rows_query([hit.row for hit in found] if request.facets else [])
        case Text() | Everything() | Holding():
            query = _query(request.clause, request.filter, snapshot, scored=request.k > 0)
            found, total = _by_text(request, query, snapshot)
    facets = []
    for facet in request.facets:
        if deadline.remaining_s() <= 0:
            in_time = False
            break
        facets.append(count_facet(facet, query, snapshot))
    return EngineResult(
        hits=_hits(found, request, snapshot),
        total=total,
        facets=tuple(facets),
        took_ms=(time.perf_counter() - started) * 1000,
        status=RouteStatus.OK if in_time else RouteStatus.TIMED_OUT,
        error="" if in_time else _LATE,
    )


def count(filter: Filter | None, snapshot: Snapshot) -> int:
    """The number of products that pass."""
    if filter is None:
        return len(snapshot)
    return snapshot.count(filter_query(filter, snapshot.schema, snapshot.text_schema))


def _query(clause: Text | Everything | Holding, filter: Filter | None, snapshot: Snapshot, *, scored: bool) -> Query:
    match clause:
        case Text():
            query = text_query(clause, snapshot, scored=scored)
        case Holding():
            query = holding_query(clause, snapshot.schema, snapshot.text_schema)
        case Everything():
            query = Query.all_query()
    if filter is None:
        return query
    allowed = Query.const_score_query(filter_query(filter, snapshot.schema, snapshot.text_schema), 0.0)
    return Query.boolean_query([(Occur.Must, query), (Occur.Must, allowed)])


def _by_text(request: EngineRequest, query: Query, snapshot: Snapshot) -> tuple[list[Found], int]:
    if isinstance(request.clause, Text | Holding) and not request.sort and request.k:
        return by_score(query, request.k, snapshot)
    total = snapshot.count(query)
    if not request.k:
        return [], total
    if request.sort:
        return by_sort(query, request.sort, request.k, snapshot), total
    return by_id(query, request.k, snapshot), total


def _by_vector(
    request: EngineRequest, clause: Vector, snapshot: Snapshot, deadline: Deadline
) -> tuple[list[Found], bool]:
    selection = snapshot.selection(clause.field, request.filter)
    nearest, in_time = nearest_rows(clause, request.k, selection, snapshot, deadline)
    if request.fields:
        addresses = snapshot.addresses([hit.row for hit in nearest])
        nearest = [hit._replace(address=addresses[hit.row]) for hit in nearest]
    return nearest, in_time


def _hits(found: list[Found], request: EngineRequest, snapshot: Snapshot) -> tuple[EngineHit, ...]:
    if isinstance(request.clause, Everything):
        found = [hit._replace(score=1.0) for hit in found]
    if not request.fields:
        return tuple([EngineHit(name, score) for _, name, score, _ in found])
    values = snapshot.values([hit.row for hit in found], [hit.address for hit in found], request.fields)
    return tuple([EngineHit(name, score, of) for (_, name, score, _), of in zip(found, values, strict=True)])
