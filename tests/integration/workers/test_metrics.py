"""Figures of the workers, from Redis, as Prometheus reads them."""

from __future__ import annotations

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from multirecall.engine.commands import free_ports
from multirecall.engines.exact import ExactEngine
from multirecall.indexer.items import DeleteItem, UpdateItem
from multirecall.workers.metrics import WorkerMetrics, serve_metrics
from multirecall.workers.settling import BATCH_SECONDS
from multirecall.workers.store.batches import Batch
from multirecall.workers.submitting import Submitter
from tests.integration.workers.shop import index_shop, rows
from tests.support.deployments import Bench, opened_bench

pytestmark = pytest.mark.integration


def figures(bench: Bench) -> dict[tuple[str, ...], float]:
    """(name, label values…) to the figure, as scraped."""
    with serve_metrics(bench.deployment, "127.0.0.1", 0) as (_, url):
        answer = httpx.get(url, trust_env=False, timeout=30.0)
    assert answer.status_code == 200
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_without_work_all_figures_are_there_and_zero(exact: Bench) -> None:
    found = figures(exact)
    assert found.pop(("multirecall_up",)) == 1
    assert set(found.values()) == {0.0}
    assert ("multirecall_products_total", "rejected") in found
    assert ("multirecall_batch_seconds_count",) in found


def test_figures_follow_what_workers_do(exact: Bench) -> None:
    index_shop(exact.deployment, rows(4))
    changes = [
        {"op": "update", "id": "p001", "fields": {"price": 7}},
        {"op": "update", "id": "nobody", "fields": {"price": 7}},
        {"op": "delete", "id": "p002"},
        {"op": "upsert", "product": {"id": "p100", "title": "New"}},
        "nonsense",
    ]
    Submitter(exact.deployment).send(changes, on_refused=lambda error, change: None)
    waiting = figures(exact)
    assert waiting["multirecall_batches", "changes", "waiting"] == 1
    assert waiting["multirecall_batches", "index", "waiting"] == 1
    exact.work()
    found = figures(exact)
    products = {name[1]: value for name, value in found.items() if name[0] == "multirecall_products_total"}
    assert products == {"done": 3, "stale": 0, "failed": 1, "created": 1, "deleted": 1, "rejected": 1}
    assert found["multirecall_dead_letters",] == 1
    assert found["multirecall_retried_total",] == exact.deployment.options.max_tries - 1
    assert found["multirecall_vectors_total", "encoded"] == 1
    assert found["multirecall_batches", "changes", "waiting"] == 0
    assert found["multirecall_writing_seconds_total",] > 0


def test_the_histogram_of_batches_is_cumulative(exact: Bench) -> None:
    index_shop(exact.deployment, rows(4))
    for n in range(3):
        Submitter(exact.deployment).send([{"op": "update", "id": "p001", "fields": {"price": n}}])
        exact.work()
    with exact.deployment.connection.client() as client:  # two that took long
        client.hincrbyfloat(exact.deployment.connection.key("counters"), "batch_le_30.0", 1)
        client.hincrbyfloat(exact.deployment.connection.key("counters"), "batch_le_inf", 1)
    found = figures(exact)
    buckets = [found["multirecall_batch_seconds_bucket", str(edge)] for edge in BATCH_SECONDS]
    assert buckets == sorted(buckets)
    assert buckets[-3:] == [3, 4, 4]
    assert found["multirecall_batch_seconds_bucket", "+Inf"] == found["multirecall_batch_seconds_count",] == 5
    assert found["multirecall_batch_seconds_sum",] > 0


def test_leased_and_delayed_batches_and_trouble_are_seen(exact: Bench) -> None:
    index_shop(exact.deployment, rows(4))
    deployment = exact.deployment
    job = Submitter(deployment).send([])
    for name in "ab":
        items = (DeleteItem(id="p001", version=1), UpdateItem(id="p001", fields={}, version=1))
        deployment.batches.put(Batch(id=f"changes/{job.id}/{name}", job=job.id, queue="changes", index="", items=items))
    lease = deployment.batches.lease(f"changes/{job.id}/a", "mine")
    other = deployment.batches.lease(f"changes/{job.id}/b", "mine too")
    assert lease is not None
    assert other is not None
    deployment.batches.release(other, delay_s=60.0, trouble=True)
    deployment.trouble.tell({"message": "no answer"})
    found = figures(exact)
    states = {name[2]: value for name, value in found.items() if name[:2] == ("multirecall_batches", "changes")}
    assert states == {"waiting": 0, "leased": 1, "delayed": 1}
    assert found["multirecall_trouble_seconds",] > 0


def test_a_store_that_is_away_is_a_figure_too(redis_url: str) -> None:
    with opened_bench(redis_url, lambda: ExactEngine("shop")) as bench:
        away = f"redis://127.0.0.1:{free_ports(1)[0]}/0"
        connection = type(bench.deployment.connection)(away, namespace="t", name="shop")
        bench.deployment.connection.close()
        bench.deployment.connection = connection
        [metric] = WorkerMetrics(bench.deployment).collect()
        assert (metric.name, metric.samples[0].value) == ("multirecall_up", 0)
