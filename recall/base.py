"""Route: one way to find candidates. A value; what it learns about one query lives in the RecallContext."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from multirecall.core.deadline import Deadline
from multirecall.core.errors import InvalidSettings
from multirecall.core.query import Query
from multirecall.core.ranking import Hit, Ranking, ScoreKind
from multirecall.encoders.base import Encoder, Float32Array
from multirecall.engines.base import EngineRequest, EngineResult

__all__ = ["QueryVectors", "RecallContext", "Route", "to_ranking"]


class QueryVectors:
    """The vectors of one query by vector field; each encoder runs once, whoever asks first.

    Others that ask for the same vector wait for it. A failed encoding is remembered and raised again.
    """

    def __init__(self, text: str, encoders: Mapping[str, Encoder]) -> None:
        self._text = text
        self._encoders = encoders
        self._locks = {name: threading.Lock() for name in encoders}
        self._vectors: dict[str, Float32Array | Exception] = {}

    def get(self, vector_field: str) -> Float32Array:
        """The query's vector, shape (dim,), float32, length 1. Blocks while it is being computed."""
        lock = self._locks.get(vector_field)
        if lock is None:
            raise InvalidSettings(
                f"No encoder is open for vector field {vector_field!r}.",
                hint=f"Open ones: {', '.join(self._encoders) or 'none'}.",
                field="encoder",
            )
        with lock:
            known = self._vectors.get(vector_field)
            if known is None:
                try:
                    known = self._encoders[vector_field].encode_queries([self._text])[0]
                except Exception as error:  # noqa: BLE001 - kept and raised to every route that asks
                    known = error
                self._vectors[vector_field] = known
        if isinstance(known, Exception):
            raise known
        return known


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallContext:
    """What the routes of one request share. `fields` are the stored values wanted with every hit."""

    deadline: Deadline
    vectors: QueryVectors
    fields: tuple[str, ...] = field(default=())


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

    def ranking(self, results: Sequence[EngineResult]) -> Ranking:
        """The route's ranking from the results of `requests`, followed by those of `fallback` if it was sent."""
        ...


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
