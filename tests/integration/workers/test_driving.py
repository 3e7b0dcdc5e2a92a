"""Builds driven in this process, with a thread that does their batches: each ends whole, or says why not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from multirecall.core.errors import InvalidInput
from multirecall.engines.base import Delete, Update
from multirecall.workers.store.job import JobState
from multirecall.workers.submitting import Submitter
from tests.integration.workers.building import (
    PASSED,
    STAGES,
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
from tests.integration.workers.shop import VERSIONED, index_shop, products, rows
from tests.support.deployments import Bench

pytestmark = pytest.mark.integration


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


@pytest.mark.parametrize("stage", STAGES)
def test_no_change_is_lost_at_whatever_stage_it_comes(exact: Bench, tmp_path: Path, stage: str) -> None:
    index_shop(exact.deployment, rows(20))
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
