"""Changes that came after a build's file was written, and before they reached its index: none is lost at the swap."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from multirecall.indexer.items import UpdateItem
from multirecall.workers.store.job import JobState
from multirecall.workers.store.late import LateUpdates
from tests.integration.workers.building import catalogue, drive, during, live, rebuild, start, why
from tests.integration.workers.changing import delete, send, update, upsert
from tests.integration.workers.shop import MAPPING, VERSIONED, index_shop, products, rows
from tests.support.deployments import Bench

pytestmark = pytest.mark.integration


def test_changes_between_a_jobs_start_and_its_index_are_carried_over(bench: Bench, tmp_path: Path) -> None:
    index_shop(bench.deployment, rows(10))
    send(bench, update("p001", price=11))
    bench.work()  # before the job: its file is newer
    job = start(bench, catalogue(tmp_path, rows(9, stock=True)))
    send(
        bench,
        update("p003", price=77),
        upsert("p005", "Lamp, renamed", price=5),
        delete("p004"),
        upsert("p900", "New", price=1),
        update("p009", price=9),  # the file leaves it out, and it is no new product
    )
    bench.work()
    send(bench, update("p900", price=2))
    bench.work()
    done = drive(bench, job)
    assert (done.state, done.error) == (JobState.DONE, None)
    found = products(bench.deployment)
    assert found.keys() == {f"p{i:03d}" for i in range(9) if i != 4} | {"p900"}
    assert (found["p001"]["price_minor"], found["p001"]["in_stock"]) == (100, True)
    assert (found["p003"]["price_minor"], found["p003"]["in_stock"]) == (7700, True)
    assert found["p005"]["title"] == "Lamp, renamed"
    assert found["p900"]["price_minor"] == 200


@pytest.mark.parametrize("bench", ["embedded", "elasticsearch"], indirect=True)
def test_a_price_later_than_the_delete_outlives_a_rebuild(bench: Bench) -> None:
    """Record 1, price 7, delete 5, a rebuild, record 6: the price is that of 7, as without the rebuild."""
    index_shop(bench.deployment, rows(5, rev=1), mapping=VERSIONED)
    for change in (update("p003", price=77) | {"version": 7}, delete("p003") | {"version": 5}):
        send(bench, change)
        bench.work()
    done = drive(bench, rebuild(bench))
    assert (done.state, done.error) == (JobState.DONE, None)
    assert "p003" not in products(bench.deployment)
    send(bench, upsert("p003", "Lamp, six", price=6, rev=6))
    bench.work()
    found = products(bench.deployment)["p003"]
    assert (found["title"], found["price_minor"]) == ("Lamp, six", 7700)


def test_many_products_created_since_do_not_fail_the_count(exact: Bench, tmp_path: Path) -> None:
    index_shop(exact.deployment, rows(5))
    job = start(exact, catalogue(tmp_path, rows(5)))
    send(exact, *(upsert(f"n{i}", f"New {i}", price=i) for i in range(20)))
    exact.work()
    half = drive(exact, job, lambda old, new: {"passed": False, "reason": "worse"})
    assert "worse" in why(half)
    exact.deployment.jobs.set(job.id, spec={**half.spec, "force": True})
    exact.deployment.jobs.resume(job.id)
    done = drive(exact, job, lambda old, new: {"passed": False, "reason": "worse"})  # they are there already
    assert (done.state, done.error) == (JobState.DONE, None)
    assert len(products(exact.deployment)) == 25


def test_an_update_whose_product_is_carried_over_late_is_not_lost(exact: Bench, tmp_path: Path) -> None:
    index_shop(exact.deployment, rows(3))
    job = start(exact, catalogue(tmp_path, rows(3)))
    send(exact, upsert("p900", "New", price=1))
    exact.work()

    def change() -> None:
        send(exact, update("p900", price=2))

    with during(exact, "writing", change):
        assert drive(exact, job).state is JobState.DONE
    exact.work()
    assert products(exact.deployment)["p900"]["price_minor"] == 200


@pytest.mark.parametrize("bench", ["embedded"], indirect=True)
@pytest.mark.parametrize("stage", ["carrying over", "swapping"])
def test_late_updates_are_durable_before_they_are_forgotten(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    index_shop(bench.deployment, rows(5))
    job = start(bench, catalogue(tmp_path, rows(5)))
    drop, seen = LateUpdates.drop, []

    def looked_at(self: LateUpdates, index: str, size: int | None = None) -> None:
        if size:
            with bench.deployment.open_engine() as other:
                seen.append(other.fetch(["p001"], ["price_minor"], index=index)[0])
        drop(self, index, size)

    def keep() -> None:
        late = [UpdateItem(id="p001", fields={"price_minor": 7}, version=job.spec["version_at"] + 1)]
        bench.deployment.late.add(bench.deployment.jobs.get(job.id).index, late)

    monkeypatch.setattr(LateUpdates, "drop", looked_at)
    with during(bench, stage, keep):
        done = drive(bench, job)
    assert (done.state, done.error) == (JobState.DONE, None)
    assert [dict(one or {})["price_minor"] for one in seen] == [7]
    assert products(bench.deployment)["p001"]["price_minor"] == 7


# ---------------------------------------------------------------- from the clock's versions to the shop's, and back


@pytest.mark.parametrize(("before", "after"), [(MAPPING, VERSIONED), (VERSIONED, MAPPING)])
def test_a_copy_does_not_take_over_versions_of_the_other_kind(exact: Bench, before: Any, after: Any) -> None:
    old = index_shop(exact.deployment, rows(5, rev=1), mapping=before)
    text = why(drive(exact, rebuild(exact, mapping=after)))
    assert "Name a source" in text
    assert live(exact) == old


def test_a_build_from_a_file_with_its_own_versions_ignores_those_of_the_clock(exact: Bench, tmp_path: Path) -> None:
    drive(exact, start(exact, catalogue(tmp_path, rows(5))))
    send(exact, delete("p002"), update("p003", price=77))
    exact.work()
    done = drive(exact, start(exact, catalogue(tmp_path, rows(5, rev=6), "own.jsonl"), mapping=VERSIONED))
    assert (done.state, done.error) == (JobState.DONE, None)
    found = products(exact.deployment)
    assert {one["record_version"] for one in found.values()} == {6}
    assert (len(found), found["p003"]["price_minor"]) == (5, 300)
    with exact.deployment.engine() as engine:
        assert list(engine.deleted()) == []
