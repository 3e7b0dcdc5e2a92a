"""SearchResult and its parts: what a search gives, and why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag

from multirecall_client.errors import ApiError, api_error_class
from multirecall_client.fields import value_text
from multirecall_client.showing import Shown, Table, money
from multirecall_client.wire import Wire

__all__ = [
    "BatchResult",
    "Bucket",
    "CacheNote",
    "Explanation",
    "Facet",
    "Hit",
    "Hits",
    "PagePlace",
    "Problem",
    "Product",
    "Rewrite",
    "Route",
    "RouteHit",
    "SearchResult",
    "Share",
    "Source",
    "Total",
]


class Product(Wire):
    """A product as it is stored; what the catalogue does not say is None or empty. Prices are in cents."""

    id: str
    title: str = ""
    description: str = ""
    brand: str | None = None
    category_path: list[str] = Field(default_factory=list)
    attributes: dict[str, Any] = Field(default_factory=dict)
    identifiers: list[str] = Field(default_factory=list)
    price_minor: int | None = None
    currency: str | None = None
    in_stock: bool | None = None
    popularity: float | None = None
    updated_at: float | None = None
    version: int | None = None
    url: str | None = None
    image_url: str | None = None


class Total(Wire):
    """How many match. `relation`: `exact` (counted), `at_least` (so many for certain), `pool` (only the nearest)."""

    value: int
    relation: str


class Source(Wire):
    """A route that brought the product: rank (from 1) and score there, and what that adds to the fused score."""

    route: str
    rank: int
    score: float
    contribution: float


class Share(Wire):
    """What one feature (or route) adds to a score; `value` is what it saw."""

    name: str
    description: str = ""
    value: float | None = None
    contribution: float


class Explanation(Shown, Wire):
    """`base` and all contributions add up to `score`."""

    product_id: str
    score: float
    base: float
    by: str
    shares: list[Share]

    def table(self) -> Table:
        return Table(
            caption=f"{self.product_id}: {self.score:.4g} = {self.base:.4g} + …, by {self.by}",
            columns=("feature", "value", "adds"),
            rows=[(share.description or share.name, share.value, share.contribution) for share in self.shares],
        )


class Hit(Wire):
    """One product of the page. `rank` counts from 1, over all pages of the list.

    `relevance` (0 to 1) is there if the service's fusion is calibrated, `explanation` if it was asked for.
    """

    id: str
    rank: int
    score: float
    product: Product
    sources: list[Source] = Field(default_factory=list)
    relevance: float | None = None
    explanation: Explanation | None = None


class Hits(Wire):
    total: Total
    hits: list[Hit]


class RouteHit(Wire):
    id: str
    rank: int
    score: float


class Route(Wire):
    """How a recall route ended (`status`: ok, partial, timed_out, failed, skipped), what it gave, and its time.

    `total`: how many match it, None if it cannot know. `top`: its own list, if `route_hits` asked for it.
    """

    status: str
    hits: int
    total: int | None = None
    took_ms: float = 0.0
    prepared_ms: float = 0.0
    error: str | None = None
    top: list[RouteHit] | None = None


class Bucket(Wire):
    """A value (`key`) with its count, or a range: `gte` (inclusive) to `lt` (exclusive), None where it is open."""

    count: int
    key: str | bool | None = None
    gte: float | None = Field(default=None, alias="from")
    lt: float | None = Field(default=None, alias="to")

    def filters(self, field: str) -> list[str]:
        """What to add to `filters` to choose this bucket of the facet `field`."""
        if self.key is not None:
            return [f"{field}={value_text(field, self.key)}"]
        bounds = ((">=", self.gte), ("<", self.lt))
        return [f"{field}{sign}{value_text(field, bound)}" for sign, bound in bounds if bound is not None]


class Facet(Wire):
    buckets: list[Bucket]


class PagePlace(Wire):
    """Where the page stands in its list, and the token that keeps that list as it is.

    `gone`: products of this page that were deleted since the list was made; their places stay empty.
    """

    token: str = ""
    offset: int = Field(default=0, alias="from")
    size: int = 0
    has_more: bool = False
    gone: list[str] = Field(default_factory=list)


class CacheNote(Wire):
    """Where the list came from. `status`: hit, miss, stale, bypass or off."""

    status: str = ""
    level: str = ""
    age_ms: float = 0.0


class Rewrite(Wire):
    """A step of understanding, which took the place of what was typed; or, with a `confidence` (0 to 1), another text
    for the same need that was asked beside it. `log` says what was done to it."""

    by: str
    before: str
    after: str
    confidence: float | None = None
    log: list[str] = Field(default_factory=list)


class SearchResult(Shown, Wire):
    """A page of products, and how it came about. Goes through its hits: `for hit in page`, `len(page)`, `page[0]`.

    `routes` says of every recall route how it ended; those in `degraded` did not end well. `aggregations` are the
    facets by field, and `aggregations_over` what they count.
    """

    request_id: str = ""
    took_ms: float = 0.0
    generation: str = ""
    fusion: str = ""
    degraded: dict[str, str] = Field(default_factory=dict)
    routes: dict[str, Route] = Field(default_factory=dict)
    hits: Hits
    aggregations: dict[str, Facet] = Field(default_factory=dict)
    aggregations_over: str = ""
    page: PagePlace = Field(default_factory=PagePlace)
    cache: CacheNote = Field(default_factory=CacheNote)
    rewrites: list[Rewrite] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)
    timings_ms: dict[str, float] = Field(default_factory=dict)
    products: dict[str, Product] = Field(default_factory=dict)

    @property
    def total(self) -> Total:
        return self.hits.total

    @property
    def ids(self) -> list[str]:
        """The products' ids, in order."""
        return [hit.id for hit in self.hits.hits]

    def __iter__(self) -> Iterator[Hit]:  # type: ignore[override]  # the hits, rather than pydantic's own pairs
        return iter(self.hits.hits)

    def __len__(self) -> int:
        return len(self.hits.hits)

    def __getitem__(self, position: int) -> Hit:
        return self.hits.hits[position]

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        yield "hits", len(self)
        yield "total", f"{self.total.value} {self.total.relation}"
        yield "took_ms", self.took_ms
        yield "generation", self.generation
        if self.degraded:
            yield "degraded", self.degraded
        yield "request_id", self.request_id

    def table(self) -> Table:
        return Table(
            caption=f"{len(self)} of {self.total.value} ({self.total.relation}), {self.took_ms:.3g} ms, {self.fusion}",
            columns=("rank", "id", "title", "brand", "price", "score", "routes"),
            rows=[
                (
                    hit.rank,
                    hit.id,
                    hit.product.title,
                    hit.product.brand,
                    money(hit.product.price_minor, hit.product.currency),
                    hit.score,
                    ", ".join(f"{source.route} {source.rank}" for source in hit.sources),
                )
                for hit in self
            ],
            notes=[*(f"{route}: {why}" for route, why in self.degraded.items()), *self.notes],
        )


class Problem(Wire):
    """Why the service could not do what it was asked for (RFC 9457)."""

    type: str = ""
    title: str = ""
    status: int
    detail: str = ""
    field: str | None = None
    retry_after_s: float | None = None
    request_id: str | None = None

    def to_error(self) -> ApiError:
        """The same as an error to raise."""
        return api_error_class(self.status)(
            self.title,
            status=self.status,
            code=self.type.rpartition(":")[2],
            hint=self.detail,
            field=self.field or None,
            retry_after_s=self.retry_after_s,
            request_id=self.request_id or "",
        )


def _kind_of_result(value: Any) -> str:
    found = "hits" in value if isinstance(value, dict) else isinstance(value, SearchResult)
    return "found" if found else "problem"


class BatchResult(Wire):
    """One answer per search, in their order; a search that failed has a Problem in its place."""

    request_id: str = ""
    took_ms: float = 0.0
    results: list[
        Annotated[
            Annotated[SearchResult, Tag("found")] | Annotated[Problem, Tag("problem")],
            Discriminator(_kind_of_result),
        ]
    ]

    def pages(self) -> list[SearchResult]:
        """All answers. Raises the ApiError of the first search that failed."""
        for result in self.results:
            if isinstance(result, Problem):
                raise result.to_error()
        return [result for result in self.results if isinstance(result, SearchResult)]
