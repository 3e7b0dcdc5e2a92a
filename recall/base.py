"""Route: one way to find candidates. A value; what it learns about one query lives in the RecallContext."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, runtime_checkable

from multirecall.core.deadline import Deadline
from multirecall.core.errors import InvalidSettings
from multirecall.core.query import Query
from multirecall.core.ranking import Hit, Ranking, RouteStatus, ScoreKind
from multirecall.encoders.base import Encoder, Float32Array
from multirecall.engines.base import EngineRequest, EngineResult

__all__ = [
    "NOTHING_TO_SAY",
    "ChangingRoute",
    "QueryVectors",
    "RecallContext",
    "RequestMemory",
    "Route",
    "ended",
    "to_ranking",
]

NOTHING_TO_SAY = "it has nothing to say to this query"
"""Why a route that made no request was skipped."""


_T = TypeVar("_T")


class RequestMemory:
    """What the routes worked out for one request, by key. Safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: dict[Hashable, Future[Any]] = {}

    def once(self, key: Hashable, make: Callable[[], _T]) -> _T:
        """What the first `make` for this key gave; others wait for it. What it raised is raised to all who ask."""
        with self._lock:
            made = self._made.get(key)
            mine: Future[_T] | None = None
            if made is None:
                made = mine = self._made[key] = Future()
        if mine is not None:
            try:
                mine.set_result(make())
            except BaseException as error:
                mine.set_exception(error)
                raise
        found: _T = made.result()
        return found


class QueryVectors:
    """The vectors of one query, and of other texts for its need, by vector field. Safe for several threads.

    Each encoder sees each text once, whoever asks first; others wait for it. A failed encoding is remembered and raised
    again.
    """

    def __init__(self, text: str, encoders: Mapping[str, Encoder]) -> None:
        self._text = text
        self._encoders = encoders
        self._lock = threading.Lock()
        self._vectors: dict[tuple[str, str], Future[Float32Array]] = {}

    def get(self, vector_field: str) -> Float32Array:
        """The query's vector, shape (dim,), float32, length 1. Blocks while it is being computed."""
        return self.of(vector_field, (self._text,))[0]

    def of(self, vector_field: str, texts: Sequence[str]) -> list[Float32Array]:
        """The vector of each text, as `get` gives the query's own; those not asked for before go in one batch."""
        encoder = self._encoders.get(vector_field)
        if encoder is None:
            raise InvalidSettings(
                f"No encoder is open for vector field {vector_field!r}.",
                hint=f"Open ones: {', '.join(self._encoders) or 'none'}.",
                field="encoder",
            )
        with self._lock:
            mine: dict[str, Future[Float32Array]] = {
                text: Future() for text in texts if (vector_field, text) not in self._vectors
            }
            self._vectors.update({(vector_field, text): made for text, made in mine.items()})
        if mine:
            try:
                vectors = encoder.encode_queries([*mine])
            except BaseException as error:
                for made in mine.values():
                    made.set_exception(error)
                raise
            for made, vector in zip(mine.values(), vectors, strict=True):
                made.set_result(vector)
        return [self._vectors[vector_field, text].result() for text in texts]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallContext:
    """What the routes of one request share. `fields` are the stored values wanted with every hit.

    `memory` keeps what a route prepared: routes themselves are values.
    """

    deadline: Deadline
    vectors: QueryVectors
    fields: tuple[str, ...] = field(default=())
    memory: RequestMemory = field(default_factory=RequestMemory)


@runtime_checkable
class Route(Protocol):
    """One way to find candidates; compares by value, `repr` is its name in traces.

    `needs_preparation` says that `prepare` runs a model; other routes are not given a thread for it.
    `n_provisional`: so many of the first `requests` matter only if no `fallback` brings hits. Where a round trip costs
    nothing they are asked last, and not at all if one did: then `results` hold a skipped one in their place.
    """

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> ScoreKind: ...

    @property
    def needs_preparation(self) -> bool: ...

    @property
    def n_provisional(self) -> int: ...

    def prepare(self, query: Query, context: RecallContext) -> None:
        """Does the expensive work (encoding, generating) that `requests` will use. May raise; may be late."""
        ...

    def requests(self, query: Query, context: RecallContext) -> tuple[EngineRequest, ...]:
        """What to ask the engine; no request means that the route has nothing to say to this query."""
        ...

    def fallback(
        self, query: Query, context: RecallContext, results: Sequence[EngineResult]
    ) -> tuple[EngineRequest, ...]:
        """What to ask in a second round trip, given that the first gave `results`; mostly nothing."""
        ...

    def ranking(self, query: Query, context: RecallContext, results: Sequence[EngineResult]) -> Ranking:
        """The route's ranking from the results of `requests`, followed by those of `fallback` if it was sent.

        No results: there was no request.
        """
        ...


@runtime_checkable
class ChangingRoute(Protocol):
    """A route that may answer otherwise while it is open, as when a file of synonyms is edited."""

    @property
    def fingerprint(self) -> str:
        """Another text as soon as the same query may get another answer; looked at for every search, so: cheap."""
        ...


def ended(route: Route, status: RouteStatus, error: str = "") -> Ranking:
    """The ranking of a route without hits, and why."""
    return Ranking(route=route.name, kind=route.kind, status=status, error=error)


def to_ranking(route: str, kind: ScoreKind, result: EngineResult) -> Ranking:
    """A Ranking with the hits (engines give them in the order rule), total and status of one engine result."""
    return Ranking(
        route=route,
        kind=kind,
        hits=tuple([Hit(name, score, rank, fields) for rank, (name, score, fields) in enumerate(result.hits, start=1)]),
        total=result.total,
        took_ms=result.took_ms,
        status=result.status,
        error=result.error,
    )
