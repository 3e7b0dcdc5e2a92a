"""SearchResult: the answer to a search, which explains itself.

Searches are answered by `rendering.py`, which writes these fields straight from what the search layer gives: checking
every answer against its own description would cost more than a cached search. A test holds the two together.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from multirecall.service.bodies.problem import Problem

__all__ = [
    "BatchResult",
    "ExplanationOut",
    "HitOut",
    "ProductRecord",
    "SearchResult",
    "ShareOut",
    "SourceOut",
    "TotalOut",
]


class ProductRecord(BaseModel):
    """A product as it is stored; what the catalogue does not say is absent."""

    model_config = ConfigDict(extra="forbid")

    id: str
    title: str = ""
    description: str = ""
    brand: str | None = None
    category_path: list[str] = Field(default_factory=list, description="from the widest to the narrowest")
    attributes: dict[str, Any] = Field(default_factory=dict, description="texts, numbers, booleans, or lists of texts")
    identifiers: list[str] = Field(default_factory=list, description="part numbers, EAN/GTIN, SKU")
    price_minor: int | None = Field(None, description="in the smallest unit of the currency (cents)")
    currency: str | None = None
    in_stock: bool | None = None
    popularity: float | None = None
    updated_at: float | None = Field(None, description="seconds since 1970, UTC")
    version: int | None = None
    url: str | None = None
    image_url: str | None = None


class TotalOut(BaseModel):
    """How many products match. `exact`: counted; `at_least`: several routes found this many and more may match;
    `pool`: only the nearest were looked at."""

    model_config = ConfigDict(extra="forbid")

    value: int
    relation: Literal["exact", "at_least", "pool"]


class SourceOut(BaseModel):
    """A route that brought the product: its rank and score there, and what that adds to the fused score."""

    model_config = ConfigDict(extra="forbid")

    route: str
    rank: int
    score: float
    contribution: float


class ShareOut(BaseModel):
    """What one feature (or route) adds to a score; `value` is what it saw."""

    model_config = ConfigDict(extra="forbid")

    name: str
    description: str
    value: float | None
    contribution: float


class ExplanationOut(BaseModel):
    """`base` and all contributions add up to `score`."""

    model_config = ConfigDict(extra="forbid")

    product_id: str
    score: float
    base: float
    by: str = Field(description="features (a trained fusion) or routes")
    shares: list[ShareOut]


class HitOut(BaseModel):
    """One product of the page. `relevance` (0 to 1) is there if the fusion is calibrated, `explanation` if asked."""

    model_config = ConfigDict(extra="forbid")

    id: str
    rank: int
    score: float
    product: ProductRecord
    sources: list[SourceOut]
    relevance: float | None = None
    explanation: ExplanationOut | None = None


class HitsOut(BaseModel):
    model_config = ConfigDict(extra="forbid")

    total: TotalOut
    hits: list[HitOut]


class RouteHitOut(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: str
    rank: int
    score: float


class RouteOut(BaseModel):
    """How a recall route ended, how many products it gave, how many match it (null: it cannot know), and its time."""

    model_config = ConfigDict(extra="forbid")

    status: Literal["ok", "partial", "timed_out", "failed", "skipped"]
    hits: int
    total: int | None
    took_ms: float
    prepared_ms: float = Field(description="time of its model")
    error: str | None = None
    top: list[RouteHitOut] | None = Field(None, description="its own list, if `route_hits` asked for it")


class BucketOut(BaseModel):
    """A value with its count, or a range: `from` (inclusive) and `to` (exclusive), null where it is open."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    count: int
    key: str | bool | None = None
    gte: float | None = Field(None, alias="from")
    lt: float | None = Field(None, alias="to")


class FacetOut(BaseModel):
    model_config = ConfigDict(extra="forbid")

    buckets: list[BucketOut]


class PageOut(BaseModel):
    """Where the page stands in its list, and the token that keeps the list as it is."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    token: str = Field(description="send it as `page_token` for other pages of this very list; empty: none was kept")
    offset: int = Field(alias="from")
    size: int
    has_more: bool
    gone: list[str] = Field(description="products of this page that were deleted since; their places stay empty")


class CacheOut(BaseModel):
    """Where the list came from. `status`: hit, miss, stale, bypass (it was not asked) or off."""

    model_config = ConfigDict(extra="forbid")

    status: str
    level: str = Field("", description="memory or redis, for a hit")
    age_ms: float = 0.0


class RewriteOut(BaseModel):
    """A step of understanding, which took the place of what was typed; or, with a `confidence`, another text for the
    same need that was asked beside it. `log` says what was done to it."""

    model_config = ConfigDict(extra="forbid")

    by: str
    before: str
    after: str
    confidence: float | None = Field(None, description="0 to 1, that what answers this text answers the query")
    log: list[str] = Field(default_factory=list)


class SearchResult(BaseModel):
    """The page, all of it from the one index that `generation` names.

    `routes` says of every recall route how it ended; those in `degraded` did not end well, and the answer lacks what
    they would have found. `aggregations_over` says what the facets count.
    """

    model_config = ConfigDict(extra="forbid")

    request_id: str
    took_ms: float
    generation: str
    fusion: str
    degraded: dict[str, str]
    routes: dict[str, RouteOut]
    hits: HitsOut
    aggregations: dict[str, FacetOut]
    aggregations_over: str
    page: PageOut
    cache: CacheOut
    rewrites: list[RewriteOut]
    notes: list[str]
    timings_ms: dict[str, float]
    products: dict[str, ProductRecord] = Field(
        default_factory=dict, description="the products that `routes.*.top` names and the page does not hold"
    )


class BatchResult(BaseModel):
    """One answer per search, in their order; a search that failed has a problem in its place."""

    model_config = ConfigDict(extra="forbid")

    request_id: str
    took_ms: float
    results: list[SearchResult | Problem]
