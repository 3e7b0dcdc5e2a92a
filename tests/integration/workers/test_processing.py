"""Batches done in this process: what becomes of their items, whatever fails on the way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pytest

from multirecall.core.errors import (
    EngineUnavailable,
    FingerprintMismatch,
    MissingExtra,
    NotFound,
    StoreUnavailable,
)
from multirecall.engines.base import Write, WriteResult
from multirecall.indexer.items import DeleteItem, RowItem, UpdateItem
from multirecall.indexer.report import BuildWarning
from multirecall.workers.processing import BatchProcessor
from multirecall.workers.store.batches import Settlement
from multirecall.workers.store.job import JobState
from tests.integration.workers.changing import counts, delete, job_of, letters, put, send, update, upsert
from tests.integration.workers.shop import index_shop, products, rows
from tests.support.deployments import Bench

pytestmark = pytest.mark.integration


class Failing:
    """Stands before an engine's `write`: raises each of `errors` once, then lets all through."""

    def __init__(self, bench: Bench, monkeypatch: pytest.MonkeyPatch, errors: Sequence[BaseException]) -> None:
        self.errors = list(errors)
        with bench.deployment.engine() as engine:
            kind = type(engine)
        write = kind.write

        def failing(engine: Any, writes: Iterable[Write], *, index: str | None = None) -> Iterator[WriteResult]:
            if self.errors:
                raise self.errors.pop(0)
            return write(engine, writes, index=index)

        monkeypatch.setattr(kind, "write", failing)


# ---------------------------------------------------------------- the happy path, on every engine


def test_changes_reach_the_live_index(bench: Bench) -> None:
    index_shop(bench.deployment, rows(10))
    job = send(
        bench,
        update("p001", price="99.00", in_stock=True),
        upsert("p100", "New lamp", price=5),
        delete("p002"),
        upsert("p003", "Other lamp"),
        delete("nobody"),
    )
    bench.work()
    found = products(bench.deployment)
    assert len(found) == 10
    assert found["p001"]["price_minor"] == 9900
    assert found["p001"]["in_stock"] is True
    assert found["p100"]["title"] == "New lamp"
    assert "p002" not in found
    assert found["p003"]["title"] == "Other lamp"
    assert counts(bench, job) == {"planned": 5, "done": 5, "stale": 0, "failed": 0}
    assert job_of(bench, job).state is JobState.DONE
    assert letters(bench) == []
    with bench.deployment.engine() as engine:
        assert {one.id for one in engine.deleted()} == {"p002", "nobody"}


def test_changes_are_applied_in_the_order_they_were_sent_whatever_the_order_of_the_batches(bench: Bench) -> None:
    index_shop(bench.deployment, rows(4))
    bench.with_options(batch_rows=2)
    send(bench, *(update("p001", price=price) for price in range(1, 10)), delete("p002"), upsert("p002", "Back again"))
    processor = BatchProcessor(bench.deployment)
    ids = [one for queue in ("changes", "index") for one in bench.deployment.batches.sweep(queue, announce_again_s=0.0)]
    for batch in reversed(ids):
        processor.process(batch)
    found = products(bench.deployment)
    assert found["p001"]["price_minor"] == 900
    assert found["p002"]["title"] == "Back again"


def test_a_batch_twice_changes_nothing(bench: Bench) -> None:
    index_shop(bench.deployment, rows(3))
    send(bench, update("p001", price=7), delete("p002"), upsert("p003", "New"))
    waiting = {queue: bench.deployment.batches.sweep(queue, announce_again_s=0.0) for queue in ("index", "changes")}
    held = {}
    for ids in waiting.values():
        for one in ids:
            lease = bench.deployment.batches.lease(one, "peek")
            assert lease is not None
            held[one] = lease.batch
            bench.deployment.batches.release(lease, delay_s=0.0, trouble=False)
    bench.work()
    once = products(bench.deployment)
    for batch in held.values():
        bench.deployment.batches.put(batch)
    bench.work()
    assert products(bench.deployment) == once


# ---------------------------------------------------------------- leases


def test_what_is_done_or_anothers_is_left_alone(exact: Bench) -> None:
    index_shop(exact.deployment, rows(1))
    _, batch = put(exact, DeleteItem(id="p000", version=1))
    assert exact.deployment.batches.lease(batch, "theirs") is not None
    assert not BatchProcessor(exact.deployment).process(batch)
    assert not BatchProcessor(exact.deployment).process("changes/nothing/x")
    assert products(exact.deployment).keys() == {"p000"}


def test_a_worker_that_lost_its_lease_counts_nothing(exact: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    index_shop(exact.deployment, rows(1))
    job, batch = put(exact, UpdateItem(id="p000", fields={"price_minor": 7}, version=10**18))
    batches = exact.deployment.batches
    with exact.deployment.engine() as engine:
        write = engine.write

        def slow(writes: Iterable[Write], *, index: str | None = None) -> Iterator[WriteResult]:
            """In the middle of it the lease is taken over."""
            with exact.deployment.connection.client() as client:
                client.zadd(exact.deployment.connection.key("leased", "changes"), {batch: 1})
            assert batches.lease(batch, "theirs") is not None
            return write(writes, index=index)

        monkeypatch.setattr(engine, "write", slow)
        assert not BatchProcessor(exact.deployment).process(batch)
    assert counts(exact, job)["done"] == 0
    assert batches.sizes("changes") == {"waiting": 0, "leased": 1, "delayed": 0}


# ---------------------------------------------------------------- trouble


@pytest.mark.parametrize(
    "error",
    [
        EngineUnavailable("no answer", hint="start it"),
        FingerprintMismatch("another model"),
        MissingExtra("no model", hint="pip install"),
    ],
)
def test_trouble_is_told_and_the_batch_tried_again_until_it_is_over(
    exact: Bench, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    index_shop(exact.deployment, rows(3))
    Failing(exact, monkeypatch, [error] * 20)  # far more often than an item is tried
    job = send(exact, update("p001", price=7), update("p002", price=7))
    exact.work_once()
    trouble = exact.deployment.trouble.now()
    assert trouble is not None
    assert trouble["error"]["message"] == error.args[0]
    exact.work()
    assert exact.deployment.trouble.now() is None
    assert counts(exact, job) == {"planned": 2, "done": 2, "stale": 0, "failed": 0}
    assert counts(exact, job, "retried") == {"retried": 40}
    assert letters(exact) == []


def test_an_engine_that_says_when_is_not_asked_before(exact: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    index_shop(exact.deployment, rows(2))
    Failing(exact, monkeypatch, [EngineUnavailable("too many requests", retry_after_s=3600.0)])
    send(exact, update("p001", price=7))
    exact.work_once()
    assert exact.deployment.batches.sizes("changes") == {"waiting": 0, "leased": 0, "delayed": 1}
    exact.work_once()
    assert exact.deployment.batches.sizes("changes")["delayed"] == 1


def test_a_store_that_goes_away_leaves_the_batch_to_its_lease(exact: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    index_shop(exact.deployment, rows(2))
    Failing(exact, monkeypatch, [StoreUnavailable("Redis is gone")])
    _, batch = put(exact, UpdateItem(id="p001", fields={"price_minor": 7}, version=10**18))
    with pytest.raises(StoreUnavailable):
        BatchProcessor(exact.deployment).process(batch)
    assert exact.deployment.batches.sizes("changes") == {"waiting": 0, "leased": 1, "delayed": 0}


def test_changes_without_an_index_wait_for_one(exact: Bench) -> None:
    with pytest.raises(NotFound):  # nobody knows their mapping
        send(exact, delete("p001"))
    job, _ = put(exact, DeleteItem(id="p001", version=10**18))
    exact.work_once()
    assert exact.busy() == 1
    trouble = exact.deployment.trouble.now()
    assert trouble is not None
    assert "no index to apply changes to" in trouble["error"]["message"]
    index_shop(exact.deployment, rows(3))
    exact.work()
    assert counts(exact, job)["done"] == 1
    assert products(exact.deployment).keys() == {"p000", "p002"}


# ---------------------------------------------------------------- refused, missing, given up


def test_what_is_refused_becomes_a_dead_letter_and_the_rest_goes_in(exact: Bench) -> None:
    index_shop(exact.deployment, rows(3))
    job, _ = put(
        exact,
        UpdateItem(id="p001", fields={"title": "No"}, version=10**18),
        RowItem(id="p002", row={"id": "p002"}, version=10**18),
        UpdateItem(id="p000", fields={"price_minor": 5}, version=10**18),
    )
    exact.work()
    assert counts(exact, job) == {"planned": 3, "done": 1, "stale": 0, "failed": 2}
    assert job_of(exact, job).state is JobState.DONE
    found = {letter.item.id: letter for letter in letters(exact)}
    assert found.keys() == {"p001", "p002"}
    assert found["p002"].error == "title: neither title nor description"
    assert (found["p002"].tries, found["p002"].job, found["p002"].index) == (1, job.id, "shop-000001")
    assert products(exact.deployment)["p000"]["price_minor"] == 5


@pytest.mark.parametrize("value", ["\ud800", 1 << 70])
def test_a_product_that_is_hardly_json_becomes_a_dead_letter_like_any_other(exact: Bench, value: object) -> None:
    index_shop(exact.deployment, rows(1))
    job, _ = put(
        exact, RowItem(id="p001", row={"id": "p001", "colour": value}), UpdateItem(id="p000", fields={"price_minor": 5})
    )
    exact.work()
    assert [letter.item.id for letter in letters(exact)] == ["p001"]
    assert counts(exact, job) == {"planned": 2, "done": 1, "stale": 0, "failed": 1}


def test_an_update_of_a_product_that_never_comes_is_tried_and_given_up(exact: Bench) -> None:
    index_shop(exact.deployment, rows(2))
    job = send(exact, update("p900", price=7), update("p001", price=7))
    exact.work()
    assert counts(exact, job, "done", "failed", "retried") == {"done": 1, "failed": 1, "retried": 2}
    [letter] = letters(exact)
    assert (letter.item.id, letter.tries, letter.error) == ("p900", 3, "There is no product of this id.")


def test_an_update_that_comes_before_its_product_is_applied_when_it_is_there(exact: Bench) -> None:
    index_shop(exact.deployment, rows(2))
    exact.with_options(max_tries=1000)
    job = send(exact, upsert("p900", "New", price=1))
    [row_batch] = exact.deployment.batches.sweep("index", announce_again_s=0.0)
    later = send(exact, update("p900", price=7))
    [update_batch] = exact.deployment.batches.sweep("changes", announce_again_s=0.0)
    BatchProcessor(exact.deployment).process(update_batch)
    assert counts(exact, later, "done", "retried") == {"done": 0, "retried": 1}
    BatchProcessor(exact.deployment).process(row_batch)
    exact.work()
    assert products(exact.deployment)["p900"]["price_minor"] == 700
    assert [counts(exact, one)["done"] for one in (job, later)] == [1, 1]


def test_items_that_fail_for_now_are_tried_alone(exact: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    index_shop(exact.deployment, rows(4))
    tried: list[list[str]] = []
    with exact.deployment.engine() as engine:
        write = engine.write

        def busy(writes: Iterable[Write], *, index: str | None = None) -> Iterator[WriteResult]:
            held = list(writes)
            tried.append([one.id for one in held])
            for one, result in zip(held, write(held, index=index), strict=True):
                late = one.id == "p001" and len(tried) < 3
                yield WriteResult(id=one.id, ok=False, status="failed", error="429") if late else result

        monkeypatch.setattr(engine, "write", busy)
        job = send(exact, *(update(f"p00{n}", price=7) for n in range(4)))
        exact.work()
    assert tried == [["p000", "p001", "p002", "p003"], ["p001"], ["p001"]]
    assert counts(exact, job, "done", "retried", "failed") == {"done": 4, "retried": 2, "failed": 0}


def test_full_of_dead_letters_nothing_more_is_taken_on(exact: Bench) -> None:
    index_shop(exact.deployment, rows(2))
    put(exact, UpdateItem(id="p001", fields={"title": "No"}))
    exact.work()
    exact.with_options(max_dead_letters=1)
    job = send(exact, update("p001", price=7))
    exact.work_once()
    trouble = exact.deployment.trouble.now()
    assert trouble is not None
    assert "1 dead letter" in trouble["error"]["message"]
    assert counts(exact, job)["done"] == 0
    exact.deployment.dead_letters.drop([letter.id for letter in letters(exact)])
    exact.work()
    assert counts(exact, job)["done"] == 1
    assert exact.deployment.trouble.now() is None


# ---------------------------------------------------------------- crashes


class Poison:
    """An engine's `write` that breaks on certain ids, as a bug would."""

    def __init__(self, bench: Bench, monkeypatch: pytest.MonkeyPatch, *ids: str) -> None:
        self.batches: list[int] = []
        with bench.deployment.engine() as engine:
            write = engine.write

            def breaking(writes: Iterable[Write], *, index: str | None = None) -> Iterator[WriteResult]:
                held = list(writes)
                self.batches.append(len(held))
                if any(one.id in ids for one in held):
                    raise RuntimeError("it breaks")
                return write(held, index=index)

            monkeypatch.setattr(engine, "write", breaking)


def test_a_batch_that_breaks_is_halved_until_the_culprit_stands_alone(
    exact: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    index_shop(exact.deployment, rows(16))
    exact.with_options(batch_rows=16)
    poison = Poison(exact, monkeypatch, "p005", "p011")
    job = send(exact, *(update(f"p{n:03d}", price=500) for n in range(16)))
    exact.work()
    assert {letter.item.id for letter in letters(exact)} == {"p005", "p011"}
    assert all("RuntimeError: it breaks" in letter.error for letter in letters(exact))
    assert counts(exact, job) == {"planned": 16, "done": 14, "stale": 0, "failed": 2}
    found = products(exact.deployment)
    assert sum(record["price_minor"] == 50_000 for record in found.values()) == 14
    assert len(poison.batches) < 40
    assert "it breaks" in caplog.text


def test_a_batch_on_which_workers_died_is_cut(exact: Bench) -> None:
    index_shop(exact.deployment, rows(8))
    job, batch = put(exact, *(UpdateItem(id=f"p{n:03d}", fields={"price_minor": 5}) for n in range(8)))
    with exact.deployment.connection.client() as client:
        client.hset(exact.deployment.connection.key("batch", batch), "crashes", 3)
    assert BatchProcessor(exact.deployment).process(batch)
    assert exact.deployment.batches.sizes("changes")["delayed"] == 2
    exact.work()
    assert counts(exact, job)["done"] == 8


def test_an_item_on_which_workers_die_becomes_a_dead_letter(exact: Bench) -> None:
    index_shop(exact.deployment, rows(1))
    job, batch = put(exact, UpdateItem(id="p000", fields={"price_minor": 5}))
    with exact.deployment.connection.client() as client:
        client.hset(exact.deployment.connection.key("batch", batch), "crashes", 3)
    assert BatchProcessor(exact.deployment).process(batch)
    [letter] = letters(exact)
    assert letter.error == "The worker died on it. (tried 3 times)"
    assert counts(exact, job)["failed"] == 1


# ---------------------------------------------------------------- what could not be used of the rows


def test_warnings_of_rows_come_with_their_job_and_only_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    index_shop(bench.deployment, rows(4))
    Failing(bench, monkeypatch, [EngineUnavailable("away"), RuntimeError("crash")])  # done again: not told again
    job = send(
        bench, upsert("p100", "Lamp", price="cheap"), upsert("p101", "Lamp", price=1), upsert("p102", "L", price="dear")
    )
    bench.work()
    [warning] = job_of(bench, job).warnings
    assert (warning.what.partition(":")[0], warning.count) == ("price", 2)
    assert "cheap" in warning.example
    assert job_of(bench, job).to_dict()["warnings"] == [{"what": warning.what, "count": 2, "example": warning.example}]


def test_a_job_keeps_so_many_kinds_of_warnings_and_counts_the_others(bench: Bench) -> None:
    index_shop(bench.deployment, rows(2))
    job = send(bench, upsert("p100", "Lamp"))
    batches = bench.deployment.batches
    [batch] = batches.sweep("index", announce_again_s=0.0)
    lease = batches.lease(batch, "me")
    assert lease is not None
    told = [BuildWarning(what=f"kind {n}", count=2, example="x" * 2_000) for n in range(150)]
    assert batches.finish(lease, Settlement(counts={"done": 1}, warnings=told))
    found = {one.what: one for one in job_of(bench, job).warnings}
    assert len(found) == 101
    assert found["other warnings"].count == 2 * 50
    assert {found[f"kind {n}"].count for n in range(100)} == {2}
    assert max(len(one.example) for one in found.values()) == 500
