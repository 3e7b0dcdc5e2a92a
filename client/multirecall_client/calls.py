"""Call: a request to one endpoint, and how its answer is read. No I/O; both clients send the same calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from pydantic_core import PydanticSerializationError, to_json

from multirecall_client.answers import BatchResult, Product, SearchResult
from multirecall_client.errors import InvalidArgument
from multirecall_client.events import EventsResult, UbiEvent, UbiQuery
from multirecall_client.explaining import ExplainResult
from multirecall_client.searching import Search
from multirecall_client.state import DeadLettersResult, GenerationsResult, Health, JobsResult, Readiness
from multirecall_client.suggesting import SuggestResult
from multirecall_client.wire import Wire

__all__ = ["Call", "encoded"]

W = TypeVar("W", bound=Wire)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[W]):
    """One request.

    `idempotent`: sending it twice does no harm. `write`: it has the longer time-out, and each attempt has it anew.
    `fine`: statuses of answers beside 2xx that are to be read like those. `retried`: whether a "later" is worth it.
    """

    method: str
    path: str
    answer: type[W]
    params: Mapping[str, str | int] = field(default_factory=dict)
    body: bytes | None = None
    idempotent: bool = True
    write: bool = False
    fine: frozenset[int] = frozenset()
    retried: bool = True


def encoded(value: object) -> bytes:
    """As JSON; decimals, dates and UUIDs as texts. Raises InvalidArgument for what JSON cannot say.

    Numbers that JSON lacks (NaN) become texts, which the service reads as it reads them in a catalogue; not null, which
    in an update clears the field.
    """
    try:
        return to_json(value, inf_nan_mode="strings")
    except (PydanticSerializationError, RecursionError) as error:
        raise InvalidArgument(f"That cannot be sent as JSON: {error}.") from None


def search(wanted: Search) -> Call[SearchResult]:
    return Call(method="POST", path="/v1/search", answer=SearchResult, body=encoded(wanted.to_body()))


def batch(wanted: Sequence[Search | str]) -> Call[BatchResult]:
    bodies = [Search.of(one, {}).to_body() for one in wanted]
    return Call(method="POST", path="/v1/search/batch", answer=BatchResult, body=encoded({"searches": bodies}))


def suggest(text: str, size: int) -> Call[SuggestResult]:
    return Call(method="GET", path="/v1/suggest", answer=SuggestResult, params={"q": text, "size": size})


def product(id: str) -> Call[Product]:
    if not id or id in (".", ".."):  # a path cannot say those
        raise InvalidArgument(f"id: {id!r} cannot be looked up.")
    return Call(method="GET", path=f"/v1/products/{quote(id, safe='')}", answer=Product)


def explain(wanted: Search, products: Mapping[str, str]) -> Call[ExplainResult]:
    body = encoded({"search": wanted.to_body(), **products})
    return Call(method="POST", path="/v1/explain", answer=ExplainResult, body=body)


def events(queries: Sequence[UbiQuery], happened: Sequence[UbiEvent]) -> Call[EventsResult]:
    body: dict[str, Any] = {
        "queries": [one.to_body() for one in queries],
        "events": [one.to_body() for one in happened],
    }
    return Call(method="POST", path="/v1/events", answer=EventsResult, body=encoded(body), idempotent=False, write=True)


def generations() -> Call[GenerationsResult]:
    return Call(method="GET", path="/v1/generations", answer=GenerationsResult)


def jobs(size: int) -> Call[JobsResult]:
    return Call(method="GET", path="/v1/jobs", answer=JobsResult, params={"size": size})


def dead_letters(offset: int, size: int) -> Call[DeadLettersResult]:
    return Call(method="GET", path="/v1/deadletters", answer=DeadLettersResult, params={"from": offset, "size": size})


def health() -> Call[Health]:
    return Call(method="GET", path="/healthz", answer=Health)


def ready() -> Call[Readiness]:
    """Not being ready is an answer here, not an error."""
    return Call(method="GET", path="/readyz", answer=Readiness, fine=frozenset({503}), retried=False)
