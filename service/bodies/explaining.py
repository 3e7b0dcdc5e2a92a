"""Explanations on demand: of one product, or of why one stands before another."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from multirecall.service.bodies.answers import ExplanationOut
from multirecall.service.bodies.searching import SearchBody

__all__ = ["DifferenceOut", "ExplainBody", "ExplainResult"]


class ExplainBody(BaseModel):
    """A search and either `id` (what is its score made of) or `a` and `b` (why does A have another score than B)."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"search": {"query": "black toner"}, "a": "4711", "b": "4712"},
                {"search": {"query": "black toner"}, "id": "4711"},
            ]
        },
    )

    search: SearchBody
    id: str | None = Field(None, min_length=1, max_length=512, description="a product, on the page or not")
    a: str | None = Field(None, min_length=1, max_length=512)
    b: str | None = Field(None, min_length=1, max_length=512)

    @model_validator(mode="after")
    def _one_or_two(self) -> ExplainBody:
        pair = (self.a is not None, self.b is not None)
        if (self.id is not None) == any(pair) or any(pair) != all(pair):
            raise PydanticCustomError("id_or_a_and_b", "give either id, or a and b")
        if self.search.page_token is not None:
            raise PydanticCustomError("no_page_token", "search.page_token: a frozen list is not computed again")
        return self


class DifferenceOut(BaseModel):
    """One feature of A beside that of B; `difference` above 0 speaks for A."""

    model_config = ConfigDict(extra="forbid")

    name: str
    description: str
    value_a: float | None
    value_b: float | None
    difference: float


class ExplainResult(BaseModel):
    """`explanation` of one product; or `a`, `b`, and the `differences`, which add up to `difference` (A minus B)."""

    model_config = ConfigDict(extra="forbid")

    request_id: str
    generation: str
    took_ms: float
    explanation: ExplanationOut | None = None
    a: ExplanationOut | None = None
    b: ExplanationOut | None = None
    difference: float | None = None
    differences: list[DifferenceOut] | None = None
