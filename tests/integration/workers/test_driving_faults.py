"""Builds that cannot go on say why; those that can, do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from multirecall.core.errors import EngineAuthError, EngineUnavailable, InvalidInput, NotFound, StorageFull
from multirecall.engines.schema import Schema
from multirecall.workers.store.job import JobState
from multirecall.workers.submitting import Submitter
from tests.integration.workers.building import (
    STOPPED,
    catalogue,
    drive,
    during,
    indexes,
    live,
    rebuild,
    start,
    why,
)
from tests.integration.workers.shop import MAPPING, index_shop, products, rows
from tests.support.deployments import Bench

pytestmark = pytest.mark.integration


# ---------------------------------------------------------------- refusals


def test_a_source_that_changed_is_not_read_on(exact: Bench, tmp_path: Path) -> None:
    source = catalogue(tmp_path, rows(30))
    job = start(exact, source)
    stopped: list[bool] = []
    with during(exact, "writing", lambda: stopped.append(True)):
        drive(exact, job, stopping=lambda: bool(stopped))
    catalogue(tmp_path, rows(31))
    os.utime(source, (1, 1))
    assert "has changed since the job began" in why(drive(exact, job))


def test_an_incomplete_export_does_not_go_live_unless_it_is_meant(exact: Bench, tmp_path: Path) -> None:
    old = index_shop(exact.deployment, rows(30))
    source = catalogue(tmp_path, rows(5))
    assert "--allow-shrink" in why(drive(exact, start(exact, source)))
    assert live(exact) == old
    assert drive(exact, start(exact, source, allow_shrink=True)).state is JobState.DONE
    assert len(products(exact.deployment)) == 5


def test_a_second_build_waits_its_turn(exact: Bench, tmp_path: Path) -> None:
    source = catalogue(tmp_path, rows(5))
    first = start(exact, source)
    stopped: list[bool] = []
    with during(exact, "filling", lambda: stopped.append(True)):
        drive(exact, first, stopping=lambda: bool(stopped))
    second = drive(exact, start(exact, source))
    assert f"Job {first.id} builds an index already" in why(second)
    assert drive(exact, first).state is JobState.DONE
    assert drive(exact, Submitter(exact.deployment).resume(second.id)).state is JobState.DONE


def test_a_build_takes_the_place_of_one_that_was_given_up(exact: Bench, tmp_path: Path) -> None:
    index_shop(exact.deployment, rows(10))
    stopped = rebuild(exact)
    drive(exact, stopped, lambda old, new: STOPPED)
    assert len(indexes(exact)) == 2
    done = drive(exact, start(exact, catalogue(tmp_path, rows(10))))
    assert done.state is JobState.DONE
    assert indexes(exact) == [("000001", False), ("000003", True)]  # a dead worker may still write to 000002
    assert exact.deployment.targets.all() == {done.previous: "standby"}
    late = drive(exact, Submitter(exact.deployment).resume(stopped.id, force=True))
    assert "Start a new job" in why(late)


def test_rows_that_none_of_which_becomes_a_product_fail_the_job(exact: Bench, tmp_path: Path) -> None:
    job = start(exact, catalogue(tmp_path, [{"id": str(n), "price": 1, "title": ""} for n in range(5)]))
    failed = drive(exact, job)
    assert "None of the 5 rows became a product" in why(failed)
    assert len(exact.deployment.dead_letters) == 5


@pytest.mark.parametrize("sources", [["/nowhere/c.jsonl"], []])
def test_what_is_not_there_fails_the_job_with_what_to_do(exact: Bench, sources: list[str]) -> None:
    text = why(drive(exact, start(exact, *sources)))
    assert ("same path" if sources else "Index a catalogue first") in text


def test_a_mapping_that_does_not_fit_fails_the_job(exact: Bench, tmp_path: Path) -> None:
    wrong = MAPPING.model_copy(update={"id": ("sku",)})
    assert "sku" in why(drive(exact, start(exact, catalogue(tmp_path, rows(3)), mapping=wrong)))
    assert indexes(exact) == []


# ---------------------------------------------------------------- engine trouble


def test_an_engine_that_does_not_answer_stops_the_driving_not_the_job(
    exact: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index_shop(exact.deployment, rows(3))
    job = start(exact, catalogue(tmp_path, rows(5)))
    with exact.deployment.engine() as engine, monkeypatch.context() as broken:

        def gone(*, index: str | None = None) -> int:
            raise EngineUnavailable("no answer")

        broken.setattr(engine, "count", gone)
        half = drive(exact, job)
    assert half.state is JobState.RUNNING
    trouble = exact.deployment.trouble.now()
    assert trouble is not None
    assert trouble["error"]["message"] == "no answer"
    assert drive(exact, job).state is JobState.DONE
    assert exact.deployment.trouble.now() is None


@pytest.mark.parametrize("error", [EngineAuthError("wrong password"), StorageFull("no space left")])
def test_an_engine_that_refuses_fails_the_job_which_can_be_resumed(
    exact: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    job = start(exact, catalogue(tmp_path, rows(5)))
    with exact.deployment.engine() as engine, monkeypatch.context() as broken:

        def refuse(schema: Schema) -> str:
            raise error

        broken.setattr(engine, "create", refuse)
        assert str(error) in why(drive(exact, job))
    assert drive(exact, Submitter(exact.deployment).resume(job.id)).state is JobState.DONE


# ---------------------------------------------------------------- cancel and resume


@pytest.mark.parametrize("stage", ["preparing", "filling", "writing", "judging"])
def test_a_cancelled_job_stops_and_goes_on_when_it_is_resumed(exact: Bench, tmp_path: Path, stage: str) -> None:
    old = index_shop(exact.deployment, rows(5))
    job = start(exact, catalogue(tmp_path, rows(30)))
    with during(exact, stage, lambda: exact.deployment.jobs.cancel(job.id) and None):
        half = drive(exact, job)
    exact.work()
    assert half.state is JobState.CANCELLED
    assert live(exact) == old
    done = drive(exact, Submitter(exact.deployment).resume(job.id))
    assert (done.state, done.error) == (JobState.DONE, None)
    assert (done.counts["planned"], done.counts["done"]) == (30, 30)
    assert len(products(exact.deployment)) == 30


def test_a_rebuild_from_the_index_that_is_resumed_reads_it_again(exact: Bench) -> None:
    index_shop(exact.deployment, rows(30))
    job = rebuild(exact)
    with during(exact, "filling", lambda: exact.deployment.jobs.cancel(job.id) and None):
        drive(exact, job)
    done = drive(exact, Submitter(exact.deployment).resume(job.id))
    assert done.state is JobState.DONE
    assert len(products(exact.deployment)) == 30


def test_a_job_that_is_done_is_not_resumed_and_force_leaves_no_trace(exact: Bench, tmp_path: Path) -> None:
    job = start(exact, catalogue(tmp_path, rows(3)))
    drive(exact, job)
    with pytest.raises(InvalidInput, match="only a failed or cancelled one"):
        Submitter(exact.deployment).resume(job.id, force=True)
    assert "force" not in exact.deployment.jobs.get(job.id).spec
    with pytest.raises(NotFound):
        Submitter(exact.deployment).resume("nothing")


# ---------------------------------------------------------------- generations


def test_old_generations_are_dropped_and_no_longer_kept_current(exact: Bench) -> None:
    exact.with_options(keep_generations=2)
    index_shop(exact.deployment, rows(5))
    for _ in range(3):
        assert drive(exact, rebuild(exact)).state is JobState.DONE
    assert indexes(exact) == [("000003", False), ("000004", True)]
    assert set(exact.deployment.targets.all()) == {"shop-000003"}


def test_an_index_that_a_rollback_left_is_dropped_once_another_goes_live(exact: Bench) -> None:
    """Otherwise it would be kept, and every change written to it, for ever."""
    exact.with_options(keep_generations=2)
    first = index_shop(exact.deployment, rows(5))
    bad = drive(exact, rebuild(exact)).index
    with exact.deployment.engine() as engine:  # as `multirecall rollback` does
        exact.deployment.targets.add(bad, "standby")
        engine.swap(first)
        exact.deployment.targets.remove(first)
    done = drive(exact, rebuild(exact))
    assert done.state is JobState.DONE
    assert indexes(exact) == [("000001", False), ("000003", True)]
    assert exact.deployment.targets.all() == {first: "standby"}
