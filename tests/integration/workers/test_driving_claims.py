"""Who may build: one job at a time, whatever was killed, forgotten or replaced."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from multirecall.core.errors import EngineBusy, InvalidInput
from multirecall.engines.schema import Schema
from multirecall.workers.claiming import BuildClaim
from multirecall.workers.store.job import Job, JobKind, JobState
from multirecall.workers.submitting import Submitter
from tests.integration.workers.building import STOPPED, catalogue, drive, during, indexes, live, rebuild, start, why
from tests.integration.workers.shop import index_shop, products, rows
from tests.integration.workers.test_targets import new_target
from tests.support.deployments import Bench

pytestmark = pytest.mark.integration


def forget(bench: Bench, job: Job) -> None:
    """As the store does with old jobs."""
    with bench.deployment.connection.client() as client:
        client.delete(bench.deployment.connection.key("job", job.id))


def replace_driver(bench: Bench, job: Job) -> None:
    with bench.deployment.connection.client() as client:
        client.set(bench.deployment.connection.key("driver", job.id), "theirs")


# ---------------------------------------------------------------- the claim


def test_one_job_has_the_claim_until_it_is_over(exact: Bench) -> None:
    first, second = (exact.deployment.jobs.create(JobKind.INDEX, {}) for _ in range(2))
    mine, theirs = BuildClaim(exact.deployment, first.id), BuildClaim(exact.deployment, second.id)
    mine.take()
    mine.take()
    with pytest.raises(InvalidInput, match=f"Job {first.id} builds an index already"):
        theirs.take()
    theirs.release()  # it is not theirs
    exact.deployment.jobs.cancel(first.id)
    theirs.take()
    with pytest.raises(InvalidInput, match=second.id):
        mine.take()
    forget(exact, second)
    mine.take()
    mine.release()
    BuildClaim(exact.deployment, exact.deployment.jobs.create(JobKind.INDEX, {}).id).take()


def test_a_build_that_begins_while_another_makes_its_index_is_refused(
    exact: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = catalogue(tmp_path, rows(5))
    first, second = start(exact, source), start(exact, source)
    with exact.deployment.engine() as engine:
        create, ended = engine.create, []

        def slow(schema: Schema) -> str:
            ended.append(drive(exact, second, worker=False))
            return create(schema)

        monkeypatch.setattr(engine, "create", slow)
        done = drive(exact, first)
        monkeypatch.undo()
    assert f"Job {first.id} builds an index already" in why(ended[0])
    assert (done.state, len(ended)) == (JobState.DONE, 1)
    assert drive(exact, Submitter(exact.deployment).resume(second.id)).state is JobState.DONE


def test_a_build_that_was_cancelled_and_resumed_does_not_go_live_in_anothers_time(exact: Bench) -> None:
    old = index_shop(exact.deployment, rows(5))
    job = rebuild(exact)

    def gate(before: str, after: str) -> None:
        other = exact.deployment.jobs.create(JobKind.REBUILD, {})
        exact.deployment.jobs.cancel(job.id)
        BuildClaim(exact.deployment, other.id).take()
        exact.deployment.jobs.resume(job.id)

    assert "builds an index already" in why(drive(exact, job, gate))
    assert live(exact) == old


# ---------------------------------------------------------------- what was left


def test_a_failed_build_that_is_forgotten_blocks_no_other_and_its_index_goes(exact: Bench) -> None:
    old = index_shop(exact.deployment, rows(5))
    stopped = rebuild(exact)
    drive(exact, stopped, lambda before, after: STOPPED)
    forget(exact, stopped)
    done = drive(exact, rebuild(exact))
    assert (done.state, done.error) == (JobState.DONE, None)
    assert indexes(exact) == [("000001", False), ("000003", True)]
    assert exact.deployment.targets.all() == {old: "standby"}


def test_only_what_builds_that_are_over_left_is_cleared_away(exact: Bench) -> None:
    index_shop(exact.deployment, rows(2))
    running, cancelled, mine = (exact.deployment.jobs.create(JobKind.INDEX, {}) for _ in range(3))
    exact.deployment.jobs.cancel(cancelled.id)
    kept, cleared = new_target(exact.deployment, running.id), new_target(exact.deployment, cancelled.id)
    with exact.deployment.engine() as engine:
        BuildClaim(exact.deployment, mine.id).clear(engine)
    assert exact.deployment.targets.all() == {kept: running.id}
    assert cleared not in exact.deployment.targets.all()


def test_a_live_index_is_no_standby_after_a_swap_that_a_kill_prevented(exact: Bench) -> None:
    old = index_shop(exact.deployment, rows(5))
    exact.deployment.targets.add(old, "standby")
    seen: list[dict[str, str]] = []

    def gate(before: str, after: str) -> None:
        seen.append(exact.deployment.targets.all())

    job = rebuild(exact)
    done = drive(exact, job, gate)
    assert seen == [{done.index: job.id}]
    assert exact.deployment.targets.all() == {old: "standby"}


# ---------------------------------------------------------------- drivers


@pytest.mark.parametrize("fails", [True, False])
def test_a_driver_that_was_replaced_ends_nothing(exact: Bench, fails: bool) -> None:
    index_shop(exact.deployment, rows(5))
    job = rebuild(exact)

    def gate(before: str, after: str) -> None:
        replace_driver(exact, job)
        if fails:
            raise InvalidInput("It broke.")

    half = drive(exact, job, gate)
    assert (half.state, half.error) == (JobState.RUNNING, None)
    assert exact.deployment.jobs.get(job.id).report is None


@pytest.mark.parametrize("error", [OSError("no such disk"), MemoryError("too little"), KeyError("nothing")])
def test_an_error_that_nobody_raised_on_purpose_ends_the_job(
    exact: Bench, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    old = index_shop(exact.deployment, rows(5))

    def gate(before: str, after: str) -> dict[str, Any]:
        raise error

    job = rebuild(exact)
    assert why(drive(exact, job, gate)).startswith(type(error).__name__)
    assert "Traceback" in caplog.text
    assert live(exact) == old
    assert exact.deployment.jobs.without_driver() == []
    assert drive(exact, Submitter(exact.deployment).resume(job.id)).state is JobState.DONE


def test_an_engine_that_another_process_writes_to_is_waited_for(
    exact: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = start(exact, catalogue(tmp_path, rows(5)))
    with exact.deployment.engine() as engine, monkeypatch.context() as busy:

        def held(schema: Schema) -> str:
            raise EngineBusy("another writer holds it")

        busy.setattr(engine, "create", held)
        assert drive(exact, job).state is JobState.RUNNING
    assert drive(exact, job).state is JobState.DONE


# ---------------------------------------------------------------- going on


def test_a_job_goes_on_with_the_batches_it_began_with(exact: Bench, tmp_path: Path) -> None:
    exact.with_options(batch_rows=4, max_waiting_batches=2)
    job = start(exact, catalogue(tmp_path, rows(30)))

    def two_are_put() -> bool:
        return exact.deployment.jobs.get(job.id).counts["batches"] == 2

    half = drive(exact, job, stopping=two_are_put, worker=False)
    assert (half.counts["planned"], half.spec["batch_rows"]) == (8, 4)
    exact.with_options(batch_rows=3, batch_bytes=100, max_waiting_batches=64)
    done = drive(exact, job)
    assert (done.state, done.error, done.counts["planned"]) == (JobState.DONE, None, 30)
    assert len(products(exact.deployment)) == 30


def test_batches_laid_aside_go_on_though_whoever_resumed_the_job_was_killed(exact: Bench, tmp_path: Path) -> None:
    job = start(exact, catalogue(tmp_path, rows(10)))
    stopped: list[bool] = []
    with during(exact, "writing", lambda: stopped.append(True)):
        drive(exact, job, stopping=lambda: bool(stopped), worker=False)
    exact.deployment.jobs.cancel(job.id)
    exact.work_once()
    exact.deployment.jobs.resume(job.id)
    assert exact.busy() == 0
    assert len(exact.deployment.batches.of_job(job.id)) == 2
    assert drive(exact, job).state is JobState.DONE
    assert len(products(exact.deployment)) == 10
