"""Routers by role: what each endpoint may answer is described here once."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends

from multirecall.service.bodies import Problem
from multirecall.service.gate import requires
from multirecall.service.keys import Role

__all__ = ["PROBLEMS", "role_router"]

_WHAT = {
    401: "No key, or one that nobody knows",
    403: "The key's role is not enough",
    404: "There is no such thing",
    408: "The body did not come in time",
    410: "The page token is too old: search again",
    413: "The body is too long",
    421: "Asked by a name that is not this service's",
    422: "A value is wrong; `field` names it",
    429: "Too many requests: of this key, or at this moment",
    500: "A fault of the service; it is logged under the request id",
    503: "The engine or the store does not answer just now",
    504: "The time budget is spent",
    507: "There is no room left",
}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {
        "model": Problem,
        "description": what,
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for status, what in _WHAT.items()
}
_EVERYWHERE = (401, 403, 408, 413, 421, 422, 429, 500, 503, 504)


def role_router(role: Role, *, tag: str, also: tuple[int, ...] = ()) -> APIRouter:
    """A router under `/v1` whose endpoints need this role; `also`: problems beyond those that any may answer with."""
    return APIRouter(
        prefix="/v1",
        tags=[tag],
        # Whoever has a key may search: the gate has seen to that, and asking again would cost every search.
        dependencies=[] if role is Role.SEARCH else [Depends(requires(role))],
        responses={status: PROBLEMS[status] for status in (*_EVERYWHERE, *also)},
    )
