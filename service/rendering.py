"""An answer as plain values, by the fields that `bodies/answers.py` describes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import orjson
from starlette.responses import Response

from multirecall.core.query import Query
from multirecall.engines.base import FacetCount, FacetCounts
from multirecall.fusion.explaining import Explanation
from multirecall.search.frozen import RouteList
from multirecall.search.page import Page, PageHit, RouteTrace
from multirecall.search.serving import Served

__all__ = ["Bodies", "JsonBytes", "explanation_of", "rendered"]

Bodies = Mapping[str, Mapping[str, Any]]
"""Stored records by product id."""


class JsonBytes(Response):
    """Plain values as JSON, written once. FastAPI's own way checks and copies every value before; an answer with ten
    products then costs more than the search that gave it."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The bytes."""
        return orjson.dumps(content, option=orjson.OPT_NON_STR_KEYS)


def rendered(
    served: Served, query: Query, *, request_id: str, took_ms: float, n_top: int, products: Bodies
) -> dict[str, Any]:
    """The answer to a search. `took_ms` is the whole time in the service; `products` those of the routes' own lists."""
    page = served.page
    answer: dict[str, Any] = {
        "request_id": request_id,
        "took_ms": round(took_ms, 3),
        "cache": {
            "status": served.cache.status,
            "level": served.cache.level,
            "age_ms": round(served.cache.age_ms, 1),
        },
        "timings_ms": {stage: round(took, 3) for stage, took in page.timings_ms.items()},
        "generation": page.generation,
        "fusion": page.fusion,
        "degraded": dict(page.degraded),
        "routes": {trace.name: _route(trace, served.route_lists.get(trace.name), n_top) for trace in page.routes},
        "hits": {
            "total": {"value": page.total.value, "relation": page.total.relation},
            "hits": [_hit(hit) for hit in page.hits],
        },
        "aggregations": {facet.field: {"buckets": _buckets(facet)} for facet in page.facets},
        "aggregations_over": page.facets_over,
        "page": {
            "token": served.page_token,
            "from": query.offset,
            "size": query.size,
            "has_more": served.has_more,
            "gone": list(served.gone),
        },
        "rewrites": _rewrites(page),
        "notes": list(page.notes),
    }
    if products:
        answer["products"] = {name: _plain(record) for name, record in products.items()}
    return answer


def _rewrites(page: Page) -> list[dict[str, Any]]:
    """What understanding did to the text, then other texts for the need: those have a confidence."""
    steps: list[dict[str, Any]] = [
        {"by": one.by, "before": one.before, "after": one.after} for one in page.query.rewrites
    ]
    asked = [
        {
            "by": one.by,
            "before": page.query.text,
            "after": one.text,
            "confidence": round(one.confidence, 4),
            "log": list(one.log),
        }
        for one in page.rewritings
    ]
    return steps + asked


def explanation_of(explanation: Explanation) -> dict[str, Any]:
    """An explanation as it goes out."""
    return asdict(explanation)


def _route(trace: RouteTrace, listed: RouteList | None, n_top: int) -> dict[str, Any]:
    body: dict[str, Any] = {
        "status": trace.status.value,
        "hits": trace.n_hits,
        "total": trace.total,
        "took_ms": round(trace.took_ms, 3),
        "prepared_ms": round(trace.prepared_ms, 3),
    }
    if trace.error:
        body["error"] = trace.error
    if n_top and listed is not None:
        top = zip(listed.ids[:n_top], listed.scores, strict=False)
        body["top"] = [{"id": one, "rank": rank, "score": score} for rank, (one, score) in enumerate(top, start=1)]
    return body


def _hit(hit: PageHit) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": hit.id,
        "rank": hit.rank,
        "score": hit.score,
        "product": _plain(hit.product),
        "sources": [
            {"route": one.route, "rank": one.rank, "score": one.score, "contribution": one.contribution}
            for one in hit.sources
        ],
    }
    if hit.relevance is not None:
        body["relevance"] = hit.relevance
    if hit.explanation is not None:
        body["explanation"] = explanation_of(hit.explanation)
    return body


def _plain(record: Mapping[str, Any]) -> dict[str, Any]:
    return record if isinstance(record, dict) else dict(record)


def _buckets(facet: FacetCounts) -> list[dict[str, Any]]:
    return [_bucket(count) for count in facet.counts]


def _bucket(count: FacetCount) -> dict[str, Any]:
    if count.value is not None:
        return {"key": count.value, "count": count.count}
    return {"from": count.gte, "to": count.lt, "count": count.count}
