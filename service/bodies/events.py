"""What shoppers did, in the shape of User Behavior Insights (UBI, https://github.com/o19s/ubi)."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["MAX_EVENTS", "EventsBody", "EventsResult", "UbiEvent", "UbiQuery"]

MAX_EVENTS = 1_000

_Id = Annotated[str, Field(min_length=1, max_length=256)]
_Time = Annotated[
    str,
    Field(
        pattern=r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:?\d{2})?$",
        description="ISO 8601; default: the time of arrival",
    ),
]


class _Ubi(BaseModel):
    model_config = ConfigDict(extra="forbid")

    query_id: _Id = Field(description="the search; the `request_id` of its answer, say")
    timestamp: _Time | None = None
    client_id: str | None = Field(None, max_length=256, description="a pseudonym of the shopper, never a name")
    session_id: str | None = Field(None, max_length=256)
    application: str | None = Field(None, max_length=256)


class UbiQuery(_Ubi):
    """A search that was asked, and what it showed."""

    user_query: str = Field(max_length=1_000, description="what the shopper typed")
    query_response_hit_ids: list[_Id] = Field(default_factory=list, max_length=1_000, description="shown, in order")


class UbiObject(BaseModel):
    model_config = ConfigDict(extra="forbid")

    object_id: _Id = Field(description="the product")
    object_id_field: str | None = Field(None, max_length=64)


class UbiPosition(BaseModel):
    model_config = ConfigDict(extra="forbid")

    ordinal: int = Field(ge=0, lt=10**9, description="where in the list the product stood, from 1")


class UbiAttributes(BaseModel):
    model_config = ConfigDict(extra="forbid")

    object: UbiObject
    position: UbiPosition | None = None


class UbiEvent(_Ubi):
    """An impression, a click, an addition to the cart, a purchase."""

    action_name: str = Field(min_length=1, max_length=64, description="impression, click, add_to_cart, purchase")
    event_attributes: UbiAttributes
    user_query: str | None = Field(None, max_length=1_000)
    message: str | None = Field(None, max_length=1_000)


class EventsBody(BaseModel):
    """Queries and events, in any order and number, also of searches that were told before."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "queries": [
                        {"query_id": "q1", "user_query": "black toner", "query_response_hit_ids": ["4711", "4712"]}
                    ],
                    "events": [
                        {
                            "query_id": "q1",
                            "action_name": "click",
                            "event_attributes": {"object": {"object_id": "4712"}, "position": {"ordinal": 2}},
                        }
                    ],
                }
            ]
        },
    )

    queries: list[UbiQuery] = Field(default_factory=list, max_length=MAX_EVENTS)
    events: list[UbiEvent] = Field(default_factory=list, max_length=MAX_EVENTS)

    def records(self) -> list[dict[str, Any]]:
        """All of them as plain values, queries first."""
        return [one.model_dump(exclude_none=True) for one in (*self.queries, *self.events)]


class EventsResult(BaseModel):
    """How many were stored: all or none."""

    model_config = ConfigDict(extra="forbid")

    stored: int
