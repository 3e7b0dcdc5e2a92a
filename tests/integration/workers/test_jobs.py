"""Jobs in Redis: made, driven by one, ended, resumed, forgotten."""

from __future__ import annotations

from typing import Any

import pytest

from multirecall.core.errors import InvalidInput, NotFound
from multirecall.indexer.items import DeleteItem
from multirecall.workers.store.batches import Batch, BatchStore
from multirecall.workers.store.connection import Connection
from multirecall.workers.store.job import Job, JobKind, JobState
from multirecall.workers.store.jobs import JobStore
from multirecall.workers.store.targets import Targets
from tests.support.deployments import eventually

pytestmark = pytest.mark.integration


@pytest.fixture
def jobs(connection: Connection) -> JobStore:
    return JobStore(connection)


def settle(jobs: JobStore, job: Job, **counts: float) -> Job:
    jobs.add(job.id, **counts)
    return jobs.get(job.id)


def test_a_job_is_queued_with_what_was_asked(jobs: JobStore, connection: Connection) -> None:
    before = connection.time_s()
    job = jobs.create(JobKind.REBUILD, {"sources": ["/a b"], "force": False})
    assert job.id.startswith("rebuild-")
    assert (job.kind, job.state, job.spec) == (JobKind.REBUILD, JobState.QUEUED, {"sources": ["/a b"], "force": False})
    assert before <= job.made_at <= connection.time_s()
    assert (job.settled, job.share, job.left_s, job.rate_per_s, job.unversioned) == (0, None, None, 0.0, None)
    assert jobs.get(job.id) == job


def test_there_is_no_other_job(jobs: JobStore) -> None:
    with pytest.raises(NotFound, match="no job 'nothing'") as caught:
        jobs.get("nothing")
    assert "jobs list" in caught.value.hint
    for act in (jobs.cancel, jobs.resume):
        with pytest.raises(NotFound):
            act("nothing")


def test_the_latest_come_first(jobs: JobStore) -> None:
    made = [jobs.create(JobKind.INDEX, {"n": n}).id for n in range(5)]
    assert [job.id for job in jobs.latest(size=3)] == made[:1:-1]
    assert [job.spec["n"] for job in jobs.latest()] == [4, 3, 2, 1, 0]


def test_values_and_counts_are_kept_as_they_are(jobs: JobStore) -> None:
    job = jobs.create(JobKind.INDEX, {})
    jobs.set(job.id, stage="filling", index="shop-000002", verdict={"passed": True}, unversioned=7, filled=1)
    found = settle(jobs, job, done=3, stale=2, failed=1, retried=4, encoding_s=0.5)
    assert (found.stage, found.index, found.verdict, found.unversioned, found.filled) == (
        "filling", "shop-000002", {"passed": True}, 7, True
    )  # fmt: skip
    assert found.settled == 6
    assert found.to_dict()["seconds"] == {"encoding_s": 0.5, "writing_s": 0.0}


def test_jobs_that_are_over_are_forgotten_beyond_the_latest(connection: Connection) -> None:
    few = JobStore(connection, keep=3)
    made = [few.create(JobKind.INDEX, {}) for _ in range(3)]
    few.end(made[0].id, JobState.DONE)
    few.cancel(made[2].id)
    for _ in range(3):
        few.create(JobKind.INDEX, {})
    left = [job.id for job in few.latest()]
    assert made[0].id not in left
    assert made[1].id in left  # it is not over
    assert len(left) == 4
    with pytest.raises(NotFound):
        few.get(made[0].id)


# ---------------------------------------------------------------- shares and rates


@pytest.mark.parametrize(
    ("values", "share"),
    [
        ({"stage": "filling", "planned": 50, "done": 25}, None),  # nobody knows how much is still to come
        ({"stage": "filling", "planned": 50, "done": 25, "bytes_read": 50, "bytes_total": 100}, 0.25),
        ({"stage": "writing", "planned": 50, "done": 20, "stale": 4, "failed": 1}, 0.5),
        ({"stage": "writing", "planned": 50, "done": 60}, 1.0),
        ({"stage": "preparing"}, None),
        ({"state": "done", "planned": 50}, 1.0),
    ],
)
def test_the_share_follows_what_is_known(jobs: JobStore, values: dict[str, Any], share: float | None) -> None:
    job = jobs.create(JobKind.INDEX, {})
    jobs.set(job.id, **values)
    assert jobs.get(job.id).share == share


def test_rate_and_time_left_follow_from_the_share(jobs: JobStore) -> None:
    job = jobs.create(JobKind.INDEX, {})
    jobs.set(job.id, stage="writing", planned=400, done=100, started_at=1000.0, changed_at=1010.0)
    found = jobs.get(job.id)
    assert (found.rate_per_s, found.left_s) == (10.0, 30.0)
    jobs.set(job.id, state="done", ended_at=1020.0, done=400)
    found = jobs.get(job.id)
    assert (found.rate_per_s, found.left_s) == (20.0, None)


# ---------------------------------------------------------------- changes


def test_changes_are_over_when_all_that_was_sent_is_settled(jobs: JobStore) -> None:
    job = jobs.create(JobKind.CHANGES, {})
    assert jobs.get(job.id).state is JobState.RUNNING
    settle(jobs, job, planned=3, done=3)
    assert jobs.get(job.id).state is JobState.RUNNING  # more may be sent
    jobs.set(job.id, closed=1, changed_at=5.0)
    found = jobs.get(job.id)
    assert (found.state, found.ended_at) == (JobState.DONE, 5.0)
    with pytest.raises(InvalidInput, match="done already"):
        jobs.cancel(job.id)


def test_changes_need_no_driver(jobs: JobStore) -> None:
    job = jobs.create(JobKind.CHANGES, {})
    jobs.cancel(job.id)
    jobs.resume(job.id)
    assert jobs.without_driver() == []


# ---------------------------------------------------------------- cancel and resume


def test_cancel_and_resume(jobs: JobStore) -> None:
    job = jobs.create(JobKind.INDEX, {})
    jobs.set(job.id, stage="filling", batches=3, index="shop-000002")
    found = jobs.cancel(job.id)
    assert (found.state, found.ended_at > 0) == (JobState.CANCELLED, True)
    assert jobs.without_driver() == []
    with pytest.raises(InvalidInput, match="cancelled already"):
        jobs.cancel(job.id)
    found = jobs.resume(job.id)
    assert (found.state, found.ended_at, found.index, found.counts["batches"]) == (JobState.QUEUED, 0, "shop-000002", 3)
    assert jobs.without_driver() == [job.id]
    with pytest.raises(InvalidInput, match="only a failed or cancelled one"):
        jobs.resume(job.id)


def test_a_failed_job_is_resumed_without_its_error(jobs: JobStore) -> None:
    job = jobs.create(JobKind.INDEX, {})
    jobs.end(job.id, JobState.FAILED, error={"message": "disk full"})
    assert jobs.get(job.id).error == {"message": "disk full"}
    assert jobs.resume(job.id).error is None


# ---------------------------------------------------------------- driving


def test_one_drives_a_job_until_it_lets_go(jobs: JobStore) -> None:
    job = jobs.create(JobKind.INDEX, {})
    assert jobs.without_driver() == [job.id]
    assert jobs.take(job.id, "mine", 30.0)
    assert not jobs.take(job.id, "theirs", 30.0)
    assert jobs.without_driver() == []
    assert jobs.set_driven(job.id, "mine", stage="filling", verdict={"passed": False})
    assert not jobs.set_driven(job.id, "theirs", stage="swapping")
    assert (jobs.get(job.id).stage, jobs.get(job.id).verdict) == ("filling", {"passed": False})
    jobs.let_go(job.id, "theirs")
    assert jobs.without_driver() == []
    jobs.let_go(job.id, "mine")
    assert jobs.without_driver() == [job.id]
    assert not jobs.keep_driving(job.id, "mine", 30.0)
    assert not jobs.set_driven(job.id, "mine", stage="swapping")


def test_a_driver_that_is_silent_loses_the_job(jobs: JobStore) -> None:
    job = jobs.create(JobKind.INDEX, {})
    assert jobs.take(job.id, "slow", 0.02)
    eventually(lambda: jobs.take(job.id, "quick", 30.0))
    assert not jobs.keep_driving(job.id, "slow", 30.0)
    assert not jobs.set_driven(job.id, "slow", stage="swapping")
    jobs.let_go(job.id, "slow")
    assert jobs.keep_driving(job.id, "quick", 30.0)


def test_a_driver_that_renews_keeps_the_job(jobs: JobStore, connection: Connection) -> None:
    job = jobs.create(JobKind.INDEX, {})
    jobs.take(job.id, "mine", 1.0)
    assert jobs.keep_driving(job.id, "mine", 60.0)
    with connection.client() as client:
        assert client.pttl(connection.key("driver", job.id)) > 30_000


def test_what_is_over_needs_no_driver(jobs: JobStore) -> None:
    for state in (JobState.DONE, JobState.FAILED, JobState.CANCELLED):
        jobs.end(jobs.create(JobKind.INDEX, {}).id, state)
    assert jobs.without_driver() == []


# ---------------------------------------------------------------- forgetting


def test_a_job_that_was_half_forgotten_hinders_nobody(connection: Connection) -> None:
    few = JobStore(connection, keep=1)
    lost = few.create(JobKind.INDEX, {})
    with connection.client() as client:
        client.delete(connection.key("job", lost.id))
    made = [few.create(JobKind.INDEX, {}).id for _ in range(3)]
    assert [job.id for job in few.latest()] == made[::-1]
    with connection.client() as client:
        assert client.zscore(connection.key("jobs"), lost.id) is None
    assert lost.id not in few.without_driver()


def test_a_store_that_refuses_to_forget_hinders_no_new_job(connection: Connection) -> None:
    few = JobStore(connection, keep=1)
    with connection.client() as client:
        client.set(connection.key("targets"), "no hash")
    made = [few.create(JobKind.INDEX, {}).id for _ in range(3)]
    assert [job.id for job in few.latest()] == made[::-1]


def test_jobs_that_may_be_resumed_are_not_forgotten(connection: Connection) -> None:
    few = JobStore(connection, keep=1)
    batches = BatchStore(connection, max_waiting=4, lease_s=30.0)
    building, parked, over = (few.create(JobKind.INDEX, {}).id for _ in range(3))
    Targets(connection).add("shop-000002", building)
    batches.put(Batch(id=f"index/{parked}/a", job=parked, queue="index", index="i", items=(DeleteItem(id="1"),)))
    for one in (building, parked, over):
        few.end(one, JobState.FAILED)
    lease = batches.lease(f"index/{parked}/a", "mine")
    assert lease is not None
    assert batches.park(lease)
    few.create(JobKind.INDEX, {})
    few.create(JobKind.INDEX, {})
    left = {job.id for job in few.latest()}
    assert {building, parked} < left
    assert over not in left


def test_old_jobs_are_forgotten_behind_however_many_that_are_not_over(connection: Connection) -> None:
    many = JobStore(connection, keep=1000)
    old = many.create(JobKind.INDEX, {}).id
    many.end(old, JobState.DONE)
    for _ in range(130):
        many.create(JobKind.INDEX, {})
    JobStore(connection, keep=1).create(JobKind.INDEX, {})
    with pytest.raises(NotFound):
        many.get(old)
    assert len(many.latest(size=200)) == 131


def test_changes_whose_sender_was_killed_are_over_after_an_hour(jobs: JobStore, connection: Connection) -> None:
    job = jobs.create(JobKind.CHANGES, {})
    settle(jobs, job, planned=3, done=2)
    jobs.set(job.id, changed_at=connection.time_s() - 3700)
    assert jobs.get(job.id).state is JobState.RUNNING  # something is left to do
    settle(jobs, job, done=1)
    assert jobs.get(job.id).state is JobState.DONE
    jobs.set(job.id, changed_at=connection.time_s() - 3500)
    assert jobs.get(job.id).state is JobState.RUNNING


def test_a_job_ends_once_and_only_by_whoever_drives_it(jobs: JobStore) -> None:
    job = jobs.create(JobKind.INDEX, {})
    assert jobs.take(job.id, "driver", 30.0)
    assert not jobs.end(job.id, JobState.DONE, token="another")
    assert jobs.without_driver() == []
    assert jobs.end(job.id, JobState.FAILED, token="driver", error={"message": "disk full"})
    jobs.resume(job.id)
    jobs.cancel(job.id)
    assert not jobs.end(job.id, JobState.DONE, token="driver")  # it did not notice that
    assert jobs.get(job.id).state is JobState.CANCELLED
    jobs.resume(job.id)
    jobs.let_go(job.id, "driver")
    assert not jobs.end(job.id, JobState.FAILED, token="driver")
    assert (jobs.get(job.id).state, jobs.without_driver()) == (JobState.QUEUED, [job.id])
