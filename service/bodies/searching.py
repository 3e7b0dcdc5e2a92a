"""SearchBody: a search as it comes in; filters, facets and sorts are written as on the command line."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from multirecall.core.query import MAX_WINDOW, Query
from multirecall.search.filter_syntax import parse_facet, parse_filters, parse_sort
from multirecall.search.understand import understand

__all__ = ["FUSION", "MAX_BATCH", "MAX_FILTERS", "BatchBody", "Expression", "SearchBody"]

MAX_FILTERS = 50
MAX_BATCH = 100

Expression = Annotated[str, Field(min_length=1, max_length=500)]

FUSION = r"^(default|(rrf|weighted_sum)(\?[a-z0-9_.=&-]{0,150})?)$"
"""A fusion that a request may ask for. `blender:PATH` is none of them: no path comes from outside."""

_WITH_A_TOKEN = frozenset({"page_token", "offset", "size", "explain", "timeout_ms"})


class SearchBody(BaseModel):
    """A search."""

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
                },
                {"query": "black toner", "routes": ["lexical"], "fusion": "rrf?k=60", "route_hits": 5},
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
    page_token: str | None = Field(
        None,
        min_length=1,
        max_length=16_384,
        description="`page.token` of an answer: pages of that very list. Only from, size, explain and timeout_ms may "
        "stand beside it",
    )
    routes: list[Literal["lexical", "dense", "rewrite"]] | None = Field(
        None, min_length=1, max_length=3, description="ask only these recall routes; default: the server's"
    )
    fusion: str | None = Field(
        None,
        pattern=FUSION,
        max_length=160,
        description="merge the routes so: rrf?k=60, weighted_sum?dense=0.6; default: the server's",
    )
    use_cache: bool = Field(True, description="false: compute the answer anew, and keep nothing of it")
    route_hits: int = Field(0, ge=0, le=100, description="add the first so many products of every route's own list")

    @model_validator(mode="after")
    def _token_stands_alone(self) -> SearchBody:
        """A page token names the whole search: another one beside it would be silently ignored."""
        beside = sorted(self.model_fields_set - _WITH_A_TOKEN) if self.page_token is not None else []
        if beside:
            raise PydanticCustomError(
                "page_token_stands_alone",
                "page_token goes on with a search that is there already, so {field} cannot stand beside it",
                {"field": beside[0]},
            )
        return self

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


class BatchBody(BaseModel):
    """Several searches in one request; each counts as one for the rate limit."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"searches": [{"query": "usb c cable"}, {"query": "black toner", "size": 3}]}]},
    )

    searches: list[SearchBody] = Field(min_length=1, max_length=MAX_BATCH, description="answered in this order")
