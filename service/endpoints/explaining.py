"""`/v1/explain`."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request

from multirecall.service.bodies import ExplainBody, ExplainResult
from multirecall.service.endpoints.routers import role_router
from multirecall.service.keys import OPEN, Role
from multirecall.service.parts import ServiceParts
from multirecall.service.rendering import JsonBytes, explanation_of
from multirecall.service.request import note_of
from multirecall.service.searching import Searching

__all__ = ["add_explain"]


def add_explain(parts: ServiceParts) -> APIRouter:
    """The router of explanations."""
    router = role_router(Role.SEARCH, tag="search", also=(404,))
    searching = Searching(parts)

    @router.post("/explain", summary="Why a product stands where it does", response_model=ExplainResult)
    async def explain(request: Request, body: ExplainBody) -> JsonBytes:
        """What one product's score is made of, on the page or not; or why A has another score than B.

        The search is made anew, past the cache. A product that no route found has no score: 404.
        """
        started = time.perf_counter()
        note = note_of(request.scope)
        wanted = searching.request_of(body.search)
        budget_s = parts.options.timeout_s if wanted.timeout_s is None else wanted.timeout_s

        def work() -> dict[str, Any]:
            if body.id is not None:
                generation, (explanation,) = parts.answers.explain(wanted, [body.id])
                return {"generation": generation, "explanation": explanation_of(explanation)}
            generation, why = parts.answers.why(wanted, str(body.a), str(body.b))
            return {
                "generation": generation,
                "a": explanation_of(why.a),
                "b": explanation_of(why.b),
                "difference": why.difference,
                "differences": [asdict(share) for share in why.shares],
            }

        answer = await parts.searches.run((note.caller or OPEN).name, work, wait_s=budget_s)
        took_ms = round((time.perf_counter() - started) * 1000.0, 3)
        return JsonBytes({"request_id": note.id, "took_ms": took_ms, **answer})

    return router
