"""Batches done in this process: what becomes of their items, whatever fails on the way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pytest

from multirecall.core.errors import (
    EngineUnavailable,
    FingerprintMismatch,
    InvalidInput,
    MissingExtra,
    NotFound,
    StoreUnavailable,
)
from multirecall.engines.base import Upsert, Write, WriteResult
from multirecall.indexer.items import DeleteItem, Item, RowItem, UpdateItem
from multirecall.workers.deployment import Deployment
from multirecall.workers.processing import BatchProcessor
from multirecall.workers.store.batches import Batch
from multirecall.workers.store.dead_letters import DeadLetter
from multirecall.workers.store.jobs import Job, JobKind, JobState
from multirecall.workers.submitting import Submitter
from tests.integration.workers.shop import MAPPING, VERSIONED, index_shop, products, rows
from tests.support.deployments import Bench, eventually

pytestmark = pytest.mark.integration


def update(id: str, **fields: Any) -> dict[str, Any]:
    return {"op": "update", "id": id, "fields": fields}


def upsert(id: str, title: str, **fields: Any) -> dict[str, Any]:
    return {"op": "upsert", "product": {"id": id, "title": title, **fields}}


def delete(id: str) -> dict[str, Any]:
    return {"op": "delete", "id": id}


def send(bench: Bench, *changes: object, **options: Any) -> Job:
    return Submitter(bench.deployment).send(changes, **options)


def job_of(bench: Bench, job: Job) -> Job:
    return bench.deployment.jobs.get(job.id)


def counts(bench: Bench, job: Job, *names: str) -> dict[str, int]:
    found = job_of(bench, job).counts
    return {name: found[name] for name in names or ("planned", "done", "stale", "failed")}


def letters(bench: Bench) -> list[DeadLetter]:
    return list(bench.deployment.dead_letters.all())


def put(bench: Bench, *items: Item, index: str = "", job: Job | None = None) -> tuple[Job, str]:
    """One batch of a job; returns the job and the batch's id."""
    job = job or bench.deployment.jobs.create(JobKind.CHANGES, {})
    batch = Batch(id=f"changes/{job.id}/a", job=job.id, queue="changes", index=index, items=items)
    bench.deployment.batches.put(batch)
    bench.deployment.jobs.set(job.id, closed=1)
    return job, batch.id


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


# ---------------------------------------------------------------- targets


def new_target(deployment: Deployment, why: str = "job") -> str:
    """An empty index that changes must reach too."""
    with deployment.engine() as engine:
        index = engine.create(engine.info().schema)
    deployment.targets.add(index, why)
    return index


def test_changes_reach_all_targets(bench: Bench) -> None:
    live = index_shop(bench.deployment, rows(3))
    target = new_target(bench.deployment)
    job = send(bench, upsert("p100", "New"), delete("p001"))
    bench.work()
    assert products(bench.deployment, live).keys() == {"p000", "p002", "p100"}
    assert products(bench.deployment, target).keys() == {"p100"}
    with bench.deployment.engine() as engine:
        for index in (live, target):
            assert [one.id for one in engine.deleted(index=index)] == ["p001"]
    assert counts(bench, job)["done"] == 2


def test_a_target_declared_while_a_batch_runs_is_reached_by_it(exact: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    index_shop(exact.deployment, rows(2))
    made: list[str] = []
    with exact.deployment.engine() as engine:
        write = engine.write

        def declaring(writes: Iterable[Write], *, index: str | None = None) -> Iterator[WriteResult]:
            yield from write(writes, index=index)
            if not made:
                made.append(new_target(exact.deployment))

        monkeypatch.setattr(engine, "write", declaring)
        send(exact, upsert("p100", "New"))
        exact.work()
    assert products(exact.deployment, made[0]).keys() == {"p100"}


def test_a_target_that_was_dropped_is_forgotten(exact: Bench) -> None:
    index_shop(exact.deployment, rows(2))
    exact.deployment.targets.add("shop-000009", "standby")
    send(exact, delete("p001"))
    exact.work()
    assert exact.deployment.targets.all() == {}
    assert products(exact.deployment).keys() == {"p000"}


def test_each_target_reads_a_row_by_its_own_mapping(exact: Bench) -> None:
    index_shop(exact.deployment, rows(1))
    other = MAPPING.model_copy(update={"title": ("name",)})
    with exact.deployment.engine() as engine:
        schema = engine.info().schema
        metadata = {**schema.metadata, "mapping": other.to_dict()}
        target = engine.create(type(schema)(**{**_fields(schema), "metadata": metadata}))
    exact.deployment.targets.add(target, "job")
    send(exact, upsert("p100", "Lamp", name="LAMP-100"))
    exact.work()
    assert products(exact.deployment)["p100"]["title"] == "Lamp"
    assert products(exact.deployment, target)["p100"]["title"] == "LAMP-100"


def _fields(schema: Any) -> dict[str, Any]:
    return {name: getattr(schema, name) for name in type(schema).__dataclass_fields__}


def test_vectors_of_one_batch_are_made_once_for_all_targets(exact: Bench) -> None:
    index_shop(exact.deployment, rows(1))
    new_target(exact.deployment)
    exact.deployment.vector_ttl_s = 60
    job = send(exact, upsert("p100", "New"), upsert("p101", "Newer"))
    exact.work()
    assert counts(exact, job, "encoded", "reused") == {"encoded": 2, "reused": 2}


def test_written_indexes_are_marked_for_a_refresh(exact: Bench) -> None:
    live = index_shop(exact.deployment, rows(1))
    send(exact, delete("p000"))
    exact.work()
    assert set(exact.deployment.unrefreshed.marks()) == {live}


# ---------------------------------------------------------------- jobs that are over


def test_batches_of_a_cancelled_job_are_laid_aside_and_go_on_when_it_is_resumed(exact: Bench) -> None:
    index_shop(exact.deployment, rows(2))
    job = send(exact, update("p001", price=7))
    exact.deployment.jobs.cancel(job.id)
    exact.work()
    assert counts(exact, job)["done"] == 0
    assert len(exact.deployment.batches.of_job(job.id)) == 1
    Submitter(exact.deployment).resume(job.id)
    exact.work()
    assert counts(exact, job)["done"] == 1
    assert job_of(exact, job).state is JobState.DONE


def test_a_batch_of_a_build_whose_index_is_gone_fails_its_job(exact: Bench) -> None:
    index_shop(exact.deployment, rows(2))
    build = exact.deployment.jobs.create(JobKind.INDEX, {})
    put(exact, RowItem(id="1", row={"id": "1", "title": "x"}), index="shop-000009", job=build)
    exact.work()
    found = job_of(exact, build)
    assert found.state is JobState.FAILED
    assert found.error is not None
    assert "shop-000009" in str(found.error["message"])


# ---------------------------------------------------------------- sending


def test_a_change_that_cannot_be_read_is_told_and_the_others_go_on(exact: Bench) -> None:
    index_shop(exact.deployment, rows(3))
    told: list[tuple[str, object]] = []
    job = send(
        exact, update("p001", price=7), "nonsense", update("p002", colour="red"), delete("p000"),
        on_refused=lambda error, change: told.append((error.message, change)), place="line",
    )  # fmt: skip
    assert [message.partition(":")[0] for message, _ in told] == ["line 2", "line 3"]
    exact.work()
    assert counts(exact, job, "planned", "done", "rejected", "read") == {
        "planned": 2,
        "done": 2,
        "rejected": 2,
        "read": 2,
    }


def test_without_somebody_to_tell_a_wrong_change_is_an_error_and_those_before_it_stay(exact: Bench) -> None:
    index_shop(exact.deployment, rows(3))
    exact.with_options(batch_rows=1)
    with pytest.raises(InvalidInput, match="change 2"):
        send(exact, update("p001", price=7), "nonsense")
    exact.work()
    assert products(exact.deployment)["p001"]["price_minor"] == 700


def test_nothing_to_send_is_a_job_that_is_done(exact: Bench) -> None:
    index_shop(exact.deployment, rows(1))
    assert send(exact).state is JobState.DONE


def test_a_full_queue_makes_the_sender_wait(exact: Bench) -> None:
    index_shop(exact.deployment, rows(3))
    exact.with_options(batch_rows=1, max_waiting_batches=2)
    with exact.working():
        job = send(exact, *(update("p001", price=n) for n in range(20)))
    exact.work()
    assert counts(exact, job)["planned"] == 20
    assert products(exact.deployment)["p001"]["price_minor"] == 1900


def test_a_queue_that_stays_full_ends_the_sending_and_says_how_far_it_got(exact: Bench) -> None:
    from multirecall.core.errors import Backpressure

    index_shop(exact.deployment, rows(3))
    exact.with_options(batch_rows=2, max_waiting_batches=2)
    with pytest.raises(Backpressure) as caught:
        send(exact, *(update("p001", price=n) for n in range(20)), wait_s=0.0)
    assert caught.value.data["taken"] == 4
    job = exact.deployment.jobs.get(caught.value.data["job"])
    exact.work()
    assert counts(exact, job) == {"planned": 4, "done": 4, "stale": 0, "failed": 0}
    assert job_of(exact, job).state is JobState.DONE


def test_versions_of_the_shop_decide_whatever_the_order_of_sending(exact: Bench) -> None:
    index_shop(exact.deployment, rows(3, rev=5), mapping=VERSIONED)
    job = send(
        exact,
        update("p001", price=9) | {"version": 9},
        update("p001", price=8) | {"version": 8},
        delete("p002") | {"version": 4},
        upsert("p000", "Old", rev=4),
        upsert("p001", "New", price=1, rev=7),
    )
    exact.work()
    found = products(exact.deployment)
    assert found["p001"] == {
        "title": "New", "price_minor": 900, "record_version": 7, "field_versions": {"price_minor": 9, "currency": 9}
    }  # fmt: skip
    assert found["p000"]["title"] == "Lamp 0"
    assert "p002" in found
    assert counts(exact, job, "done", "stale") == {"done": 2, "stale": 3}


# ---------------------------------------------------------------- replay


def test_dead_letters_are_sent_again_at_their_old_versions(exact: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    index_shop(exact.deployment, rows(3))
    send(exact, update("p900", price=7), update("p901", price=7))
    exact.work()
    assert len(letters(exact)) == 2
    send(exact, upsert("p900", "Came later", price=1))
    exact.work()
    job = Submitter(exact.deployment).replay(letters(exact))
    assert letters(exact) == []
    exact.work()
    assert counts(exact, job, "done", "stale", "failed") == {"done": 0, "stale": 1, "failed": 1}
    assert products(exact.deployment)["p900"]["price_minor"] == 100  # the update was older than the product
    [letter] = letters(exact)
    assert (letter.item.id, letter.tries, letter.item.tries) == ("p901", 3, 0)


def test_there_must_be_something_to_replay(exact: Bench) -> None:
    with pytest.raises(NotFound, match="no dead letter to replay"):
        Submitter(exact.deployment).replay([])


def test_a_row_without_a_version_is_replayed_at_that_of_its_build(exact: Bench) -> None:
    live = index_shop(exact.deployment, rows(1))
    build = exact.deployment.jobs.create(JobKind.INDEX, {})
    exact.deployment.jobs.set(build.id, unversioned=77)
    put(exact, RowItem(id="p900", row={"id": "p900"}), index=live, job=build)
    exact.work()
    [letter] = letters(exact)
    assert letter.item.version == 77  # type: ignore[union-attr]


def test_upserts_and_deletes_go_to_the_queue_that_fits(exact: Bench) -> None:
    index_shop(exact.deployment, rows(1))
    send(exact, upsert("p100", "New"), delete("p000"), update("p100", price=2))
    assert exact.deployment.batches.sizes("index")["waiting"] == 1
    assert exact.deployment.batches.sizes("changes")["waiting"] == 1
    assert sorted(batch.partition("/")[0] for _, batch in exact.announced) == ["changes", "index"]


def test_a_write_is_an_upsert_for_a_row(exact: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row replaces all fields: what the catalogue no longer says is gone."""
    index_shop(exact.deployment, rows(1))
    seen: list[Write] = []
    with exact.deployment.engine() as engine:
        write = engine.write
        monkeypatch.setattr(
            engine, "write", lambda writes, *, index: write((seen.append(one) or one for one in writes), index=index)
        )
        send(exact, upsert("p000", "New"))
        exact.work()
    assert [type(one) for one in seen] == [Upsert]
    assert products(exact.deployment)["p000"].keys() == {"title", "record_version"}


def test_waiting_for_an_end_fails_in_time() -> None:
    with pytest.raises(AssertionError, match="in time"):
        eventually(lambda: False, wait_s=0.0)
