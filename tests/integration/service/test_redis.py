"""With a real Redis: changes through the workers with a result each, and one bucket for all processes."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator

import pytest
import redis

from multirecall.core.errors import Backpressure
from multirecall.engines.exact import ExactEngine
from multirecall.service.rates import RateLimits
from multirecall.service.redis_buckets import RedisBuckets
from multirecall.service.redis_check import RedisCheck
from multirecall.service.writing import WorkersWriter
from tests.support.deployments import Bench, opened_bench
from tests.support.engines import RUN
from tests.unit.service.shop import filled_engine, kept_open

pytestmark = pytest.mark.integration


@pytest.fixture
def bench(redis_url: str) -> Iterator[Bench]:
    engine: ExactEngine
    with filled_engine() as engine, opened_bench(redis_url, lambda: kept_open(engine)) as bench:
        yield bench


def writer_of(bench: Bench) -> WorkersWriter:
    def schema() -> object:
        with bench.deployment.engine() as engine:
            return engine.info().schema

    return WorkersWriter(bench.deployment, schema=schema)  # type: ignore[arg-type]


def upsert(name: object, **fields: object) -> dict[str, object]:
    return {"op": "upsert", "product": {"id": name, "title": "Toner", **fields}}


def test_changes_are_accepted_at_once_and_applied_when_the_workers_have_done_them(bench: Bench) -> None:
    changes = [upsert("n1"), {"op": "upsert", "product": {"title": "no id"}}, upsert(7)]
    written = writer_of(bench).write(changes, wait_s=0.0)
    assert [(item.id, item.status) for item in written.items] == [
        ("n1", "accepted"),
        ("", "refused"),
        ("7", "accepted"),
    ]
    assert (written.by, written.applied) == ("workers", False)
    assert bench.deployment.jobs.get(written.job).counts["planned"] == 2
    with bench.working():
        waited = writer_of(bench).write([upsert("n2"), {"op": "delete", "id": "p1"}], wait_s=30.0)
    assert [item.status for item in waited.items] == ["applied", "applied"]
    assert waited.applied
    with bench.deployment.engine() as engine:
        assert [bool(one) for one in engine.fetch(["n1", "n2", "p1"])] == [True, True, False]


def test_a_change_that_the_workers_give_up_has_failed_with_its_reason(bench: Bench) -> None:
    with bench.working():
        written = writer_of(bench).write(
            [{"op": "update", "id": "nobody", "fields": {"in_stock": True}}, upsert("n3")], wait_s=30.0
        )
    assert written.items[1].status == "applied"
    assert written.items[0].status == "failed"
    assert written.items[0].error


def test_a_full_queue_takes_nothing_or_says_what_it_did_not_take(bench: Bench) -> None:
    bench.with_options(max_waiting_batches=1, batch_rows=2)
    writer = writer_of(bench)
    some = writer.write([upsert(f"n{n}") for n in range(5)], wait_s=0.0)
    assert [item.status for item in some.items] == ["accepted", "accepted", "failed", "failed", "failed"]
    assert "again" in some.items[-1].error
    with pytest.raises(Backpressure):
        writer.write([upsert("n9")], wait_s=0.0)
    refused = writer.write([{"op": "upsert", "product": {}}], wait_s=0.0)
    assert [item.status for item in refused.items] == ["refused"]


def test_processes_share_the_bucket_of_a_key(redis_url: str) -> None:
    prefix = f"t_{RUN}_{uuid.uuid4().hex[:8]}"

    async def granted(tries: int) -> int:
        shared = RedisBuckets(redis_url, prefix=prefix)
        limits = RateLimits(rate_per_s=0.5, burst=20, shared=shared)
        try:
            return sum([not await limits.take("shop") for _ in range(tries)])
        finally:
            await shared.close()

    try:
        assert sum(asyncio.run(granted(30)) for _ in range(3)) in (20, 21)
    finally:
        with redis.Redis.from_url(redis_url) as client:
            assert 0 < client.pttl(f"{prefix}:shop") <= 20 / 0.5 * 1000 + 1000
            client.delete(f"{prefix}:shop")


def test_a_redis_that_is_away_is_told_quickly() -> None:
    away = "redis://127.0.0.1:1/0"

    async def take() -> None:
        shared = RedisBuckets(away, prefix="x")
        try:
            await shared.take("shop", 1.0, rate_per_s=1.0, burst=1.0)
        finally:
            await shared.close()

    with pytest.raises(OSError, match="Redis"):
        asyncio.run(take())
    with pytest.raises(Exception, match="does not answer"):
        RedisCheck(away)()


def test_a_redis_that_is_there_is_ready(redis_url: str) -> None:
    check = RedisCheck(redis_url)
    check()
    check.close()
