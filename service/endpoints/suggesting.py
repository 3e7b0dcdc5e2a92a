"""`/v1/suggest`."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Query

from multirecall.service.bodies import SuggestResult
from multirecall.service.endpoints.routers import role_router
from multirecall.service.keys import Role
from multirecall.service.parts import ServiceParts
from multirecall.service.rendering import JsonBytes

__all__ = ["add_suggest"]


def add_suggest(parts: ServiceParts) -> APIRouter:
    """The router of completions."""
    router = role_router(Role.SEARCH, tag="search")

    @router.get("/suggest", summary="Complete what is being typed", response_model=SuggestResult)
    async def suggest(
        q: Annotated[str, Query(max_length=200, description="what was typed so far")] = "",
        size: Annotated[int, Query(ge=1, le=50, description="how many completions at most")] = 8,
    ) -> JsonBytes:
        """Titles, brands, categories and frequent queries that hold the typed words; the last one may be unfinished.

        Case and accents do not matter. Answered from memory: it neither waits for the engine nor for a place.
        """
        started = time.perf_counter()
        found = parts.suggester.find(q, size)
        took_s = time.perf_counter() - started
        parts.metrics.suggested(took_s)
        return JsonBytes(
            {
                "suggestions": [{"text": one.text, "kind": one.kind.value, "count": one.count} for one in found],
                "generation": parts.suggester.generation,
                "took_ms": round(took_s * 1000.0, 3),
            }
        )

    return router
