"""The service's figures for Prometheus, in a registry of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from multirecall.core.ranking import RouteStatus
from multirecall.search.page import Page

__all__ = ["ServiceMetrics"]

_STATUSES = frozenset(RouteStatus)

_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class ServiceMetrics:
    """Counts and times of one process. `collectors` are other parts' figures, asked at every scrape."""

    def __init__(self, collectors: Iterable[Collector] = ()) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._requests = Counter(
            "multirecall_requests", "Requests by endpoint and status", ["endpoint", "method", "status"],
            registry=self.registry,
        )  # fmt: skip
        self._request_seconds = Histogram(
            "multirecall_request_seconds", "Whole requests", ["endpoint"], buckets=_SECONDS, registry=self.registry
        )
        self._search_seconds = Histogram(
            "multirecall_search_seconds",
            "Searches: route=all the whole search, else one recall route's share of it in the engine and its model",
            ["route", "cache"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._degraded = Counter(
            "multirecall_degraded", "Searches that a route did not end well in", ["route", "status"],
            registry=self.registry,
        )  # fmt: skip
        self._empty = Counter("multirecall_empty_searches", "Searches that found nothing", registry=self.registry)
        self._slow = Counter("multirecall_slow_searches", "Searches in the slow log", registry=self.registry)
        self._refused = Counter(
            "multirecall_refused", "Requests refused before any work: key, role, rate, places, host, size", ["reason"],
            registry=self.registry,
        )  # fmt: skip
        self._changes = Counter(
            "multirecall_changes", "Changes of products by what became of them", ["status"], registry=self.registry
        )
        self._events = Counter("multirecall_events", "Events and queries stored", registry=self.registry)
        self._suggest_seconds = Histogram(
            "multirecall_suggest_seconds", "Completions", buckets=_SECONDS, registry=self.registry
        )
        self._of_endpoint: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._of_cache: dict[str, Histogram] = {}
        for collector in collectors:
            self.registry.register(collector)

    def answered(self, endpoint: str, method: str, status: int, took_s: float) -> None:
        """One request that was answered."""
        series = self._of_endpoint.get((endpoint, method, status))
        if series is None:  # looking labels up costs more than counting; there are few of them
            series = (self._requests.labels(endpoint, method, str(status)), self._request_seconds.labels(endpoint))
            self._of_endpoint[endpoint, method, status] = series
        series[0].inc()
        series[1].observe(took_s)

    def searched(self, page: Page, cache: str, took_s: float) -> None:
        """One search that was answered. The routes are counted only if they were asked for it."""
        self._all_by(cache).observe(took_s)
        if not page.hits:
            self._empty.inc()
        for route, status in page.degraded.items():
            self._degraded.labels(route, status if status in _STATUSES else "failed").inc()
        if cache == "hit":
            return
        for trace in page.routes:
            self._search_seconds.labels(trace.name, cache).observe((trace.took_ms + trace.prepared_ms) / 1000.0)

    def repeated(self, n_hits: int, took_s: float) -> None:
        """One search that was answered as it was before, from memory."""
        self._all_by("hit").observe(took_s)
        if not n_hits:
            self._empty.inc()

    def _all_by(self, cache: str) -> Histogram:
        series = self._of_cache.get(cache)
        if series is None:
            series = self._of_cache[cache] = self._search_seconds.labels("all", cache)
        return series

    def slow_search(self) -> None:
        """One search that took longer than it should."""
        self._slow.inc()

    def refused(self, reason: str) -> None:
        """One request refused."""
        self._refused.labels(reason).inc()

    def changed(self, statuses: Iterable[str]) -> None:
        """Changes, by status."""
        for status in statuses:
            self._changes.labels(status).inc()

    def stored_events(self, n: int) -> None:
        """Events and queries that were stored."""
        self._events.inc(n)

    def kept_answers(self, nbytes: Callable[[], int]) -> None:
        """Whom to ask at every scrape how much memory whole answers take."""
        kept = Gauge(
            "multirecall_cache_answers_bytes", "Memory of whole answers in this process", registry=self.registry
        )
        kept.set_function(nbytes)

    def suggested(self, took_s: float) -> None:
        """One set of completions."""
        self._suggest_seconds.observe(took_s)

    def exposition(self) -> bytes:
        """All figures as Prometheus reads them."""
        return generate_latest(self.registry)
