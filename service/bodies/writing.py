"""Changes of products as they come in, and what became of each."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["MAX_CHANGES", "DeleteBody", "ItemOut", "ProductsBody", "UpdateIn", "UpdatesBody", "WriteResult"]

MAX_CHANGES = 1_000
"""Changes in one request; more of them go into several."""

_Id = Annotated[str, Field(min_length=1, max_length=512)]
_Version = Annotated[int, Field(ge=0, le=(1 << 63) - 1)]
_VERSION = "the product's version after the change, if the catalogue carries versions of its own; else leave it out"


class ProductsBody(BaseModel):
    """Whole products, each a row as in the catalogue: by its field names, read by the mapping of the live index."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"products": [{"id": "4711", "title": "USB-C cable, 2 m", "brand": "Acme", "price": "9.90"}]}]
        },
    )

    products: list[dict[str, Any]] = Field(min_length=1, max_length=MAX_CHANGES)


class UpdateIn(BaseModel):
    """Some fields of a product: price, currency, in_stock, popularity, updated_at; null clears one."""

    model_config = ConfigDict(extra="forbid")

    id: _Id
    set: dict[str, Any] = Field(min_length=1, max_length=20)
    version: _Version | None = Field(None, description=_VERSION)


class UpdatesBody(BaseModel):
    """Partial updates; texts cannot be set, since their vectors would be wrong: send the whole product for that."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"updates": [{"id": "4711", "set": {"price": "8.90", "in_stock": True}}]}]},
    )

    updates: list[UpdateIn] = Field(min_length=1, max_length=MAX_CHANGES)


class DeleteBody(BaseModel):
    """Products to delete."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"ids": ["4711", "4712"]}]})

    ids: list[_Id] = Field(min_length=1, max_length=MAX_CHANGES)
    version: _Version | None = Field(None, description=_VERSION)


class ItemOut(BaseModel):
    """What became of one change, in the order of the request.

    `accepted`: the workers have it, durably; `applied`: searches see it (or the index held something newer);
    `refused`: it cannot be read, and never goes in; `missing`: there is no such product; `failed`: given up for now.
    """

    model_config = ConfigDict(extra="forbid")

    id: str = Field(description="empty if the change has none that can be read")
    status: Literal["accepted", "applied", "refused", "missing", "failed"]
    error: str = ""
    field: str = ""


class WriteResult(BaseModel):
    """One result per change, in their order. `by`: `workers` or `straight` (written by this process)."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "request_id": "b7c1f0f1d6f14b0f8b6f3f0a2a9d7a44",
                    "by": "workers",
                    "job": "changes-1790000000-a1b2c3",
                    "applied": True,
                    "items": [{"id": "4711", "status": "applied", "error": "", "field": ""}],
                    "took_ms": 41.0,
                }
            ]
        },
    )

    request_id: str
    by: Literal["workers", "straight"]
    job: str = Field("", description="the workers' job, to be looked up under /v1/jobs")
    applied: bool = Field(description="whether all that was taken is applied by now")
    items: list[ItemOut]
    took_ms: float
