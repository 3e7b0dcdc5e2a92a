"""Figures of the search layer for Prometheus, read where they are kept."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from multirecall.engines.base import TellsHedges
from multirecall.search.serving import Frontend

__all__ = ["SearchCollector"]


class SearchCollector(Collector):
    """The cache's counts and size, the breakers, and which index answers."""

    def __init__(self, frontend: Frontend) -> None:
        self._frontend = frontend

    def collect(self) -> Iterator[Metric]:
        """All figures, by the names that docs/api.md lists."""
        live = self._frontend.live
        generation = GaugeMetricFamily("multirecall_generation", "1 for the index that answers", labels=["index"])
        if live.generation:
            generation.add_metric([live.generation], 1)
        yield generation
        breakers = GaugeMetricFamily(
            "multirecall_breaker_open", "1 while a part is not asked because it fails", labels=["part"]
        )
        for name, breaker in self._frontend.breakers.items():
            breakers.add_metric([name], float(breaker.state != "closed"))
        yield breakers
        yield from self._hedges()
        yield from self._query_vectors()
        yield from self._rewriter_models()
        cache = self._frontend.cache
        if cache is None:
            return
        counts = CounterMetricFamily("multirecall_cache", "Look-ups and stores of the cache", labels=["what"])
        for name, count in sorted(cache.counters.snapshot().items()):
            counts.add_metric([name], count)
        yield counts
        yield GaugeMetricFamily("multirecall_cache_bytes", "Memory of the cache in this process", value=cache.nbytes)
        yield CounterMetricFamily(
            "multirecall_cache_evicted", "Lists dropped from this process for want of room", value=cache.evicted
        )

    def _hedges(self) -> Iterator[Metric]:
        engine = self._frontend.live.asking.engine
        counts = CounterMetricFamily(
            "multirecall_engine_hedges", "Late reads that a second node was asked for too", labels=["what"]
        )
        for name, count in (engine.hedges if isinstance(engine, TellsHedges) else {}).items():
            counts.add_metric([name], count)
        yield counts

    def _query_vectors(self) -> Iterator[Metric]:
        """Of the index that answers: with another one its models' vectors are counted anew."""
        counts = CounterMetricFamily(
            "multirecall_query_vectors", "Vectors of queries: remembered (hit, hit_redis) or computed (miss)",
            labels=["field", "what"],
        )  # fmt: skip
        memory = GaugeMetricFamily(
            "multirecall_query_vectors_bytes", "Memory of the remembered vectors in this process", labels=["field"]
        )
        for field, encoder in self._frontend.query_vectors.items():
            counts.add_metric([field, "hit"], encoder.hits)
            counts.add_metric([field, "hit_redis"], encoder.shared_hits)
            counts.add_metric([field, "miss"], encoder.misses)
            memory.add_metric([field], encoder.nbytes)
        yield counts
        yield memory

    def _rewriter_models(self) -> Iterator[Metric]:
        """What became of the questions to language models; `late` are searches that went on without an answer."""
        counts = CounterMetricFamily(
            "multirecall_rewriter_model", "Questions to the language model that rewrites", labels=["what"]
        )
        pending = GaugeMetricFamily(
            "multirecall_rewriter_model_pending", "Queries that it works on or that wait for it"
        )
        for model in self._frontend.rewriter_models.values():
            for name, count in sorted(model.counters.snapshot().items()):
                counts.add_metric([name], count)
            pending.add_metric([], model.pending)
        yield counts
        yield pending
