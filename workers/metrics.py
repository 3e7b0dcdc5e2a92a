"""The workers' figures for Prometheus, read from the store: true over all processes, and after any restart."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from multirecall.workers.deployment import Deployment
from multirecall.workers.settling import BATCH_SECONDS
from multirecall.workers.store.batches import QUEUES

__all__ = ["WorkerMetrics", "serve_metrics"]

_RESULTS = ("done", "stale", "failed", "created", "deleted", "rejected")


class WorkerMetrics(Collector):
    """Asks the store at every scrape. One that does not answer gives `multirecall_up 0` and nothing else."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment

    def collect(self) -> Iterator[Metric]:
        """All figures, by the names that docs/workers.md lists."""
        from multirecall.core.errors import StoreUnavailable

        try:
            found = list(self._collected())
            up = 1
        except StoreUnavailable:
            found, up = [], 0
        yield GaugeMetricFamily("multirecall_up", "1 if the store of the workers answers", value=up)
        yield from found

    def _collected(self) -> Iterator[Metric]:
        counters = self._deployment.counters()
        queues = GaugeMetricFamily("multirecall_batches", "Batches that are not done", labels=["queue", "state"])
        for queue in QUEUES:
            for state, count in self._deployment.batches.sizes(queue).items():
                queues.add_metric([queue, state], count)
        yield queues
        products = CounterMetricFamily("multirecall_products", "Products by what became of them", labels=["result"])
        for result in _RESULTS:
            products.add_metric([result], counters.get(result, 0.0))
        yield products
        vectors = CounterMetricFamily("multirecall_vectors", "Vectors by where they came from", labels=["source"])
        for source in ("encoded", "reused"):
            vectors.add_metric([source], counters.get(source, 0.0))
        yield vectors
        for name, help_text in (
            ("retried", "Products given back to be tried again"),
            ("crashed", "Batches that failed whole, or whose worker died"),
            ("encoding_s", "Seconds spent encoding, over all workers"),
            ("writing_s", "Seconds spent writing to the engine, over all workers"),
        ):
            metric = f"multirecall_{name.removesuffix('_s')}" + ("_seconds" if name.endswith("_s") else "")
            yield CounterMetricFamily(metric, help_text, value=counters.get(name, 0.0))
        yield self._durations(counters)
        dead = len(self._deployment.dead_letters)
        yield GaugeMetricFamily("multirecall_dead_letters", "Products waiting for somebody to look at them", value=dead)
        trouble = self._deployment.trouble.now()
        since = self._deployment.connection.time_s() - trouble["since"] if trouble else 0.0
        yield GaugeMetricFamily("multirecall_trouble_seconds", "How long the engine has not taken writes", value=since)

    @staticmethod
    def _durations(counters: dict[str, float]) -> HistogramMetricFamily:
        buckets, total = [], 0.0
        for edge in BATCH_SECONDS:
            total += counters.get(f"batch_le_{edge}", 0.0)
            buckets.append((str(edge), total))
        buckets.append(("+Inf", total + counters.get("batch_le_inf", 0.0)))
        family = HistogramMetricFamily("multirecall_batch_seconds", "How long batches took")
        family.add_metric([], buckets=buckets, sum_value=counters.get("batch_s", 0.0))
        return family


@contextmanager
def serve_metrics(deployment: Deployment, host: str, port: int) -> Iterator[tuple[threading.Thread, str]]:
    """Serves the figures until left; yields the serving thread and the URL (port 0: a free one)."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(WorkerMetrics(deployment))
    server: WSGIServer
    server, thread = start_http_server(port, addr=host, registry=registry)
    try:
        yield thread, f"http://{host}:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
