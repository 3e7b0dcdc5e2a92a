"""Short ways to write to an engine and to ask it, as the contract's tests do all the time."""

from __future__ import annotations

from typing import Any

from multirecall.core.deadline import Deadline
from multirecall.core.filters import Filter
from multirecall.core.ranking import RouteStatus
from multirecall.engines.base import Clause, Engine, EngineRequest, EngineResult, IndexedProduct, Text, Upsert, Write

__all__ = ["LIMIT_S", "found", "ids", "put", "search", "text_ids"]

LIMIT_S = 30.0
"""Far above what any of these searches takes, so that a hanging engine fails instead of blocking the run."""


def put(engine: Engine, *writes: IndexedProduct | Write, index: str | None = None) -> list[str]:
    """Writes (products are upserted), refreshes, and returns the statuses; every write must be ok."""
    wrapped = [Upsert(product=w) if isinstance(w, IndexedProduct) else w for w in writes]
    results = list(engine.write(wrapped, index=index))
    assert [r.id for r in results] == [w.id for w in wrapped]
    assert all(r.ok for r in results), [r for r in results if not r.ok]
    engine.refresh(index=index)
    return [r.status for r in results]


def search(engine: Engine, clause: Clause, k: int = 10, *, index: str | None = None, **request: Any) -> EngineResult:
    """The result of one request, which must have ended well and in the order rule."""
    [result] = engine.search_many([EngineRequest(clause=clause, k=k, **request)], Deadline.after(LIMIT_S), index=index)
    assert result.status is RouteStatus.OK, result.error
    assert len(result.hits) <= k
    if not request.get("sort"):
        assert list(result.hits) == sorted(result.hits, key=lambda hit: (-hit.score, hit.id))
    return result


def ids(result: EngineResult) -> list[str]:
    return [hit.id for hit in result.hits]


def found(engine: Engine, clause: Clause, k: int = 100, filter: Filter | None = None) -> list[str]:
    """The ids found, best first."""
    return ids(search(engine, clause, k, filter=filter))


def text_ids(engine: Engine, text: str, k: int = 100, **clause: Any) -> list[str]:
    """The ids found by a lexical search."""
    return found(engine, Text(text=text, **clause), k)
