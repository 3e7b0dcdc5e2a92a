"""What shoppers did, in the shape of User Behavior Insights (UBI, https://github.com/o19s/ubi)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from multirecall_client.answers import Hit, SearchResult
from multirecall_client.errors import InvalidArgument
from multirecall_client.wire import Wire

__all__ = ["EventsResult", "UbiEvent", "UbiQuery"]


class EventsResult(Wire):
    """How many were stored: all or none."""

    stored: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UbiQuery:
    """A search that was asked, and what it showed, in order.

    `query_id` ties events to it: the `request_id` of the answer, say. `timestamp` None: when the service gets it.
    `client_id` is a pseudonym of the shopper, never a name.
    """

    query_id: str
    user_query: str
    hit_ids: Sequence[str] = ()
    timestamp: datetime | None = None
    client_id: str | None = None
    session_id: str | None = None
    application: str | None = None

    @classmethod
    def of(cls, page: SearchResult, user_query: str, **told: Any) -> UbiQuery:
        """The record of this page; `told`: the fields beside."""
        return replace(cls(query_id=page.request_id, user_query=user_query, hit_ids=tuple(page.ids)), **told)

    def to_body(self) -> dict[str, Any]:
        """As the service reads it."""
        return {**_told(self), "user_query": self.user_query, "query_response_hit_ids": list(self.hit_ids)}


@dataclass(frozen=True, slots=True, kw_only=True)
class UbiEvent:
    """An impression, a click, an addition to the cart, a purchase (`impression`, `click`, `add_to_cart`, `purchase`).

    `position`: where in the list the product stood, from 1.
    """

    query_id: str
    action: str
    product_id: str
    position: int | None = None
    user_query: str | None = None
    timestamp: datetime | None = None
    client_id: str | None = None
    session_id: str | None = None
    application: str | None = None
    message: str | None = None

    @classmethod
    def of(cls, page: SearchResult, hit: Hit, action: str = "click", **told: Any) -> UbiEvent:
        """What was done to a hit of this page; `told`: the fields beside."""
        return replace(
            cls(query_id=page.request_id, action=action, product_id=hit.id, position=hit.rank),
            **told,
        )

    def to_body(self) -> dict[str, Any]:
        """As the service reads it."""
        attributes: dict[str, Any] = {"object": {"object_id": self.product_id}}
        if self.position is not None:
            attributes["position"] = {"ordinal": self.position}
        texts = {"user_query": self.user_query, "message": self.message}
        return {
            **_told(self),
            "action_name": self.action,
            "event_attributes": attributes,
            **{name: text for name, text in texts.items() if text is not None},
        }


def _told(record: UbiQuery | UbiEvent) -> dict[str, Any]:
    """The fields that both have, without those that say nothing."""
    told: dict[str, Any] = {"query_id": record.query_id}
    if record.timestamp is not None:
        if record.timestamp.tzinfo is None:
            raise InvalidArgument("timestamp: it has no time zone, so nobody else knows when that was.")
        told["timestamp"] = record.timestamp.isoformat(timespec="milliseconds")
    for name in ("client_id", "session_id", "application"):
        if (value := getattr(record, name)) is not None:
            told[name] = value
    return told
