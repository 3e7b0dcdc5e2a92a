"""Search answers to EngineResults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from itertools import repeat
from typing import Any

from multirecall.core.ranking import FieldValue, RouteStatus
from multirecall.engines.base import EngineHit, EngineRequest, EngineResult, Everything, Vector
from multirecall.engines.schema import Schema
from multirecall.engines.servers.binary import BINARY_FIELDS, unpacked
from multirecall.engines.servers.errors import reason
from multirecall.engines.servers.facets import facet_counts
from multirecall.engines.servers.search_body import column_fields

__all__ = ["late", "search_filter_path", "search_result"]

_SEVERAL = ("category", "labels")
"""Columns that may hold several values; they come back sorted."""

search_filter_path = ",".join(
    f"responses.{path}"
    for path in (
        "took", "timed_out", "status", "error", "aggregations", "_shards.fail*", "hits.total.value", "hits.hits",
    )
)  # fmt: skip
"""What an answer must hold; the rest is not sent."""


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
        hits=_hits(request, found.get("hits", ())),
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


def _hits(request: EngineRequest, found: Sequence[Mapping[str, Any]]) -> tuple[EngineHit, ...]:
    """The hits in the server's order; the last sort value of each is its id."""
    scores: Iterable[float]
    match request.clause:
        case Vector():  # the server's score is (1 + cosine) / 2
            scores = [min(1.0, max(-1.0, 2.0 * hit["_score"] - 1.0)) for hit in found]
        case Everything():
            scores = repeat(1.0)
        case _:
            scores = [hit["_score"] for hit in found]
    if not request.fields:
        return tuple(EngineHit(id=hit["sort"][-1], score=score) for hit, score in zip(found, scores, strict=False))
    columns = frozenset(column_fields(request.fields))
    return tuple(
        EngineHit(id=hit["sort"][-1], score=score, fields=_fields(request.fields, columns, hit))
        for hit, score in zip(found, scores, strict=False)
    )


def _fields(names: Sequence[str], columns: Set[str], hit: Mapping[str, Any]) -> dict[str, FieldValue]:
    in_columns, stored = hit.get("fields", {}), hit.get("_source", {})
    fields: dict[str, FieldValue] = {}
    for name in names:
        if name in columns:
            held = in_columns.get(name)
            value = held if name in _SEVERAL or not held else held[0]
            if value is not None and name in BINARY_FIELDS:
                value = unpacked(value)
        elif name.startswith("attributes."):
            value = (stored.get("attributes") or {}).get(name.removeprefix("attributes."))
        else:
            value = stored.get(name)
        if value is not None:
            fields[name] = tuple(value) if isinstance(value, list) else value
    return fields
