"""`/v1/products`: whole products, partial updates and deletes, and one product by its id."""

from __future__ import annotations

import time
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request

from multirecall.core.errors import NotFound, StoreUnavailable
from multirecall.service.bodies import DeleteBody, ProductsBody, UpdatesBody, WriteResult
from multirecall.service.bodies.answers import ProductRecord
from multirecall.service.endpoints.routers import role_router
from multirecall.service.keys import OPEN, Role
from multirecall.service.parts import ServiceParts
from multirecall.service.rendering import JsonBytes
from multirecall.service.request import note_of
from multirecall.service.writing import Change

__all__ = ["add_products"]

Wait = Annotated[
    Literal["none", "applied"],
    Query(description="none: answer as soon as the changes are durable; applied: once searches see them, if in time"),
]

_PLACE_WAIT_S = 5.0


def add_products(parts: ServiceParts) -> tuple[APIRouter, APIRouter]:
    """The routers of writes and of the look-up."""
    writes = role_router(Role.WRITE, tag="products", also=(404, 507))

    async def write(request: Request, changes: list[Change], wait: str) -> JsonBytes:
        started = time.perf_counter()
        note = note_of(request.scope)
        writer = parts.writer
        if writer is None:
            raise StoreUnavailable("This service takes no changes.")
        wait_s = parts.options.write_wait_s if wait == "applied" else 0.0
        written = await parts.errands.run(
            (note.caller or OPEN).name, lambda: writer.write(changes, wait_s=wait_s), wait_s=_PLACE_WAIT_S
        )
        parts.metrics.changed(item.status for item in written.items)
        note.about = {"changes": len(changes), "by": written.by, "job": written.job}
        return JsonBytes(
            {
                "request_id": note.id,
                "by": written.by,
                "job": written.job,
                "applied": written.applied,
                "items": [
                    {"id": item.id, "status": item.status, "error": item.error, "field": item.field}
                    for item in written.items
                ],
                "took_ms": round((time.perf_counter() - started) * 1000.0, 3),
            }
        )

    @writes.post("/products", summary="Add or replace products", response_model=WriteResult)
    async def upsert(request: Request, body: ProductsBody, wait: Wait = "none") -> JsonBytes:
        """Each product whole, as a row of the catalogue. One that cannot be read never stops the others."""
        return await write(request, [{"op": "upsert", "product": row} for row in body.products], wait)

    @writes.patch("/products", summary="Set prices, stock, popularity", response_model=WriteResult)
    async def update(request: Request, body: UpdatesBody, wait: Wait = "none") -> JsonBytes:
        """Some fields of products that are there."""
        changes: list[Change] = [
            {"op": "update", "id": one.id, "fields": one.set, **_version(one.version)} for one in body.updates
        ]
        return await write(request, changes, wait)

    @writes.delete("/products", summary="Delete products", response_model=WriteResult)
    async def delete(request: Request, body: DeleteBody, wait: Wait = "none") -> JsonBytes:
        """Deleting what is not there is no failure."""
        changes: list[Change] = [{"op": "delete", "id": one, **_version(body.version)} for one in body.ids]
        return await write(request, changes, wait)

    reads = role_router(Role.SEARCH, tag="products", also=(404,))

    @reads.get("/products/{id:path}", summary="One product", response_model=ProductRecord)
    async def product(
        request: Request, id: Annotated[str, Path(min_length=1, max_length=512, description="as in the catalogue")]
    ) -> JsonBytes:
        """As it is stored now; what the catalogue does not say is absent."""
        generation = parts.answers.generation or None
        caller = (note_of(request.scope).caller or OPEN).name
        [found] = await parts.errands.run(
            caller, lambda: parts.engine.fetch([id], index=generation), wait_s=_PLACE_WAIT_S
        )
        if found is None:
            raise NotFound(f"There is no product {id!r}.", hint="Its id may be written differently.", field="id")
        return JsonBytes(dict(found))

    return writes, reads


def _version(version: int | None) -> dict[str, Any]:
    return {} if version is None else {"version": version}
