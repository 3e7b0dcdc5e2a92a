"""Completions as they go out."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["SuggestResult", "SuggestionOut"]


class SuggestionOut(BaseModel):
    """A text that goes on with what was typed. `count`: products that have it, or, for a query, how often it was
    asked."""

    model_config = ConfigDict(extra="forbid")

    text: str
    kind: Literal["title", "brand", "category", "query"]
    count: int


class SuggestResult(BaseModel):
    """The most frequent first."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "suggestions": [{"text": "Toner Cartridges", "kind": "category", "count": 812}],
                    "generation": "products-000003",
                    "took_ms": 0.2,
                }
            ]
        },
    )

    suggestions: list[SuggestionOut]
    generation: str = Field(description="the index whose products are counted; empty: not read yet")
    took_ms: float
