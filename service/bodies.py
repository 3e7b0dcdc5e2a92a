"""What comes in and goes out over HTTP. Every value is bounded here; inside, types are true."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from multirecall.core.query import MAX_WINDOW, Query
from multirecall.engines.base import FacetCount, FacetCounts
from multirecall.search.filter_syntax import parse_facet, parse_filters, parse_sort
from multirecall.search.page import Page
from multirecall.search.understand import understand

__all__ = ["MAX_FILTERS", "Expression", "SearchBody", "SearchResult", "search_result"]

MAX_FILTERS = 50

Expression = Annotated[str, Field(min_length=1, max_length=500)]


class SearchBody(BaseModel):
    """A search. `filters`, `facets` and `sort` are written as on the command line."""

    model_config = ConfigDict(
        extra="forbid",
        populate_by_name=True,
        json_schema_extra={
            "examples": [
                {
                    "query": "usb c cable 2m",
                    "filters": ["brand=StarTech.com", "price<=25"],
                    "facets": ["brand:5", "price:10,25,50"],
                    "sort": [],
                    "from": 0,
                    "size": 10,
                }
            ]
        },
    )

    query: str = Field("", max_length=10_000, description="what the shopper typed; empty: the most popular products")
    filters: list[Expression] = Field(
        default_factory=list,
        max_length=MAX_FILTERS,
        description="all of them must hold: brand=HP, price<=100, colour=Red|Blue",
    )
    facets: list[Expression] = Field(
        default_factory=list, max_length=20, description="what to count: brand, category:25, price:50,100,500"
    )
    sort: list[Expression] = Field(default_factory=list, max_length=5, description="price, popularity:desc")
    offset: int = Field(0, ge=0, lt=MAX_WINDOW, alias="from", description="products to skip")
    size: int = Field(10, ge=1, le=MAX_WINDOW, description="products on the page")
    timeout_ms: int | None = Field(None, ge=1, le=60_000, description="time budget; default: the server's")
    explain: bool = Field(False, description="add what each product's score is made of; costs some milliseconds")

    def to_query(self, minor_units: int) -> Query:
        """The query. Raises InvalidQuery and InvalidFilter, which name the field."""
        return understand(
            self.query,
            filter=parse_filters(self.filters, minor_units=minor_units),
            sort=parse_sort(self.sort),
            facets=tuple(parse_facet(facet, minor_units=minor_units) for facet in self.facets),
            offset=self.offset,
            size=self.size,
        )


class SearchResult(BaseModel):
    """The page. `hits.total.relation`: `exact`, `at_least`, or `pool` (only the nearest were looked at).

    `routes` says of every recall route how it ended; those in `degraded` did not end well, and the answer lacks what
    they would have found. A hit has `relevance` if the fusion is calibrated, and an `explanation` if that was asked:
    `base` and the `contribution` of all `shares` add up to its score. All of it comes from the one index that
    `generation` names.
    """

    took_ms: float
    generation: str
    fusion: str
    degraded: dict[str, str]
    routes: dict[str, dict[str, Any]]
    hits: dict[str, Any]
    aggregations: dict[str, Any]
    aggregations_over: str
    notes: list[str]
    timings_ms: dict[str, float]


def search_result(page: Page) -> SearchResult:
    """A page as it goes out."""
    return SearchResult(
        took_ms=round(page.took_ms, 3),
        generation=page.generation,
        fusion=page.fusion,
        degraded=dict(page.degraded),
        routes={
            route.name: {
                "status": route.status.value,
                "hits": route.n_hits,
                "total": route.total,
                "took_ms": round(route.took_ms, 3),
                **({"error": route.error} if route.error else {}),
            }
            for route in page.routes
        },
        hits={
            "total": {"value": page.total.value, "relation": page.total.relation},
            "hits": [
                {
                    "id": hit.id,
                    "rank": hit.rank,
                    "score": hit.score,
                    "product": dict(hit.product),
                    "sources": [
                        {"route": source.route, "rank": source.rank, "score": source.score} for source in hit.sources
                    ],
                    **({} if hit.relevance is None else {"relevance": hit.relevance}),
                    **({} if hit.explanation is None else {"explanation": asdict(hit.explanation)}),
                }
                for hit in page.hits
            ],
        },
        aggregations={facet.field: {"buckets": _buckets(facet)} for facet in page.facets},
        aggregations_over=page.facets_over,
        notes=list(page.notes),
        timings_ms={stage: round(took, 3) for stage, took in page.timings_ms.items()},
    )


def _buckets(facet: FacetCounts) -> list[dict[str, Any]]:
    return [_bucket(count) for count in facet.counts]


def _bucket(count: FacetCount) -> dict[str, Any]:
    if count.value is not None:
        return {"key": count.value, "count": count.count}
    return {"from": count.gte, "to": count.lt, "count": count.count}
