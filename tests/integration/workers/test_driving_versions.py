"""Builds among changes of other versions: old rows of deleted products, updates that came first, a store that left."""

from __future__ import annotations

from pathlib import Path

import pytest

from multirecall.core.errors import StoreUnavailable
from multirecall.engines.base import Delete, IndexedProduct, Update, Upsert
from multirecall.indexer.items import UpdateItem
from multirecall.workers.store.job import JobState
from tests.integration.workers.building import catalogue, drive, during, start
from tests.integration.workers.shop import ENCODER, VERSIONED, index_shop, products, rows
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


def test_changes_newer_than_the_file_are_carried_over(exact: Bench, tmp_path: Path) -> None:
    index_shop(exact.deployment, rows(10, rev=5), mapping=VERSIONED)
    newer = {**rows(1, start=1)[0], "title": "Lamp, renamed", "rev": 9}
    with exact.deployment.engine() as engine:
        record = {"id": "p001", "title": newer["title"], "content_hash": "x" * 32}
        vector = ENCODER.encode_products(["Lamp, renamed"])[0]
        product = IndexedProduct(id="p001", fields=record, vectors={"dense": vector})
        changes = [
            Upsert(product=product, version=9),
            Update(id="p002", fields={"price_minor": 77}, version=8),
            Update(id="p003", fields={"price_minor": 33}, version=6),  # the row of the file is newer
            # as new as the row of the file, which counts then; only the price is newer
            Upsert(product=IndexedProduct(id="p004", fields={"id": "p004", "title": "Old words"}), version=7),
            Update(id="p004", fields={"price_minor": 44}, version=8),
        ]
        assert all(result.ok for result in engine.write(changes))
        engine.refresh()
    done = drive(exact, start(exact, catalogue(tmp_path, rows(9, rev=7)), mapping=VERSIONED))
    assert (done.state, done.error) == (JobState.DONE, None)
    found = products(exact.deployment)
    assert (found["p001"]["title"], found["p001"]["record_version"]) == ("Lamp, renamed", 9)
    assert (found["p002"]["price_minor"], found["p002"]["record_version"]) == (77, 7)
    assert found["p002"]["field_versions"] == {"price_minor": 8}
    assert (found["p003"]["price_minor"], found["p003"]["record_version"]) == (300, 7)
    assert (found["p004"]["title"], found["p004"]["price_minor"]) == ("Lamp 4", 44)
    assert "p009" not in found  # the file leaves it out


def test_without_versions_of_its_own_a_catalogue_is_the_truth_of_its_job(exact: Bench, tmp_path: Path) -> None:
    index_shop(exact.deployment, rows(3))
    with exact.deployment.engine() as engine:
        assert all(r.ok for r in engine.write([Update(id="p001", fields={"price_minor": 77}, version=8)]))
        engine.refresh()
    assert drive(exact, start(exact, catalogue(tmp_path, rows(3)))).state is JobState.DONE
    assert products(exact.deployment)["p001"]["price_minor"] == 100
