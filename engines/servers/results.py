"""Search answers to EngineResults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from multirecall.core.ranking import FieldValue, RouteStatus
from multirecall.engines.base import EngineHit, EngineRequest, EngineResult, Everything, Vector
from multirecall.engines.schema import Schema
from multirecall.engines.servers.errors import reason
from multirecall.engines.servers.facets import facet_counts
from multirecall.engines.servers.search_body import column_fields

__all__ = ["late", "search_filter_path", "search_result"]

search_filter_path = ",".join(
    "responses." + path
    for path in (
        "took", "timed_out", "status", "error", "aggregations", "_shards.failed", "_shards.failures.reason",
        "hits.total.value", "hits.hits._index", "hits.hits._score", "hits.hits.sort", "hits.hits.fields",
        "hits.hits._source",
    )
)  # fmt: skip
"""What an answer must hold; the rest (shard counts, ids a second time) is not sent."""


def late(what: str) -> EngineResult:
    """The result of a request that got no answer in time."""
    return EngineResult(status=RouteStatus.TIMED_OUT, error=what)


def search_result(request: EngineRequest, answer: Mapping[str, Any], schema: Schema) -> EngineResult:
    """One response of an `_msearch`. Raises nothing: a request that failed gives a result that says why."""
    if "error" in answer:
        return EngineResult(status=RouteStatus.FAILED, error=reason(answer["error"]))
    found = answer.get("hits", {})
    aggregations = answer.get("aggregations", {})
    status, error = _status(answer)
    return EngineResult(
        hits=tuple(_hit(request, hit) for hit in found.get("hits", ())),
        total=None if isinstance(request.clause, Vector) else found.get("total", {}).get("value", 0),
        facets=tuple(
            facet_counts(facet, aggregations[str(n)], schema)
            for n, facet in enumerate(request.facets)
            if str(n) in aggregations
        ),
        took_ms=float(answer.get("took", 0)),
        status=status,
        error=error,
    )


def _status(answer: Mapping[str, Any]) -> tuple[RouteStatus, str]:
    if answer.get("timed_out"):
        return RouteStatus.TIMED_OUT, "The server ran out of time; these are the hits it had found."
    shards = answer.get("_shards", {})
    if shards.get("failed"):
        failures = shards.get("failures") or [{}]
        return (
            RouteStatus.PARTIAL,
            f"{shards['failed']} shard(s) failed: {reason(failures[0].get('reason', ''))}",
        )
    return RouteStatus.OK, ""


def _hit(request: EngineRequest, hit: Mapping[str, Any]) -> EngineHit:
    match request.clause:
        case Vector():
            score = min(1.0, max(-1.0, 2.0 * hit["_score"] - 1.0))  # the server's is (1 + cosine) / 2
        case Everything():
            score = 1.0
        case _:
            score = hit["_score"]
    return EngineHit(id=hit["sort"][-1], score=score, fields=_fields(request, hit))


def _fields(request: EngineRequest, hit: Mapping[str, Any]) -> dict[str, FieldValue]:
    columns, stored = hit.get("fields", {}), hit.get("_source", {})
    one_valued = column_fields(request.fields)
    fields: dict[str, FieldValue] = {}
    for name in request.fields:
        if name in one_valued:
            value = columns[name][0] if columns.get(name) else None
        elif name.startswith("attributes."):
            value = (stored.get("attributes") or {}).get(name.removeprefix("attributes."))
        else:
            value = stored.get(name)
        if value is not None:
            fields[name] = tuple(value) if isinstance(value, list) else value
    return fields
