"""Every script of the batch store: one step each, and nothing of it for whoever lost the lease."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from multirecall.core.errors import Backpressure, InvalidInput
from multirecall.indexer.items import CopyItem, DeleteItem, Item, RowItem, UpdateItem
from multirecall.workers.store.batches import Batch, BatchStore, Lease, Settlement, Successor
from multirecall.workers.store.connection import Connection
from multirecall.workers.store.dead_letters import DeadLetter, DeadLetters
from multirecall.workers.store.job import JobKind
from multirecall.workers.store.jobs import JobStore
from tests.support.deployments import eventually

pytestmark = pytest.mark.integration

ITEMS: tuple[Item, ...] = (
    RowItem(id="1", row={"id": 1, "title": "Lämpchen 💡", "tags": ["a", None, 1.5]}, version=3, file="c.csv", number=7),
    CopyItem(id="2", record={"title": "x"}, record_version=4, field_versions={"price_minor": 6}),
    UpdateItem(id="3", fields={"price_minor": None}, version=0, tries=2),
    DeleteItem(id="4", version=2**63 - 1),
)


@pytest.fixture
def store(connection: Connection) -> BatchStore:
    return BatchStore(connection, max_waiting=4, lease_s=30.0)


@pytest.fixture
def jobs(connection: Connection) -> JobStore:
    return JobStore(connection)


@pytest.fixture
def job(jobs: JobStore) -> str:
    return jobs.create(JobKind.CHANGES, {}).id


def batch(job: str, name: str = "a", *, queue: str = "changes", items: tuple[Item, ...] = ITEMS) -> Batch:
    return Batch(id=f"{queue}/{job}/{name}", job=job, queue=queue, index="", items=items)


def leased(store: BatchStore, id: str, token: str = "mine") -> Lease:
    lease = store.lease(id, token)
    assert lease is not None
    return lease


def sizes(store: BatchStore, queue: str = "changes") -> tuple[int, int, int]:
    found = store.sizes(queue)
    return found["waiting"], found["leased"], found["delayed"]


def keys(connection: Connection) -> set[str]:
    with connection.client() as client:
        return {key.decode().removeprefix(connection.key("")) for key in client.scan_iter(match=connection.key("*"))}


def expiring(store: BatchStore) -> BatchStore:
    """The same store, with leases that end nearly at once."""
    return BatchStore(store._connection, max_waiting=store.max_waiting, lease_s=0.02)


# ---------------------------------------------------------------- put and lease


def test_a_batch_is_leased_with_all_that_was_put(store: BatchStore, jobs: JobStore, job: str) -> None:
    put = batch(job)
    assert store.put(put)
    assert sizes(store) == (1, 0, 0)
    assert leased(store, put.id).batch == put
    assert sizes(store) == (0, 1, 0)
    counts = jobs.get(job).counts
    assert (counts["planned"], counts["batches"]) == (len(ITEMS), 1)


@pytest.mark.parametrize("value", ["\ud800", 12345678901234567890123])
def test_what_is_hardly_json_arrives_too(store: BatchStore, job: str, value: object) -> None:
    put = batch(job, items=(RowItem(id="1", row={"title": value}),))
    store.put(put)
    assert leased(store, put.id).batch.items == put.items


def test_a_batch_is_put_once(store: BatchStore, jobs: JobStore, job: str) -> None:
    assert store.put(batch(job))
    assert not store.put(batch(job))
    assert sizes(store) == (1, 0, 0)
    assert jobs.get(job).counts["planned"] == len(ITEMS)


def test_a_full_queue_takes_nothing_and_says_so(store: BatchStore, jobs: JobStore, job: str) -> None:
    for name in "abcd":
        store.put(batch(job, name))
    leased(store, f"changes/{job}/a")
    lease = leased(store, f"changes/{job}/b")
    store.release(lease, delay_s=60.0, trouble=False)
    assert sizes(store) == (2, 1, 1)  # waiting, leased and delayed ones count alike
    with pytest.raises(Backpressure, match="4 batches wait in queue 'changes'") as caught:
        store.put(batch(job, "e"))
    assert caught.value.data == {"queue": "changes", "retry_after_s": 1.0}
    assert jobs.get(job).counts["planned"] == 4 * len(ITEMS)
    assert store.put(batch(job, "e", queue="index"))  # another queue has its own room
    assert not store.put(batch(job, "a"))  # known, so not too many
    store.finish(leased(store, f"changes/{job}/c"), Settlement())
    assert store.put(batch(job, "e"))


def test_a_batch_is_leased_to_one_at_a_time(store: BatchStore, job: str) -> None:
    store.put(batch(job))
    leased(store, batch(job).id)
    assert store.lease(batch(job).id, "theirs") is None
    again = store.lease(batch(job).id, "mine")  # the answer was lost, and the client asked again
    assert again is not None
    assert again.batch.losses == 0


def test_only_one_of_many_threads_gets_a_batch(store: BatchStore, job: str) -> None:
    for name in "abcd":
        store.put(batch(job, name))
    got: list[str] = []
    start = threading.Barrier(8)

    def worker(token: str) -> None:
        start.wait()
        got.extend(lease.batch.id for name in "abcd" if (lease := store.lease(batch(job, name).id, token)))

    threads = [threading.Thread(target=worker, args=(str(n),)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [batch(job, name).id for name in "abcd"]


def test_what_is_not_there_is_not_leased(store: BatchStore, job: str) -> None:
    assert store.lease(f"changes/{job}/nothing", "mine") is None
    for wrong in ("nonsense", "", "jobs/1/2"):
        with pytest.raises(InvalidInput, match="No batch id"):
            store.lease(wrong, "mine")


# ---------------------------------------------------------------- leases that end


def test_a_lease_that_ended_is_another_workers(store: BatchStore, job: str) -> None:
    store.put(batch(job))
    lost = leased(expiring(store), batch(job).id, "slow")
    found: list[Lease] = []

    def steal() -> bool:
        found.extend(lease for lease in [store.lease(batch(job).id, "quick")] if lease)
        return bool(found)

    eventually(steal)
    assert found[0].batch.losses == 1  # the first worker said nothing
    assert found[0].batch.crashes == 0
    assert not store.renew(lost)
    assert not store.release(lost, delay_s=0.0, trouble=True)
    assert not store.park(lost)
    letter = DeadLetter(id="x", item=ITEMS[0], error="", tries=1, job=job, index="")
    after = Successor(id=f"changes/{job}/next", items=ITEMS, delay_s=0.0)
    assert not store.finish(lost, Settlement(counts={"done": 4}, dead=[letter], successors=[after]))
    assert sizes(store) == (0, 1, 0)
    assert len(DeadLetters(store._connection)) == 0
    assert JobStore(store._connection).get(job).counts["done"] == 0
    assert store.finish(found[0], Settlement(counts={"done": 4}))
    assert sizes(store) == (0, 0, 0)


def test_a_renewed_lease_stays(store: BatchStore, job: str) -> None:
    store.put(batch(job))
    lease = leased(expiring(store), batch(job).id)
    assert store.renew(lease)  # for the 30 s of this store
    pause = threading.Event()
    pause.wait(0.05)
    assert store.lease(batch(job).id, "theirs") is None
    assert store.sweep("changes", announce_again_s=0.0) == []


def test_the_sweep_tells_of_leases_that_ended(store: BatchStore, job: str) -> None:
    store.put(batch(job))
    leased(expiring(store), batch(job).id)
    eventually(lambda: store.sweep("changes", announce_again_s=60.0) == [batch(job).id])
    assert sizes(store) == (1, 0, 0)
    assert leased(store, batch(job).id).batch.losses == 1


def test_a_death_that_was_seen_ends_the_lease_of_that_process_only(store: BatchStore, job: str) -> None:
    store.put(batch(job))
    leased(store, batch(job).id, "host/12/token")
    assert not store.crashed(batch(job).id, "host/1/", delay_s=0.0)
    assert not store.crashed(f"changes/{job}/other", "host/12/", delay_s=0.0)
    assert store.crashed(batch(job).id, "host/12/", delay_s=0.0)
    assert not store.crashed(batch(job).id, "host/12/", delay_s=0.0)  # once
    assert sizes(store) == (0, 0, 1)
    eventually(lambda: store.sweep("changes", announce_again_s=60.0) == [batch(job).id])
    again = leased(store, batch(job).id).batch
    assert (again.crashes, again.losses) == (1, 0)


def test_only_the_driver_of_a_job_puts_its_batches_each_once(store: BatchStore, jobs: JobStore, job: str) -> None:
    assert jobs.take(job, "me", 30.0)
    assert store.put(batch(job, "a"), driver="me", number=0)
    store.finish(leased(store, f"changes/{job}/a"), Settlement())
    assert not store.put(batch(job, "a"), driver="me", number=0)  # sent again: the first answer was lost
    assert not store.put(batch(job, "b"), driver="other", number=1)  # has been replaced
    assert not store.put(batch(job, "c"), driver="me", number=2)  # the store has lost one
    assert jobs.get(job).counts["batches"] == 1
    assert store.put(batch(job, "b"), driver="me", number=1)


@pytest.mark.parametrize("back", ["renew", "finish", "release", "park"])
def test_who_comes_back_after_the_sweep_has_lost_the_batch(store: BatchStore, job: str, back: str) -> None:
    """Otherwise its id would lie in two sets, and stay in one of them for ever when the batch is done."""
    store.put(batch(job))
    late = leased(expiring(store), batch(job).id, "slow")
    eventually(lambda: store.sweep("changes", announce_again_s=60.0))
    came_back = {
        "renew": lambda: store.renew(late),
        "finish": lambda: store.finish(late, Settlement(counts={"done": 4})),
        "release": lambda: store.release(late, delay_s=0.0, trouble=True),
        "park": lambda: store.park(late),
    }
    assert not came_back[back]()
    assert sizes(store) == (1, 0, 0)
    assert store.finish(leased(store, batch(job).id, "quick"), Settlement(counts={"done": 4}))
    assert sizes(store) == (0, 0, 0)
    assert JobStore(store._connection).get(job).counts["done"] == 4


def test_a_lease_of_a_batch_that_was_dropped_changes_nothing(store: BatchStore, job: str) -> None:
    store.put(batch(job))
    lease = leased(store, batch(job).id)
    assert store.drop_job(job) == 1
    assert not store.renew(lease)
    assert not store.finish(lease, Settlement(counts={"done": 4}))
    assert JobStore(store._connection).get(job).counts["done"] == 0


# ---------------------------------------------------------------- release and park


@pytest.mark.parametrize("trouble", [True, False])
def test_a_released_batch_comes_back_after_its_delay(store: BatchStore, job: str, trouble: bool) -> None:
    store.put(batch(job))
    lease = leased(store, batch(job).id)
    assert store.release(lease, delay_s=0.03, trouble=trouble)
    assert sizes(store) == (0, 0, 1)
    assert store.lease(batch(job).id, "early") is None
    eventually(lambda: store.sweep("changes", announce_again_s=60.0) == [batch(job).id])
    again = leased(store, batch(job).id, "another").batch
    assert (again.crashes, again.troubles, again.items) == (0, int(trouble), ITEMS)
    assert not store.finish(lease, Settlement())  # that lease was given back


def test_parked_batches_wait_for_their_job_alone(store: BatchStore, jobs: JobStore, job: str) -> None:
    other = jobs.create(JobKind.CHANGES, {}).id
    for one in (batch(job), batch(job, "i", queue="index"), batch(other)):
        store.put(one)
    for one in (job, other):
        jobs.cancel(one)
    for put in (batch(job), batch(job, "i", queue="index"), batch(other)):
        assert store.park(leased(store, put.id))
    assert sizes(store) == (0, 0, 0)
    assert store.sweep("changes", announce_again_s=0.0) == []
    assert store.lease(batch(job).id, "mine") is None
    assert sorted(store.of_job(job)) == [batch(job).id, batch(job, "i", queue="index").id]
    assert store.unpark(job) == 2
    assert store.unpark(job) == 0
    assert store.sweep("changes", announce_again_s=60.0) == [batch(job).id]
    assert store.sweep("index", announce_again_s=60.0) == [batch(job, "i", queue="index").id]
    assert leased(store, batch(job).id).batch.crashes == 0


def test_dropping_a_job_drops_its_batches_wherever_they_are(
    store: BatchStore, connection: Connection, jobs: JobStore, job: str
) -> None:
    other = jobs.create(JobKind.CHANGES, {}).id
    store.put(batch(other))
    for name in "abc":
        store.put(batch(job, name))
    leased(store, batch(job, "a").id)
    jobs.cancel(job)
    store.park(leased(store, batch(job, "b").id))
    store.put(batch(job, "d", queue="index"))
    store.release(leased(store, batch(job, "d", queue="index").id), delay_s=60.0, trouble=False)
    assert store.drop_job(job) == 4
    assert store.of_job(job) == []
    assert store.of_job(other) == [batch(other).id]
    assert not any(key.startswith(f"batch:changes/{job}") for key in keys(connection))


# ---------------------------------------------------------------- the end of a batch


def test_counts_dead_letters_and_successors_come_with_the_end(
    store: BatchStore, connection: Connection, jobs: JobStore, job: str
) -> None:
    put = Batch(id=f"changes/{job}/a", job=job, queue="changes", index="shop-000002", items=ITEMS)
    store.put(put)
    letters = [
        DeadLetter(id=f"d{n}", item=ITEMS[n], error=f"too red {n}", tries=n, job=job, index="shop-000001")
        for n in range(2)
    ]
    after = [
        Successor(id=f"changes/{job}/b", items=ITEMS[2:3], delay_s=0.0),
        Successor(id=f"changes/{job}/c", items=ITEMS[3:], delay_s=60.0, crashes=2),
    ]
    counts: dict[str, Any] = {"done": 1, "failed": 2, "retried": 2, "encoding_s": 0.25}
    assert store.finish(leased(store, put.id), Settlement(counts=counts, dead=letters, successors=after))
    assert not any(key == f"batch:{put.id}" for key in keys(connection))
    assert sizes(store) == (0, 0, 2)
    found = jobs.get(job)
    assert {name: found.counts[name] for name in ("done", "failed", "retried")} == {
        "done": 1,
        "failed": 2,
        "retried": 2,
    }
    assert found.seconds["encoding_s"] == 0.25
    assert found.changed_at > 0
    assert [(one.id, one.item, one.error, one.tries) for one in DeadLetters(connection).page()] == [
        (one.id, one.item, one.error, one.tries) for one in letters
    ]
    assert store.sweep("changes", announce_again_s=60.0) == [after[0].id]
    next_batch = leased(store, after[0].id).batch
    assert next_batch == Batch(id=after[0].id, job=job, queue="changes", index="shop-000002", items=ITEMS[2:3])


def test_the_counts_of_all_jobs_add_up(store: BatchStore, connection: Connection, jobs: JobStore, job: str) -> None:
    for one in (job, jobs.create(JobKind.CHANGES, {}).id):
        store.put(batch(one))
        store.finish(leased(store, batch(one).id), Settlement(counts={"done": 4, "batch_s": 0.5}))
    with connection.client() as client:
        assert {k: float(v) for k, v in client.hgetall(connection.key("counters")).items()} == {
            b"done": 8,
            b"batch_s": 1,
        }


def test_an_end_twice_counts_once(store: BatchStore, jobs: JobStore, job: str) -> None:
    store.put(batch(job))
    lease = leased(store, batch(job).id)
    assert store.finish(lease, Settlement(counts={"done": 4}))
    assert not store.finish(lease, Settlement(counts={"done": 4}))
    assert jobs.get(job).counts["done"] == 4


# ---------------------------------------------------------------- the sweep


def test_the_sweep_tells_again_of_what_waits_too_long(store: BatchStore, job: str) -> None:
    for name in "abc":
        store.put(batch(job, name))
    assert store.sweep("changes", announce_again_s=60.0) == []  # just told by who put them
    told = store.sweep("changes", announce_again_s=0.0)
    assert sorted(told) == [batch(job, name).id for name in "abc"]
    assert store.sweep("changes", announce_again_s=60.0) == []
    assert len(store.sweep("changes", announce_again_s=0.0, limit=2)) == 2


# ---------------------------------------------------------------- versions of the clock


def test_versions_rise_and_are_given_once_whatever_thread_asks(store: BatchStore, connection: Connection) -> None:
    before = int(connection.time_s() * 1e6)
    given: list[range] = []
    lock = threading.Lock()

    def ask() -> None:
        for _ in range(20):
            found = store.next_versions(100)
            with lock:
                given.append(found)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    everything = [version for found in given for version in found]
    assert len(set(everything)) == len(everything) == 6 * 20 * 100
    assert min(everything) >= before
    after = store.next_versions(1)[0]
    assert after > max(everything)
    assert after == pytest.approx(connection.time_s() * 1e6, abs=60e6)  # they stay near the time


def test_a_clock_that_was_put_back_does_not_lower_versions(store: BatchStore, connection: Connection) -> None:
    ahead = int(connection.time_s() * 1e6) + 10**12
    with connection.client() as client:
        client.set(connection.key("clock"), ahead)
    assert store.next_versions(3) == range(ahead + 1, ahead + 4)
    assert store.next_versions(1) == range(ahead + 4, ahead + 5)
