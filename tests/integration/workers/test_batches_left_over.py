"""No batch lies anywhere for ever: neither laid aside, nor unreadable, nor without its job."""

from __future__ import annotations

from typing import Any

import pytest

from multirecall.core.errors import InvalidInput
from multirecall.indexer.items import RowItem, UpdateItem
from multirecall.workers.processing import BatchProcessor
from multirecall.workers.store.job import JobKind, JobState
from multirecall.workers.submitting import Submitter
from tests.integration.workers.changing import counts, job_of, letters, put, send, update
from tests.integration.workers.shop import index_shop, products, rows
from tests.support.deployments import Bench

pytestmark = pytest.mark.integration


def spoil(bench: Bench, batch: str, **values: Any) -> None:
    with bench.deployment.connection.client() as client:
        client.hset(bench.deployment.connection.key("batch", batch), mapping=values)


def forget(bench: Bench, job: str) -> None:
    with bench.deployment.connection.client() as client:
        client.delete(bench.deployment.connection.key("job", job))


# ---------------------------------------------------------------- laid aside


def test_a_batch_that_is_laid_aside_after_its_job_was_resumed_goes_on(exact: Bench) -> None:
    index_shop(exact.deployment, rows(2))
    job = send(exact, update("p001", price=7))
    [batch] = exact.deployment.batches.sweep("changes", announce_again_s=0.0)
    exact.deployment.jobs.cancel(job.id)
    lease = exact.deployment.batches.lease(batch, "slow")  # it has seen the job cancelled
    assert lease is not None
    Submitter(exact.deployment).resume(job.id)
    assert exact.deployment.batches.park(lease)
    assert exact.deployment.batches.sizes("changes")["waiting"] == 1
    exact.work()
    assert counts(exact, job)["done"] == 1


def test_a_resumption_that_was_killed_half_way_is_made_whole_by_another(exact: Bench) -> None:
    index_shop(exact.deployment, rows(2))
    job = send(exact, update("p001", price=7))
    exact.deployment.jobs.cancel(job.id)
    exact.work()
    exact.deployment.jobs.resume(job.id)  # and then it died
    assert exact.busy() == 0
    Submitter(exact.deployment).resume(job.id)
    exact.work()
    assert counts(exact, job)["done"] == 1
    with pytest.raises(InvalidInput, match="only a failed or cancelled one"):
        Submitter(exact.deployment).resume(job.id)


def test_a_job_that_goes_on_and_lacks_nothing_cannot_be_resumed(exact: Bench) -> None:
    job = exact.deployment.jobs.create(JobKind.INDEX, {})
    with pytest.raises(InvalidInput, match="is queued"):
        Submitter(exact.deployment).resume(job.id)


# ---------------------------------------------------------------- unreadable


@pytest.mark.parametrize("payload", [b"", b"nonsense", b"x\x9c\x8b\xae\x05\x00\x01\x15\x00\xb9"])
def test_a_batch_that_cannot_be_read_fails_its_job_and_is_kept(exact: Bench, payload: bytes) -> None:
    index_shop(exact.deployment, rows(2))
    job, batch = put(exact, UpdateItem(id="p001", fields={"price_minor": 700}, version=10**18))
    with exact.deployment.connection.client() as client:
        good = client.hget(exact.deployment.connection.key("batch", batch), "payload")
    spoil(exact, batch, payload=payload)
    exact.work()
    found = job_of(exact, job)
    assert found.state is JobState.FAILED
    assert found.error is not None
    assert "cannot be read" in str(found.error["message"])
    assert exact.deployment.batches.of_job(job.id) == [batch]
    spoil(exact, batch, payload=good)  # workers of the other version are back
    Submitter(exact.deployment).resume(job.id)
    exact.work()
    assert counts(exact, job)["done"] == 1
    assert products(exact.deployment)["p001"]["price_minor"] == 700


def test_the_other_changes_of_its_job_are_applied_all_the_same(exact: Bench) -> None:
    index_shop(exact.deployment, rows(20))
    job = send(exact, *(update(f"p{n:03d}", price=999) for n in range(20)))  # three batches of at most eight
    first = exact.deployment.batches.sweep("changes", announce_again_s=0.0)[0]
    spoil(exact, first, crashes=exact.deployment.options.max_crashes, payload=b"nonsense")
    exact.work()
    assert job_of(exact, job).state is JobState.FAILED
    assert exact.deployment.batches.of_job(job.id) == [first]
    assert counts(exact, job)["done"] == 12
    assert sum(found["price_minor"] == 99900 for found in products(exact.deployment).values()) == 12


def test_a_batch_without_its_payload_ends_no_worker(exact: Bench) -> None:
    job, batch = put(exact, UpdateItem(id="p001", fields={"price_minor": 700}))
    with exact.deployment.connection.client() as client:
        client.hdel(exact.deployment.connection.key("batch", batch), "payload", "job", "crashes")
    exact.work()
    assert job_of(exact, job).state is JobState.FAILED


# ---------------------------------------------------------------- without a job


def test_changes_whose_job_is_gone_become_dead_letters(exact: Bench) -> None:
    index_shop(exact.deployment, rows(2))
    job, batch = put(exact, UpdateItem(id="p001", fields={"price_minor": 700}, version=10**18))
    forget(exact, job.id)
    assert BatchProcessor(exact.deployment).process(batch)
    [letter] = letters(exact)
    assert "is gone" in letter.error
    assert exact.busy() == 0
    with exact.deployment.connection.client() as client:
        assert not client.exists(exact.deployment.connection.key("job", job.id))
    Submitter(exact.deployment).replay([letter])
    exact.work()
    assert products(exact.deployment)["p001"]["price_minor"] == 700


def test_rows_of_a_build_whose_job_is_gone_end(exact: Bench) -> None:
    live = index_shop(exact.deployment, rows(2))
    build = exact.deployment.jobs.create(JobKind.INDEX, {})
    _, batch = put(exact, RowItem(id="1", row={"id": "1", "title": "x"}), index=live, job=build)
    spoil(exact, batch, payload=b"nonsense")
    forget(exact, build.id)
    assert BatchProcessor(exact.deployment).process(batch)
    assert (letters(exact), exact.busy()) == ([], 0)
