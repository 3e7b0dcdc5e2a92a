"""Builds driven in this process, with a thread that does their batches: each ends whole, or says why not."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from multirecall.core.errors import EngineAuthError, EngineUnavailable, InvalidInput, NotFound, StorageFull
from multirecall.engines.base import Delete, Engine, Update
from multirecall.engines.schema import Schema
from multirecall.indexer.new_schema import IndexShape, new_schema
from multirecall.workers.building import BuildPlan
from multirecall.workers.driving import GateOf, JobDriver
from multirecall.workers.store.jobs import Job, JobKind, JobState
from multirecall.workers.submitting import Submitter
from tests.integration.workers.shop import ENCODER, MAPPING, VERSIONED, index_shop, products, rows
from tests.support.deployments import Bench

pytestmark = pytest.mark.integration

PASSED = {"passed": True, "outcome": "passed", "reason": "no fall"}
STOPPED = {"passed": False, "outcome": "stopped", "reason": "nDCG fell by 0.5"}


def new_index(engine: Engine, plan: BuildPlan, job_id: str) -> Schema:
    """As `workers.wiring.new_index_schema` makes it."""
    encoders = {} if plan.encoder == "none" else {"dense": ENCODER}
    mark = {"job": job_id, "replaces": plan.replaces}
    return new_schema(engine, plan.mapping, encoders, IndexShape(), suggested=False, sources=plan.sources, mark=mark)


def passes(old: str, new: str) -> dict[str, Any] | None:
    return None


def drive(
    bench: Bench, job: Job, gate: GateOf = passes, stopping: Callable[[], bool] = lambda: False, *, worker: bool = True
) -> Job:
    """One drive, with a worker unless nothing of it is to be done; returns the job after it."""
    driver = JobDriver(bench.deployment, new_index=new_index, gate_of=gate, stopping=stopping)
    if worker:
        with bench.working():
            driver.drive(job.id)
    else:
        driver.drive(job.id)
    return bench.deployment.jobs.get(job.id)


def catalogue(folder: Path, records: list[dict[str, Any]], name: str = "catalogue.jsonl") -> str:
    path = folder / name
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return str(path)


def start(bench: Bench, *sources: str, kind: JobKind = JobKind.INDEX, mapping: Any = MAPPING, **spec: Any) -> Job:
    return Submitter(bench.deployment).start(
        kind, {"sources": list(sources), "mapping": mapping.to_dict() if mapping else None, "encoder": "", **spec}
    )


def rebuild(bench: Bench, **spec: Any) -> Job:
    """A rebuild from the live index."""
    return start(bench, kind=JobKind.REBUILD, mapping=None, **spec)


def indexes(bench: Bench) -> list[tuple[str, bool]]:
    with bench.deployment.engine() as engine:
        return [(info.name.rpartition("-")[2], info.live) for info in engine.indexes()]


def live(bench: Bench) -> str:
    with bench.deployment.engine() as engine:
        return engine.info().name


def why(job: Job) -> str:
    assert job.state is JobState.FAILED
    assert job.error is not None
    return f"{job.error['message']} {job.error['hint']}"


# ---------------------------------------------------------------- the happy path, on every engine


def test_a_catalogue_becomes_an_index(bench: Bench, tmp_path: Path) -> None:
    records = rows(30)
    bad = [{"title": "no id"}, {"id": "p001", "title": "twice"}]
    job = start(bench, catalogue(tmp_path, records + bad), rejects_path=str(tmp_path / "rejects.jsonl"))
    assert ("job", job.id) in bench.announced
    done = drive(bench, job)
    assert (done.state, done.error, done.stage) == (JobState.DONE, None, "done")
    found = products(bench.deployment)
    assert found.keys() == {row["id"] for row in records}
    assert found["p007"]["record_version"] == job.spec["version_at"]
    assert {name: done.counts[name] for name in ("read", "planned", "done", "rejected", "duplicates", "encoded")} == {
        "read": 32, "planned": 30, "done": 30, "rejected": 2, "duplicates": 1, "encoded": 30,
    }  # fmt: skip
    assert done.report is not None
    assert (done.report["products"], done.report["previous"], done.report["dropped"]) == (30, None, [])
    assert len((tmp_path / "rejects.jsonl").read_text().splitlines()) == 2
    assert bench.deployment.targets.all() == {}
    assert done.share == 1.0
    assert bench.busy() == 0


def test_a_rebuild_from_the_live_index_keeps_everything_and_the_old_one_ready(bench: Bench) -> None:
    old = index_shop(bench.deployment, rows(20, rev=5), mapping=VERSIONED)
    with bench.deployment.engine() as engine:
        changes = [Update(id="p001", fields={"price_minor": 7}, version=9), Delete(id="p002", version=9)]
        assert all(result.ok for result in engine.write(changes))
        engine.refresh()
    before = products(bench.deployment)
    done = drive(bench, rebuild(bench))
    assert done.state is JobState.DONE
    assert products(bench.deployment) == before
    assert (done.counts["encoded"], done.counts["reused"]) == (0, 19)
    assert indexes(bench) == [("000001", False), ("000002", True)]
    assert (done.previous, bench.deployment.targets.all()) == (old, {old: "standby"})
    with bench.deployment.engine() as engine:
        assert {one.id: one.version for one in engine.deleted()} == {"p002": 9}


def test_changes_go_on_after_a_rebuild_and_a_rollback_loses_none(bench: Bench) -> None:
    old = index_shop(bench.deployment, rows(10))
    drive(bench, rebuild(bench))
    Submitter(bench.deployment).send(
        [{"op": "update", "id": "p003", "fields": {"price": 77}}, {"op": "delete", "id": "p004"}]
    )
    bench.work()
    new, before = products(bench.deployment), products(bench.deployment, old)
    for record in (*new.values(), *before.values()):
        record.pop("record_version", None)  # what had none is copied at version 0
    assert before == new
    assert new["p003"]["price_minor"] == 7700
    assert "p004" not in new


# ---------------------------------------------------------------- changes while it builds


@contextmanager
def during(bench: Bench, stage: str, act: Callable[[], None]) -> Iterator[None]:
    """Calls `act` once, when a job reaches the stage."""
    jobs = bench.deployment.jobs
    kind, called = type(jobs), []
    original = kind.set_driven

    def set_driven(self: Any, id: str, token: str, **values: Any) -> bool:
        found = original(self, id, token, **values)
        if values.get("stage") == stage and not called:
            called.append(1)
            act()
        return found

    kind.set_driven = set_driven  # type: ignore[method-assign]
    try:
        yield
    finally:
        kind.set_driven = original  # type: ignore[method-assign]
    assert called


STAGES = ("preparing", "filling", "writing", "verifying", "judging", "swapping")


@pytest.mark.parametrize("stage", STAGES)
def test_no_change_is_lost_at_whatever_stage_it_comes(exact: Bench, tmp_path: Path, stage: str) -> None:
    index_shop(exact.deployment, rows(20))
    exact.with_options(max_tries=10_000)
    source = catalogue(tmp_path, rows(20, stock=True))
    job = start(exact, source)

    def change() -> None:
        Submitter(exact.deployment).send(
            [
                {"op": "update", "id": "p003", "fields": {"price": 77}},
                {"op": "delete", "id": "p004"},
                {"op": "upsert", "product": {"id": "p900", "title": "New"}},
            ]
        )

    with during(exact, stage, change):
        done = drive(exact, job)
    exact.work()
    assert done.error is None
    for index in {live(exact), done.previous}:
        found = products(exact.deployment, index)
        assert (found["p003"]["price_minor"], "p004" in found, "p900" in found) == (7700, False, True), index
    assert products(exact.deployment)["p005"]["in_stock"] is True
    assert list(exact.deployment.dead_letters.all()) == []


def test_a_delete_that_no_search_sees_yet_is_not_brought_back_by_the_catalogue(exact: Bench, tmp_path: Path) -> None:
    """It was applied just before the new index became a target, and its tombstone waits for a refresh."""
    index_shop(exact.deployment, rows(5))
    job = start(exact, catalogue(tmp_path, rows(5)))
    Submitter(exact.deployment).send([{"op": "delete", "id": "p002"}])
    exact.work()
    drive(exact, job)
    assert products(exact.deployment).keys() == {"p000", "p001", "p003", "p004"}


# ---------------------------------------------------------------- one driver


def test_two_drivers_do_not_drive_one_job(exact: Bench, tmp_path: Path) -> None:
    job = start(exact, catalogue(tmp_path, rows(3)))
    assert exact.deployment.jobs.take(job.id, "theirs", 30.0)
    assert drive(exact, job).state is JobState.QUEUED
    exact.deployment.jobs.let_go(job.id, "theirs")
    assert drive(exact, job).state is JobState.DONE
    assert drive(exact, job).state is JobState.DONE
    assert indexes(exact) == [("000001", True)]


@pytest.mark.parametrize("stage", STAGES)
def test_a_driver_that_stops_is_followed_by_another_which_ends_the_job(
    exact: Bench, tmp_path: Path, stage: str
) -> None:
    index_shop(exact.deployment, rows(5))
    job = start(exact, catalogue(tmp_path, rows(30)))
    stopped: list[bool] = []
    with during(exact, stage, lambda: stopped.append(True)):
        half = drive(exact, job, stopping=lambda: bool(stopped))
    assert not half.state.over
    assert exact.deployment.jobs.without_driver() == [job.id]
    done = drive(exact, job)
    assert (done.state, done.error) == (JobState.DONE, None)
    assert len(products(exact.deployment)) == 30
    assert (done.counts["planned"], done.counts["done"]) == (30, 30)
    assert indexes(exact) == [("000001", False), ("000002", True)]


def test_a_driver_killed_right_after_the_swap_is_followed_by_one_that_tidies_up(
    exact: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = index_shop(exact.deployment, rows(5))
    job = start(exact, catalogue(tmp_path, rows(5)))
    with exact.deployment.engine() as engine:
        swap = engine.swap

        def killed(index: str) -> None:
            swap(index)
            raise KeyboardInterrupt

        monkeypatch.setattr(engine, "swap", killed)
        with pytest.raises(KeyboardInterrupt):
            drive(exact, job)
        monkeypatch.undo()
    done = drive(exact, job)
    assert (done.state, done.previous) == (JobState.DONE, old)
    assert exact.deployment.targets.all() == {old: "standby"}


# ---------------------------------------------------------------- the gate


def test_a_gate_that_stops_keeps_the_live_index_and_force_overrides_it_on_the_record(exact: Bench) -> None:
    old = index_shop(exact.deployment, rows(5))
    asked: list[tuple[str, str]] = []

    def gate(before: str, after: str) -> dict[str, Any]:
        asked.append((before, after))
        return STOPPED

    job = rebuild(exact)
    failed = drive(exact, job, gate)
    assert "nDCG fell by 0.5" in why(failed)
    assert f"jobs resume {job.id} --force" in why(failed)
    assert failed.verdict == STOPPED
    assert live(exact) == old
    assert asked == [(old, failed.index)]
    again = drive(exact, Submitter(exact.deployment).resume(job.id), gate)
    assert again.state is JobState.FAILED  # without force it is judged again
    done = drive(exact, Submitter(exact.deployment).resume(job.id, force=True), gate)
    assert (done.state, live(exact)) == (JobState.DONE, failed.index)
    assert done.verdict == {**STOPPED, "forced": True}
    assert done.report is not None
    assert done.report["forced"] is True
    assert done.counts["done"] == 5  # nothing was written again


def test_changes_reach_an_index_that_waits_for_force(exact: Bench) -> None:
    index_shop(exact.deployment, rows(5))
    job = rebuild(exact)
    drive(exact, job, lambda old, new: STOPPED)
    Submitter(exact.deployment).send([{"op": "update", "id": "p003", "fields": {"price": 77}}])
    exact.work()
    drive(exact, Submitter(exact.deployment).resume(job.id, force=True), lambda old, new: STOPPED)
    assert products(exact.deployment)["p003"]["price_minor"] == 7700


def test_a_gate_that_passes_is_on_the_record(exact: Bench) -> None:
    index_shop(exact.deployment, rows(5))
    done = drive(exact, rebuild(exact, force=True), lambda old, new: PASSED)
    assert done.verdict == PASSED


def test_the_first_index_has_nothing_to_be_judged_against(exact: Bench, tmp_path: Path) -> None:
    def gate(old: str, new: str) -> dict[str, Any]:
        raise AssertionError("asked")

    assert drive(exact, start(exact, catalogue(tmp_path, rows(3))), gate).state is JobState.DONE


def test_a_gate_that_cannot_judge_fails_the_job(exact: Bench) -> None:
    old = index_shop(exact.deployment, rows(5))

    def gate(before: str, after: str) -> dict[str, Any]:
        raise InvalidInput("no such file", field="judgments")

    assert "no such file" in why(drive(exact, rebuild(exact), gate))
    assert live(exact) == old


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
    assert indexes(exact) == [("000001", False), ("000002", True)]  # its number is free again
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
