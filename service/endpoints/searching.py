"""`/v1/search`, by body and by URL, and `/v1/search/batch`."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from multirecall.service.bodies import BatchBody, BatchResult, SearchBody, SearchResult
from multirecall.service.bodies.searching import FUSION, MAX_FILTERS, Expression
from multirecall.service.endpoints.routers import role_router
from multirecall.service.keys import Role
from multirecall.service.parts import ServiceParts
from multirecall.service.rendering import JsonBytes
from multirecall.service.repeated import KnownAnswers
from multirecall.service.request import note_of
from multirecall.service.searching import Searching

__all__ = ["add_search"]

_BATCH_AT_ONCE = 2
"""Searches of one batch that are at work together: it is one request among others, not a flood."""


def add_search(parts: ServiceParts, known: KnownAnswers | None = None) -> APIRouter:
    """The router of all searches; single ones leave their answers in `known`."""
    router = role_router(Role.SEARCH, tag="search", also=(410,))
    searching = Searching(parts, known)

    @router.post("/search", summary="Search", response_model=SearchResult)
    async def search(request: Request, body: SearchBody) -> JsonBytes:
        """One page of products, with each route's part in it.

        `page.token` of the answer, sent as `page_token`, gives further pages of that very list, whatever happens to
        the index meanwhile.
        """
        parent = request.headers.get("traceparent", "")
        return JsonBytes(await searching.answer(body, note_of(request.scope), parent=parent))

    @router.get("/search", summary="Search, the simple case", response_model=SearchResult)
    async def simple_search(
        request: Request,
        q: Annotated[str, Query(max_length=10_000, description="what the shopper typed")] = "",
        size: Annotated[int, Query(ge=1, le=1000, description="products on the page")] = 10,
        offset: Annotated[int, Query(ge=0, lt=1000, alias="from", description="products to skip")] = 0,
        filters: Annotated[
            list[Expression] | None,
            Query(alias="filter", max_length=MAX_FILTERS, description="all of them must hold: brand=HP, price<=100"),
        ] = None,
        facets: Annotated[
            list[Expression] | None, Query(alias="facet", max_length=20, description="brand, price:50,100")
        ] = None,
        sort: Annotated[list[Expression] | None, Query(max_length=5, description="price, popularity:desc")] = None,
        fusion: Annotated[str | None, Query(pattern=FUSION, max_length=160)] = None,
        page_token: Annotated[str | None, Query(min_length=1, max_length=16_384)] = None,
    ) -> JsonBytes:
        """The same by a URL; beside a page token only from and size count."""
        values: dict[str, Any] = {"size": size, "offset": offset}
        if page_token is not None:
            values["page_token"] = page_token
        else:
            values |= {"query": q, "filters": filters or [], "facets": facets or [], "sort": sort or []}
            values["fusion"] = fusion
        return JsonBytes(await searching.answer(SearchBody(**values), note_of(request.scope)))

    @router.post("/search/batch", summary="Several searches", response_model=BatchResult)
    async def batch(request: Request, body: BatchBody) -> JsonBytes:
        """One answer per search, in their order. One that fails has a problem in its place; the others go on."""
        started = time.perf_counter()
        note = note_of(request.scope)
        if parts.rates is not None and note.caller is not None and len(body.searches) > 1:
            parts.rates.charge(note.caller.name, len(body.searches) - 1)
        turns = asyncio.Semaphore(_BATCH_AT_ONCE)

        async def one(search: SearchBody) -> dict[str, Any]:
            async with turns:
                return await searching.answer_or_problem(search, note)

        results = await asyncio.gather(*map(one, body.searches))
        note.about = {"searches": len(results), "failed": sum("status" in result for result in results)}
        took_ms = round((time.perf_counter() - started) * 1000.0, 3)
        return JsonBytes({"request_id": note.id, "took_ms": took_ms, "results": results})

    return router
