"""`/v1/events`."""

from __future__ import annotations

from fastapi import APIRouter, Request

from multirecall.core.errors import StoreUnavailable
from multirecall.service.bodies import EventsBody, EventsResult
from multirecall.service.endpoints.routers import role_router
from multirecall.service.keys import OPEN, Role
from multirecall.service.parts import ServiceParts
from multirecall.service.rendering import JsonBytes
from multirecall.service.request import note_of

__all__ = ["add_events"]

_PLACE_WAIT_S = 5.0


def add_events(parts: ServiceParts) -> APIRouter:
    """The router of events."""
    router = role_router(Role.SEARCH, tag="events", also=(507,))

    @router.post("/events", summary="Tell what shoppers did", response_model=EventsResult)
    async def events(request: Request, body: EventsBody) -> JsonBytes:
        """Queries with what they showed; impressions, clicks, carts and purchases (UBI). On disk when it answers.

        `multirecall clicks` and `multirecall train blender --clicks` read them.
        """
        store = parts.events
        if store is None:
            raise StoreUnavailable("This service keeps no events.")
        caller = (note_of(request.scope).caller or OPEN).name
        stored = await parts.errands.run(caller, lambda: store.append(body.records()), wait_s=_PLACE_WAIT_S)
        parts.metrics.stored_events(stored)
        return JsonBytes({"stored": stored})

    return router
