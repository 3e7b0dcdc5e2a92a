"""ServiceParts: all that the endpoints work with, made by the composition root (`serving.py`) or by a test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from multirecall.engines.base import Engine
from multirecall.fusion.explaining import Explanation, Why
from multirecall.search.serving import CacheNote, PageMark, Repeated, SearchRequest, Served
from multirecall.service.access_log import AccessLog
from multirecall.service.event_store import EventStore
from multirecall.service.keys import KeyRing
from multirecall.service.metrics import ServiceMetrics
from multirecall.service.page import PageParts
from multirecall.service.places import Places
from multirecall.service.rates import RateLimits
from multirecall.service.readiness import Readiness
from multirecall.service.suggesting import Suggester
from multirecall.service.tracing import NO_TRACES, Traces
from multirecall.service.writing import Writer

__all__ = ["Answers", "ServiceOptions", "ServiceParts", "WorkersView"]


class Answers(Protocol):
    """What answers searches (`search/serving/frontend.py`). Safe for several threads."""

    @property
    def generation(self) -> str:
        """The index that answers just now; empty before there is one."""
        ...

    def search(self, request: SearchRequest) -> Served:
        """Blocks."""
        ...

    def cached(self, request: SearchRequest) -> Served | None:
        """The same if it is at hand in this process and takes no waiting, else None."""
        ...

    def mark(self, asked: Repeated) -> PageMark | None:
        """The mark of what `cached` gives, to be taken before it; None if that may change without being told."""
        ...

    def still(self, asked: Repeated, mark: PageMark) -> CacheNote | None:
        """Where the list came from, if `cached` would still give the page of that mark; else None. Takes no waiting."""
        ...

    def explain(self, request: SearchRequest, ids: Sequence[str]) -> tuple[str, tuple[Explanation, ...]]:
        """The index that was asked, and what the scores of these products are made of, on the page or not."""
        ...

    def why(self, request: SearchRequest, a: str, b: str) -> tuple[str, Why]:
        """The index that was asked, and why one has another score than the other."""
        ...


class WorkersView(Protocol):
    """What can be seen of the workers. Blocking; raises StoreUnavailable."""

    def jobs(self, size: int) -> list[dict[str, Any]]:
        """The latest jobs, newest first."""
        ...

    def dead_letters(self, offset: int, size: int) -> tuple[int, list[dict[str, Any]]]:
        """How many there are, and a page of them, oldest first."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceOptions:
    """Values of the settings, as `wiring/service_settings.py` describes them.

    `body_bytes`: the longest body by path, for those that take more than a search. `answers_bytes`: memory for answers
    that are kept as they were written (`repeated.py`); 0: none.
    """

    minor_units: int = 2
    timeout_s: float = 1.0
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    metrics_open: bool = False
    slow_ms: float = 500.0
    log_queries: bool = True
    body_bytes: Mapping[str, int] = field(
        default_factory=lambda: {
            "/v1/search/batch": 1 << 20,
            "/v1/products": 8 << 20,
            "/v1/events": 1 << 20,
        }
    )
    write_wait_s: float = 10.0
    answers_bytes: int = 16 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceParts:
    """`searches` are the places of what searches, `errands` of all else that blocks: writes, look-ups, state;
    `probes` of `/readyz`, which must be answered whatever else goes on.

    Without `writer`, `events` or `workers` their endpoints answer 503; without `page` there is no web page.
    """

    answers: Answers
    engine: Engine
    readiness: Readiness
    searches: Places
    errands: Places
    suggester: Suggester
    probes: Places = field(default_factory=lambda: Places("probe", at_work=1, waiting=64))
    metrics: ServiceMetrics = field(default_factory=ServiceMetrics)
    keys: KeyRing = field(default_factory=KeyRing)
    rates: RateLimits | None = None
    writer: Writer | None = None
    events: EventStore | None = None
    workers: WorkersView | None = None
    traces: Traces = NO_TRACES
    access_log: AccessLog | None = None
    page: PageParts | None = None
    options: ServiceOptions = field(default_factory=ServiceOptions)
