"""A FrozenList as bytes: JSON, compressed. No pickle: what comes out of Redis is data and nothing else."""

from __future__ import annotations

import zlib
from typing import Any

import orjson

from multirecall.core.ranking import FusedHit, RouteStatus, Source
from multirecall.core.rewriting import Rewriting
from multirecall.engines.base import FacetCount, FacetCounts
from multirecall.search.frozen import FrozenList, RouteList
from multirecall.search.page import RouteTrace, Total
from multirecall.search.serving.query_json import query_from, query_values

__all__ = ["MAX_BYTES", "list_from_bytes", "list_to_bytes", "unpacked"]

FORMAT = 2
MAX_BYTES = 16 * 1024 * 1024
"""No list is longer than this when unpacked."""


def list_to_bytes(frozen: FrozenList) -> bytes:
    """The whole list. Floats come back as they were, to the last bit."""
    routes = {one.name: number for number, one in enumerate(frozen.routes)}
    values = {
        "format": FORMAT,
        "id": frozen.id,
        "query": query_values(frozen.query),
        "generation": frozen.generation,
        "hits": [
            [
                hit.id,
                hit.score,
                hit.relevance,
                [[routes[s.route], s.rank, s.score, s.normalised, s.contribution] for s in hit.sources],
            ]
            for hit in frozen.hits
        ],
        "total": [frozen.total.value, frozen.total.relation],
        "totals": {name: [total.value, total.relation] for name, total in frozen.totals.items()},
        "facets": [
            [facet.field, [[one.count, one.value, one.gte, one.lt] for one in facet.counts]] for facet in frozen.facets
        ],
        "facets_over": frozen.facets_over,
        "fusion": frozen.fusion,
        "routes": [
            [
                one.name,
                one.status.value,
                one.n_hits,
                one.total,
                one.took_ms,
                one.error,
                one.prepared_ms,
                [[said.text, said.by, said.confidence, said.log] for said in one.rewritings],
            ]
            for one in frozen.routes
        ],
        "lists": [[one.route, one.ids, one.scores] for one in frozen.route_lists],
        "degraded": frozen.degraded,
        "notes": frozen.notes,
        "timings_ms": frozen.timings_ms,
        "made_at": frozen.made_at,
    }
    return zlib.compress(orjson.dumps(values), 1)


def list_from_bytes(data: bytes) -> FrozenList:
    """The list that `list_to_bytes` wrote. Raises ValueError for anything else, also for another format."""
    try:
        return _list_from(unpacked(data))
    except (zlib.error, KeyError, TypeError, IndexError) as error:
        raise ValueError(f"no frozen list: {type(error).__name__}") from None


def unpacked(data: bytes) -> dict[str, Any]:
    """The JSON object behind compressed bytes. Raises zlib.error and ValueError; unpacks no more than MAX_BYTES."""
    text = zlib.decompressobj().decompress(data, MAX_BYTES)
    try:
        values = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise ValueError("no JSON") from None
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise ValueError("another format")
    return values


def _list_from(values: dict[str, Any]) -> FrozenList:
    routes = tuple(
        RouteTrace(
            name=name,
            status=RouteStatus(status),
            n_hits=n_hits,
            total=total,
            took_ms=took_ms,
            error=error,
            prepared_ms=prepared_ms,
            rewritings=tuple(
                Rewriting(text=text, by=by, confidence=confidence, log=tuple(log))
                for text, by, confidence, log in rewritings
            ),
        )
        for name, status, n_hits, total, took_ms, error, prepared_ms, rewritings in values["routes"]
    )
    return FrozenList(
        id=values["id"],
        query=query_from(values["query"]),
        generation=values["generation"],
        hits=tuple(
            FusedHit(
                id=name,
                score=score,
                rank=rank,
                sources=tuple(
                    Source(routes[route].name, in_route, of_route, normalised, contribution)
                    for route, in_route, of_route, normalised, contribution in sources
                ),
                relevance=relevance,
            )
            for rank, (name, score, relevance, sources) in enumerate(values["hits"], start=1)
        ),
        total=Total(value=values["total"][0], relation=values["total"][1]),
        totals={name: Total(value=value, relation=relation) for name, (value, relation) in values["totals"].items()},
        facets=tuple(
            FacetCounts(
                field=field,
                counts=tuple(FacetCount(count=n, value=value, gte=gte, lt=lt) for n, value, gte, lt in counts),
            )
            for field, counts in values["facets"]
        ),
        facets_over=values["facets_over"],
        fusion=values["fusion"],
        routes=routes,
        route_lists=tuple(
            RouteList(route=route, ids=tuple(ids), scores=tuple(scores)) for route, ids, scores in values["lists"]
        ),
        degraded=values["degraded"],
        notes=tuple(values["notes"]),
        timings_ms=values["timings_ms"],
        made_at=values["made_at"],
    )
