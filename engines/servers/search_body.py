"""EngineRequest to search body. Pure: what is refused is refused here, before anything is sent."""

from __future__ import annotations

from typing import Any

from multirecall.core.query import Sort
from multirecall.engines.base import EngineRequest, Everything, Holding, Text, Vector
from multirecall.engines.checks import check_request
from multirecall.engines.fields import resolve_field
from multirecall.engines.schema import Schema
from multirecall.engines.servers.dialect import Dialect
from multirecall.engines.servers.facets import aggregation
from multirecall.engines.servers.filters import filter_query, holding_query, index_field
from multirecall.engines.servers.text import text_query
from multirecall.engines.servers.tombstones import only_products

__all__ = ["column_fields", "search_body", "source_fields"]

_STORED_ONLY = ("codes",)
"""Several values whose order a column would lose. `category` keeps its own: the prefixes of a path rise."""


def search_body(request: EngineRequest, schema: Schema, dialect: Dialect, timeout_ms: int | None) -> dict[str, Any]:
    """One body of an `_msearch`. `timeout_ms`: after that the server answers with what it has found.

    Every hit carries its sort values, whose last one is the id: reading ids from there costs no access to the
    stored products, whose blocks the server would have to decompress for `_id` alone.
    """
    check_request(request, schema)
    body: dict[str, Any] = {"size": request.k, "_source": False, "track_total_hits": True}
    passing = None if request.filter is None else filter_query(request.filter, schema)
    match request.clause:
        case Vector() as clause:
            field = schema.vector(clause.field)
            if field is not None:  # `check_request` has made sure of it
                body |= dialect.nearest(clause, field, request.k, passing)
            body["track_total_hits"] = False
            body["sort"] = [{"_score": "desc"}, {"id": "asc"}]
        case Text() | Holding() as clause:
            query = _scored(clause, schema)
            body["query"] = query if passing is None else {"bool": {"must": [query], "filter": [passing]}}
            body["sort"] = [{"_score": "desc"}, {"id": "asc"}]
        case Everything():
            body["query"] = {"constant_score": {"filter": only_products(passing)}}
            body["sort"] = [{"id": "asc"}]
    if request.sort:
        body["sort"] = [*(_order(sort, schema) for sort in request.sort), {"id": "asc"}]
        body["track_scores"] = isinstance(request.clause, Text | Holding)
    if request.facets:
        body["aggs"] = {str(n): aggregation(facet, schema) for n, facet in enumerate(request.facets)}
    columns = column_fields(request.fields)
    if columns:
        body["docvalue_fields"] = list(columns)
    stored = source_fields(request.fields)
    if stored:
        body["_source"] = list(stored)
    else:
        body["stored_fields"] = "_none_"
    if timeout_ms is not None:
        body["timeout"] = f"{timeout_ms}ms"
    return body


def column_fields(fields: tuple[str, ...]) -> tuple[str, ...]:
    """The requested fields that are read from columns."""
    return tuple(f for f in fields if f not in _STORED_ONLY and not f.startswith("attributes."))


def source_fields(fields: tuple[str, ...]) -> tuple[str, ...]:
    """The parts of the stored product that the other requested fields need: columns lose the order of values."""
    wanted = {"attributes" if f.startswith("attributes.") else f for f in fields if f not in column_fields(fields)}
    return tuple(sorted(wanted))


def _scored(clause: Text | Holding, schema: Schema) -> dict[str, Any]:
    return text_query(clause, schema.language) if isinstance(clause, Text) else holding_query(clause, schema)


def _order(sort: Sort, schema: Schema) -> dict[str, Any]:
    field = index_field(resolve_field(sort.field, schema, "sort"))
    return {field: {"order": "desc" if sort.descending else "asc", "missing": "_last"}}
