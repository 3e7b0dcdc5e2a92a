"""Asking: the engine's two calls of a search, each within the time that is left, and not at all while it is down."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from multirecall.core.deadline import Deadline
from multirecall.core.errors import EngineUnavailable
from multirecall.core.ranking import RouteStatus
from multirecall.engines.base import Engine, EngineRequest, EngineResult
from multirecall.search.breaker import Breaker

__all__ = ["Asking"]

_FAIR_SHARE = 0.5
_LATE = (RouteStatus.TIMED_OUT, RouteStatus.FAILED)


class Asking:
    """Asks one engine. `usual_s` is the time budget of an ordinary query; `breaker` None: it is always asked.

    A caller who gives the engine less than half of the usual budget can be disappointed, but opens the breaker for
    nobody else. Safe for several threads.
    """

    def __init__(self, engine: Engine, *, breaker: Breaker | None, usual_s: float) -> None:
        self.engine = engine
        self.in_process = engine.capabilities.in_process
        self.breaker = breaker
        self._usual_s = usual_s

    def deadline(self, timeout_s: float | None = None) -> Deadline:
        """The deadline of a request that begins now; None: with the usual budget."""
        return Deadline.after(self._usual_s if timeout_s is None else timeout_s)

    def is_fair(self, budget_s: float) -> bool:
        """Whether being late says something about who was late, and not about the caller's impatience."""
        return budget_s >= _FAIR_SHARE * self._usual_s

    def search(
        self, requests: Sequence[EngineRequest], deadline: Deadline, *, index: str | None, fair: bool
    ) -> list[EngineResult]:
        """`Engine.search_many`. Raises EngineUnavailable at once while the breaker is open."""
        self._check()
        try:
            results = self.engine.search_many(requests, deadline, index=index)
        except EngineUnavailable as error:
            self._count(error.message, fair=True)
            raise
        late = all(result.status in _LATE for result in results)
        self._count((results[0].error or "it was late") if late else "", fair)
        return results

    def fetch(
        self, ids: Sequence[str], deadline: Deadline, *, index: str | None
    ) -> tuple[list[Mapping[str, Any] | None], str]:
        """The stored records in the order of `ids` (None: gone), and empty; or empty records and why there are none.

        An engine that is late leaves them out; one that is gone raises EngineUnavailable.
        """
        if not ids:
            return [], ""
        remaining_s = deadline.remaining_s()
        if remaining_s <= 0 and not self.in_process:
            return [{} for _ in ids], RouteStatus.TIMED_OUT.value
        self._check()
        try:
            found = self.engine.fetch(ids, index=index, timeout_s=None if math.isinf(remaining_s) else remaining_s)
        except EngineUnavailable as error:
            self._count(error.message, fair=not deadline.expired or self.is_fair(remaining_s))
            if not deadline.expired:
                raise
            return [{} for _ in ids], RouteStatus.TIMED_OUT.value
        self._count("", fair=True)
        return found, ""

    def _check(self) -> None:
        if self.breaker is None or not (refusal := self.breaker.refusal()):
            return
        raise EngineUnavailable(
            f"The engine is not asked: {refusal}.",
            hint="It is tried again by itself.",
            retry_after_s=max(1.0, self.breaker.retry_after_s),
            engine=self.engine.url,
        )

    def _count(self, failure: str, fair: bool) -> None:
        if self.breaker is None:
            return
        if not failure:
            self.breaker.succeeded()
        elif fair:
            self.breaker.failed(failure)
