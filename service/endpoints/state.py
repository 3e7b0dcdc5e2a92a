"""How the deployment stands: `/v1/generations`, `/v1/jobs`, `/v1/deadletters`, `/healthz`, `/readyz`, `/metrics`."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from multirecall import __version__
from multirecall.core.errors import StoreUnavailable
from multirecall.indexer.generations import line_of_generations
from multirecall.service.bodies import DeadLettersResult, GenerationsResult, Health, JobsResult, Readiness
from multirecall.service.endpoints.routers import PROBLEMS, role_router
from multirecall.service.keys import OPEN, Role
from multirecall.service.parts import ServiceParts, WorkersView
from multirecall.service.rendering import JsonBytes
from multirecall.service.request import note_of

__all__ = ["add_state"]

_PLACE_WAIT_S = 5.0


def add_state(parts: ServiceParts) -> tuple[APIRouter, ...]:
    """The routers of state: for searchers, for admins, and for machines that look after the process."""
    return _for_searchers(parts), _for_admins(parts), _for_machines(parts)


def _for_searchers(parts: ServiceParts) -> APIRouter:
    router = role_router(Role.SEARCH, tag="state")

    @router.get("/generations", summary="The indexes there are", response_model=GenerationsResult)
    async def generations(request: Request) -> JsonBytes:
        """Which one is live, and which a rollback leads to."""

        def look() -> list[dict[str, Any]]:
            steps = {name: step for step, name in enumerate(line_of_generations(parts.engine))}
            return [
                {
                    "index": info.name,
                    "live": info.live,
                    "rollback": steps.get(info.name),
                    "products": info.count,
                    "bytes": info.bytes,
                    "encoders": [field.encoder for field in info.schema.vectors],
                }
                for info in parts.engine.indexes()
            ]

        caller = (note_of(request.scope).caller or OPEN).name
        return JsonBytes({"generations": await parts.errands.run(caller, look, wait_s=_PLACE_WAIT_S)})

    return router


def _for_admins(parts: ServiceParts) -> APIRouter:
    router = role_router(Role.ADMIN, tag="state")

    def workers() -> WorkersView:
        if parts.workers is None:
            raise StoreUnavailable("This service knows of no workers.")
        return parts.workers

    @router.get("/jobs", summary="The workers' latest jobs", response_model=JobsResult)
    async def jobs(request: Request, size: Annotated[int, Query(ge=1, le=200)] = 20) -> JsonBytes:
        """Newest first."""
        caller = (note_of(request.scope).caller or OPEN).name
        found = await parts.errands.run(caller, lambda: workers().jobs(size), wait_s=_PLACE_WAIT_S)
        return JsonBytes({"jobs": found})

    @router.get("/deadletters", summary="Products that were given up", response_model=DeadLettersResult)
    async def dead_letters(
        request: Request,
        offset: Annotated[int, Query(ge=0, le=1_000_000, alias="from")] = 0,
        size: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> JsonBytes:
        """Oldest first, each with its document and the reason."""
        caller = (note_of(request.scope).caller or OPEN).name
        total, found = await parts.errands.run(
            caller, lambda: workers().dead_letters(offset, size), wait_s=_PLACE_WAIT_S
        )
        return JsonBytes({"total": total, "dead_letters": found})

    return router


def _for_machines(parts: ServiceParts) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/healthz", summary="Whether the process answers")
    async def healthz() -> Health:
        """Always the same while the process lives: it asks nobody."""
        return Health(status="ok", version=__version__)

    @router.get(
        "/readyz",
        summary="Whether searches can be answered",
        response_model=Readiness,
        responses={503: {"model": Readiness, "description": "Not now; `parts` says why"}, 429: PROBLEMS[429]},
    )
    async def readyz() -> JsonBytes:
        """Asks engine, index, models and cache, once a second at most. Without the cache it is ready, but degraded."""
        now = await parts.probes.run("probe", parts.readiness.now, wait_s=_PLACE_WAIT_S)
        body = {
            "status": "ready" if now.ready else "not ready",
            "generation": parts.answers.generation,
            "parts": now.parts,
            "degraded": list(now.degraded),
        }
        return JsonBytes(body, status_code=200 if now.ready else 503)

    @router.get(
        "/metrics",
        summary="Figures for Prometheus",
        response_class=Response,
        responses={
            200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Prometheus text format"},
            **{status: PROBLEMS[status] for status in (401, 403, 429)},
        },
    )
    async def metrics() -> Response:
        """Needs a key of role admin, unless the settings open it."""
        return Response(parts.metrics.exposition(), media_type=CONTENT_TYPE_LATEST)

    return router
