"""The sweep: what was left by the dead, forgotten by the broker or not yet visible is found."""

from __future__ import annotations

import pytest

from multirecall.core.errors import EngineUnavailable, NotFound, StoreUnavailable
from multirecall.engines.base import Delete
from multirecall.workers.housekeeping import prune
from multirecall.workers.store.job import JobKind
from multirecall.workers.submitting import Submitter
from multirecall.workers.sweeping import Sweeper
from tests.integration.workers.shop import index_shop, rows
from tests.support.deployments import Bench, eventually

pytestmark = pytest.mark.integration


@pytest.fixture
def bench(exact: Bench) -> Bench:
    """With an index, and a rest of half a second between two announcements."""
    index_shop(exact.deployment, rows(4))
    exact.with_options(announce_again_s=60.0)
    return exact


def send(bench: Bench) -> str:
    Submitter(bench.deployment).send([{"op": "update", "id": "p001", "fields": {"price": 7}}])
    [[what, batch]] = bench.announced
    assert what == "batch"
    bench.announced.clear()
    return batch


def test_what_was_just_told_is_not_told_again(bench: Bench) -> None:
    send(bench)
    Sweeper(bench.deployment).sweep()
    assert bench.announced == []


def test_messages_do_not_pile_up_where_nobody_takes_them(bench: Bench) -> None:
    batch = send(bench)
    bench.with_options(announce_again_s=0.0)
    lengths = {"changes": 500, "index": 0}
    bench.deployment.backlog = lengths.get
    Sweeper(bench.deployment).sweep()
    assert bench.announced == []
    lengths["changes"] = 499
    Sweeper(bench.deployment).sweep()
    assert bench.announced == [("batch", batch)]


def test_a_message_that_was_lost_is_sent_again(bench: Bench) -> None:
    batch = send(bench)
    bench.with_options(announce_again_s=0.0)
    Sweeper(bench.deployment).sweep()
    assert bench.announced == [("batch", batch)]


def test_a_batch_whose_worker_died_is_told_to_others(bench: Bench) -> None:
    batch = send(bench)
    bench.with_options(lease_s=0.02)
    assert bench.deployment.batches.lease(batch, "dead") is not None
    sweeper = Sweeper(bench.deployment)

    def told() -> bool:
        sweeper.sweep()
        return bench.announced == [("batch", batch)]

    eventually(told)


def test_a_job_without_a_driver_is_told_once_in_a_while_by_all_sweepers_together(bench: Bench) -> None:
    job = bench.deployment.jobs.create(JobKind.INDEX, {})
    for _ in range(3):
        Sweeper(bench.deployment).sweep()
    assert bench.announced == [("job", job.id)]
    assert bench.deployment.jobs.take(job.id, "mine", 30.0)
    bench.with_options(announce_again_s=0.001)
    Sweeper(bench.deployment).sweep()
    assert len(bench.announced) == 1


def test_written_changes_become_visible(bench: Bench) -> None:
    send(bench)
    bench.work()
    with bench.deployment.engine() as engine:
        assert engine.fetch(["p001"], ["price_minor"]) == [{"price_minor": 100}]
        Sweeper(bench.deployment).sweep()
        assert engine.fetch(["p001"], ["price_minor"]) == [{"price_minor": 700}]
    assert bench.deployment.unrefreshed.marks() == {}


def test_an_index_that_is_gone_needs_no_refresh(bench: Bench) -> None:
    bench.deployment.unrefreshed.mark("shop-000009")
    Sweeper(bench.deployment).sweep()
    assert bench.deployment.unrefreshed.marks() == {}


def test_an_engine_that_does_not_refresh_is_trouble_until_it_does(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.with_options(sweep_s=0.001)
    send(bench)
    bench.work()
    with bench.deployment.engine() as engine, monkeypatch.context() as broken:

        def gone(*, index: str | None = None) -> None:
            raise EngineUnavailable("no answer")

        broken.setattr(engine, "refresh", gone)
        with pytest.raises(EngineUnavailable):
            Sweeper(bench.deployment).sweep()
    assert bench.deployment.trouble.now() is not None
    sweeper = Sweeper(bench.deployment)

    def over() -> bool:
        sweeper.sweep()
        return bench.deployment.trouble.now() is None

    eventually(over)
    assert bench.deployment.unrefreshed.marks() == {}


def test_the_thread_goes_on_whatever_fails(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.with_options(sweep_s=0.001)
    sweeper = Sweeper(bench.deployment)
    swept: list[int] = []

    def failing() -> None:
        swept.append(1)
        if len(swept) == 1:
            raise StoreUnavailable("away")
        if len(swept) == 2:
            raise RuntimeError("a bug")

    monkeypatch.setattr(sweeper, "sweep", failing)
    sweeper.start()
    eventually(lambda: len(swept) > 3)
    sweeper.stop()
    count = len(swept)
    assert sweeper._thread is not None
    assert not sweeper._thread.is_alive()
    assert len(swept) == count


@pytest.fixture
def deleted(bench: Bench) -> Bench:
    Submitter(bench.deployment).send([{"op": "delete", "id": "p001"}])
    bench.work()
    with bench.deployment.engine() as engine:
        engine.refresh()
    return bench


def test_old_tombstones_are_pruned_and_young_ones_kept(deleted: Bench) -> None:
    assert prune(deleted.deployment) == 0
    deleted.with_options(keep_tombstones_s=0.0)
    assert prune(deleted.deployment) == 1
    assert prune(deleted.deployment) in (0, 1)  # as of the last refresh


def test_an_index_whose_tombstones_cannot_be_pruned_keeps_no_other_from_it(
    exact: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = index_shop(exact.deployment, rows(2))
    index_shop(exact.deployment, rows(2))
    exact.with_options(keep_tombstones_s=0.0)
    with exact.deployment.engine() as engine:
        for info in engine.indexes():
            assert all(one.ok for one in engine.write([Delete(id="p001", version=3)], index=info.name))
            engine.refresh(index=info.name)
        pruned = engine.prune_deleted

        def gone(older_than_s: float, *, index: str | None = None) -> int:
            if index == first:
                raise NotFound("dropped since")
            return pruned(older_than_s, index=index)

        monkeypatch.setattr(engine, "prune_deleted", gone)
        assert prune(exact.deployment) == 1


def test_pruning_waits_for_an_engine_that_is_away(deleted: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise EngineUnavailable("no answer")

    deleted.deployment.close()
    deleted.deployment.open_engine = away  # type: ignore[assignment]
    assert prune(deleted.deployment) == 0
