"""An answer as JSON bytes, by the fields that `bodies/answers.py` describes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from multirecall.engines.base import FacetCount, FacetCounts
from multirecall.search.page import Page, PageHit

__all__ = ["page_answer"]


def page_answer(page: Page) -> dict[str, Any]:
    """The part of the answer that is the page's own."""
    return {
        "took_ms": round(page.took_ms, 3),
        "generation": page.generation,
        "fusion": page.fusion,
        "degraded": dict(page.degraded),
        "routes": {
            route.name: {
                "status": route.status.value,
                "hits": route.n_hits,
                "total": route.total,
                "took_ms": round(route.took_ms, 3),
                "prepared_ms": round(route.prepared_ms, 3),
                **({"error": route.error} if route.error else {}),
            }
            for route in page.routes
        },
        "hits": {
            "total": {"value": page.total.value, "relation": page.total.relation},
            "hits": [_hit(hit) for hit in page.hits],
        },
        "aggregations": {facet.field: {"buckets": _buckets(facet)} for facet in page.facets},
        "aggregations_over": page.facets_over,
        "rewrites": [{"by": one.by, "before": one.before, "after": one.after} for one in page.query.rewrites],
        "notes": list(page.notes),
        "timings_ms": {stage: round(took, 3) for stage, took in page.timings_ms.items()},
    }


def _hit(hit: PageHit) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": hit.id,
        "rank": hit.rank,
        "score": hit.score,
        "product": _product(hit.product),
        "sources": [
            {"route": one.route, "rank": one.rank, "score": one.score, "contribution": one.contribution}
            for one in hit.sources
        ],
    }
    if hit.relevance is not None:
        body["relevance"] = hit.relevance
    if hit.explanation is not None:
        body["explanation"] = asdict(hit.explanation)
    return body


def _product(record: Mapping[str, Any]) -> Mapping[str, Any]:
    return record if isinstance(record, dict) else dict(record)


def _buckets(facet: FacetCounts) -> list[dict[str, Any]]:
    return [_bucket(count) for count in facet.counts]


def _bucket(count: FacetCount) -> dict[str, Any]:
    if count.value is not None:
        return {"key": count.value, "count": count.count}
    return {"from": count.gte, "to": count.lt, "count": count.count}
