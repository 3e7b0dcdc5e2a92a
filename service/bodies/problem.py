"""Problem: every error, as problem+json (RFC 9457)."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Problem"]


class Problem(BaseModel):
    """What went wrong, which field is to blame, and what to do."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:multirecall:invalid_filter",
                    "title": "Unknown field 'colour'.",
                    "status": 422,
                    "detail": "Filter by brand, category, price, in_stock or an attribute of the catalogue.",
                    "field": "colour",
                    "request_id": "b7c1f0f1d6f14b0f8b6f3f0a2a9d7a44",
                }
            ]
        },
    )

    type: str = Field(description="`urn:multirecall:` and a stable word, to be told apart by programs")
    title: str = Field(description="what went wrong, in a sentence")
    status: int = Field(description="the HTTP status")
    detail: str = Field("", description="what to do")
    field: str | None = Field(None, description="the field of the request that is to blame, where one is")
    retry_after_s: float | None = Field(None, description="when to ask again, seconds, where that helps")
    request_id: str | None = Field(None, description="the request, as the logs name it")
