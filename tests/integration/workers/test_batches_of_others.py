"""Batches beside which the world changed: an index that is another's now, a swap, a refresh in between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from multirecall.engines.base import IndexedProduct, IndexInfo, Upsert, Write, WriteResult
from multirecall.indexer.items import RowItem, UpdateItem
from multirecall.workers.store.job import JobKind, JobState
from tests.integration.workers.changing import counts, delete, job_of, put, send, update
from tests.integration.workers.shop import index_shop, products, rows
from tests.support.deployments import Bench

pytestmark = pytest.mark.integration


def made_by(bench: Bench, job: str) -> str:
    """An empty index that this job made."""
    with bench.deployment.engine() as engine:
        schema = engine.info().schema
        return engine.create(replace(schema, metadata={**schema.metadata, "build": {"job": job}}))


def test_a_batch_does_not_write_into_an_index_that_another_job_made(exact: Bench) -> None:
    index_shop(exact.deployment, rows(2))
    index = made_by(exact, "index-1-other")
    build = exact.deployment.jobs.create(JobKind.INDEX, {})
    put(exact, RowItem(id="1", row={"id": "1", "title": "x"}), index=index, job=build)
    exact.work()
    found = job_of(exact, build)
    assert found.state is JobState.FAILED
    assert found.error is not None
    assert "is gone" in str(found.error["message"])
    assert products(exact.deployment, index) == {}


def test_a_job_that_was_cancelled_meanwhile_stays_so(exact: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    index_shop(exact.deployment, rows(2))
    index = made_by(exact, "index-1-other")
    build = exact.deployment.jobs.create(JobKind.INDEX, {})
    with exact.deployment.engine() as engine:
        info = engine.info

        def cancelled(index: str | None = None) -> IndexInfo:
            if not exact.deployment.jobs.get(build.id).state.over:
                exact.deployment.jobs.cancel(build.id)
            return info(index=index)

        put(exact, RowItem(id="1", row={"id": "1", "title": "x"}), index=index, job=build)
        monkeypatch.setattr(engine, "info", cancelled)
        exact.work()
    assert (job_of(exact, build).state, job_of(exact, build).error) == (JobState.CANCELLED, None)


def test_a_batch_writes_into_the_index_of_its_job(exact: Bench) -> None:
    index_shop(exact.deployment, rows(2))
    build = exact.deployment.jobs.create(JobKind.INDEX, {})
    index = made_by(exact, build.id)
    put(exact, RowItem(id="1", row={"id": "1", "title": "x"}), index=index, job=build)
    exact.work()
    assert products(exact.deployment, index).keys() == {"1"}


def test_a_refresh_between_mark_and_write_hides_no_write(exact: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    live = index_shop(exact.deployment, rows(2))
    marks = exact.deployment.unrefreshed
    with exact.deployment.engine() as engine:
        write = engine.write

        def refreshed(writes: Iterable[Write], *, index: str | None = None) -> Iterator[WriteResult]:
            for name, mark in marks.marks().items():
                marks.refreshed(name, mark)
            return write(writes, index=index)

        monkeypatch.setattr(engine, "write", refreshed)
        send(exact, delete("p000"))
        exact.work()
    assert set(marks.marks()) == {live}


def test_the_live_index_counts_as_live_though_it_is_still_named_as_one_of_before(exact: Bench) -> None:
    live = index_shop(exact.deployment, rows(2))
    build = exact.deployment.jobs.create(JobKind.INDEX, {})
    exact.deployment.targets.add(live, "standby")  # a rollback swaps first
    exact.deployment.targets.add(made_by(exact, build.id), build.id)
    job = send(exact, update("p001", price=7))
    exact.work_once()
    assert counts(exact, job, "done", "retried", "failed") == {"done": 1, "retried": 0, "failed": 0}


@pytest.mark.parametrize("bench", ["embedded"], indirect=True)
def test_what_is_applied_again_after_it_was_kept_is_there(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The product comes between the first try and the second one."""
    index_shop(bench.deployment, rows(2))
    build = bench.deployment.jobs.create(JobKind.INDEX, {})
    target = made_by(bench, build.id)
    bench.deployment.targets.add(target, build.id)
    late = bench.deployment.late
    kind: Any = type(late)
    add = kind.add

    def arriving(self: Any, index: str, items: Any) -> None:
        add(self, index, items)
        engine = bench.deployment._engine
        assert engine is not None
        product = IndexedProduct(id="p001", fields={"title": "Lamp"})
        list(engine.write([Upsert(product=product, version=3)], index=index))

    monkeypatch.setattr(kind, "add", arriving)
    put(bench, UpdateItem(id="p001", fields={"price_minor": 700}, version=10**18))
    bench.work()
    assert products(bench.deployment, target)["p001"]["price_minor"] == 700
