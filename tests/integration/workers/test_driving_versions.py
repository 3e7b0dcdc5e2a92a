"""Builds among changes of other versions: old rows of deleted products, updates that came first, a store that left."""

from __future__ import annotations

from pathlib import Path

import pytest

from multirecall.core.errors import StoreUnavailable
from multirecall.engines.base import Delete
from multirecall.indexer.items import UpdateItem
from multirecall.workers.store.jobs import JobState
from tests.integration.workers.building import catalogue, drive, during, start
from tests.integration.workers.shop import VERSIONED, index_shop, products, rows
from tests.support.deployments import Bench

pytestmark = pytest.mark.integration


def test_a_row_older_than_the_delete_of_its_product_does_not_stop_the_build(exact: Bench, tmp_path: Path) -> None:
    index_shop(exact.deployment, rows(10, rev=5), mapping=VERSIONED)
    with exact.deployment.engine() as engine:
        assert all(result.ok for result in engine.write([Delete(id="p003", version=9)]))
        engine.refresh()
    done = drive(exact, start(exact, catalogue(tmp_path, rows(10, rev=6)), mapping=VERSIONED))
    assert (done.state, done.error) == (JobState.DONE, None)
    assert (done.counts["done"], done.counts["stale"]) == (9, 1)
    assert "p003" not in products(exact.deployment)


def test_updates_that_came_before_their_products_are_applied_at_the_end(exact: Bench, tmp_path: Path) -> None:
    index_shop(exact.deployment, rows(10, rev=5), mapping=VERSIONED)
    job = start(exact, catalogue(tmp_path, rows(10, rev=6)), mapping=VERSIONED)

    def keep() -> None:
        index = exact.deployment.jobs.get(job.id).index
        late = [UpdateItem(id=one, fields={"price_minor": 7}, version=8) for one in ("p001", "p900")]
        exact.deployment.late.add(index, late)

    with during(exact, "filling", keep):
        done = drive(exact, job)
    assert (done.state, done.error) == (JobState.DONE, None)
    assert products(exact.deployment)["p001"]["price_minor"] == 7
    assert "p900" not in products(exact.deployment)
    assert exact.deployment.late.first(done.index) == []


def test_a_store_that_does_not_answer_for_a_while_is_no_failure_of_the_job(exact: Bench, tmp_path: Path) -> None:
    job = start(exact, catalogue(tmp_path, rows(10)))

    def leave() -> None:
        raise StoreUnavailable("Redis is away.")

    with during(exact, "writing", leave), pytest.raises(StoreUnavailable):
        drive(exact, job)
    assert exact.deployment.jobs.get(job.id).state is JobState.RUNNING
    assert drive(exact, job).state is JobState.DONE
