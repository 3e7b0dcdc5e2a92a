"""Updates of products that one of several indexes lacks: none is lost, and none is a dead letter that need not be."""

from __future__ import annotations

import pytest

from multirecall.core.errors import InvalidInput
from multirecall.workers import processing
from multirecall.workers.processing import BatchProcessor
from multirecall.workers.store.job import JobKind, JobState
from multirecall.workers.submitting import Submitter
from tests.integration.workers.changing import counts, job_of, letters, send, update, upsert
from tests.integration.workers.shop import index_shop, products, rows
from tests.integration.workers.test_targets import new_target
from tests.support.deployments import Bench

pytestmark = pytest.mark.integration


def test_an_update_that_an_index_being_built_is_not_ready_for_is_kept_for_its_driver(exact: Bench) -> None:
    index_shop(exact.deployment, rows(3))
    target = new_target(exact.deployment, "job")
    job = send(exact, update("p001", price=7), update("p002", price=8))
    exact.work()
    assert counts(exact, job) == {"planned": 2, "done": 2, "stale": 0, "failed": 0}
    assert [item.id for item in exact.deployment.late.first(target)] == ["p001", "p002"]
    assert letters(exact) == []
    exact.deployment.late.drop(target, 1)
    assert [item.id for item in exact.deployment.late.first(target)] == ["p002"]
    exact.deployment.late.drop(target)
    assert exact.deployment.late.first(target) == []


def test_what_an_index_that_served_before_never_had_is_no_dead_letter(exact: Bench) -> None:
    live = index_shop(exact.deployment, rows(3))
    new_target(exact.deployment, "standby")
    job = send(exact, update("p001", price=7))
    exact.work()
    assert counts(exact, job) == {"planned": 1, "done": 1, "stale": 0, "failed": 0}
    assert letters(exact) == []
    assert products(exact.deployment, live)["p001"]["price_minor"] == 700


def test_an_update_waits_for_its_product_however_long_the_other_queue_is(exact: Bench) -> None:
    index_shop(exact.deployment, rows(2))
    exact.with_options(max_tries=2)
    send(exact, upsert("p900", "New", price=1))
    [row_batch] = exact.deployment.batches.sweep("index", announce_again_s=0.0)
    later = send(exact, update("p900", price=7))
    processor = BatchProcessor(exact.deployment)
    while counts(exact, later, "retried")["retried"] < 5:
        for one in exact.deployment.batches.sweep("changes", announce_again_s=0.0):
            processor.process(one)
    assert letters(exact) == []
    processor.process(row_batch)
    exact.work()
    assert products(exact.deployment)["p900"]["price_minor"] == 700
    assert job_of(exact, later).counts["done"] == 1


def test_an_update_of_nothing_is_given_up_once_no_product_is_on_its_way(exact: Bench) -> None:
    index_shop(exact.deployment, rows(2))
    exact.with_options(max_tries=2)
    job = send(exact, update("nobody", price=7))
    exact.work()
    assert counts(exact, job, "failed")["failed"] == 1
    assert [letter.item.id for letter in letters(exact)] == ["nobody"]


# ---------------------------------------------------------------- builds that are over


@pytest.mark.parametrize("state", [JobState.FAILED, JobState.CANCELLED])
def test_for_a_build_that_is_over_updates_are_kept_up_to_a_bound(
    exact: Bench, monkeypatch: pytest.MonkeyPatch, state: JobState
) -> None:
    monkeypatch.setattr(processing, "_MOST_LATE", 2)
    index_shop(exact.deployment, rows(4))
    build = exact.deployment.jobs.create(JobKind.REBUILD, {})
    target = new_target(exact.deployment, build.id)
    exact.deployment.jobs.end(build.id, state)
    send(exact, update("p001", price=7), update("p002", price=7))
    exact.work()
    assert exact.deployment.late.size(target) == 2
    assert exact.deployment.targets.all() == {target: build.id}
    job = send(exact, update("p003", price=7))
    exact.work()
    assert exact.deployment.late.size(target) == 0
    assert exact.deployment.targets.all() == {}
    assert counts(exact, job) == {"planned": 1, "done": 1, "stale": 0, "failed": 0}
    with pytest.raises(InvalidInput, match="changes passed it by") as caught:
        Submitter(exact.deployment).resume(build.id, force=True)
    assert "new job" in caught.value.hint
    assert exact.deployment.jobs.get(build.id).state is state


def test_for_a_build_that_goes_on_all_updates_are_kept(exact: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processing, "_MOST_LATE", 1)
    index_shop(exact.deployment, rows(4))
    build = exact.deployment.jobs.create(JobKind.REBUILD, {})
    target = new_target(exact.deployment, build.id)
    send(exact, *(update(f"p00{n}", price=7) for n in range(4)))
    exact.work()
    assert exact.deployment.late.size(target) == 4
    assert exact.deployment.targets.all() == {target: build.id}
    exact.deployment.late.drop(target, 9)
    exact.deployment.late.drop(target, 9)  # a driver that was replaced
    assert exact.deployment.late.size(target) == 0
