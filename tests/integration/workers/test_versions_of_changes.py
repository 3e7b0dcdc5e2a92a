"""Whatever way changes take, the order in which they were sent decides, and old ones overwrite nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from multirecall.core.errors import Backpressure
from multirecall.indexer.items import RowItem
from multirecall.workers.store.job import JobKind, JobState
from multirecall.workers.submitting import Submitter
from tests.integration.workers.changing import counts, delete, letters, put, send, update, upsert
from tests.integration.workers.shop import VERSIONED, index_shop, products, rows
from tests.support.deployments import Bench

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("batch_rows", [1, 2, 3, 8])
def test_a_product_that_is_sent_again_after_its_delete_is_there(exact: Bench, batch_rows: int) -> None:
    index_shop(exact.deployment, rows(3))
    exact.with_options(batch_rows=batch_rows)
    send(exact, delete("p001"), upsert("p001", "Back again"), update("p000", price=3), delete("p002"))
    exact.work()
    found = products(exact.deployment)
    assert found["p001"]["title"] == "Back again"
    assert found["p000"]["price_minor"] == 300
    assert "p002" not in found


@pytest.mark.parametrize("batch_rows", [1, 2, 3, 8])
def test_a_product_whose_delete_was_sent_last_is_gone(exact: Bench, batch_rows: int) -> None:
    index_shop(exact.deployment, rows(2))
    exact.with_options(batch_rows=batch_rows)
    send(exact, upsert("p001", "For a moment"), update("p001", price=3), delete("p001"))
    exact.work()
    assert products(exact.deployment).keys() == {"p000"}


def test_each_change_gets_one_number_in_the_order_of_reading(exact: Bench) -> None:
    index_shop(exact.deployment, rows(1))
    exact.with_options(batch_rows=3)
    send(exact, *(change for n in range(7) for change in (delete(f"d{n}"), delete(f"e{n}"), upsert(f"u{n}", "New"))))
    found = {}
    for queue in ("index", "changes"):
        for one in exact.deployment.batches.sweep(queue, announce_again_s=0.0):
            lease = exact.deployment.batches.lease(one, "mine")
            assert lease is not None
            found.update({item.id: item.version for item in lease.batch.items})  # type: ignore[union-attr]
    order = [f"{kind}{n}" for n in range(7) for kind in "deu"]
    assert sorted(found, key=lambda one: found[one] or 0) == order
    assert len(set(found.values())) == len(order)


# ---------------------------------------------------------------- dead letters


def test_a_row_without_any_version_is_replayed_as_the_oldest(exact: Bench) -> None:
    index_shop(exact.deployment, rows(2, rev=5), mapping=VERSIONED)
    build = exact.deployment.jobs.create(JobKind.INDEX, {})
    exact.deployment.jobs.set(build.id, unversioned=0)
    put(exact, RowItem(id="p001", row={"id": "p001"}), RowItem(id="p009", row={"id": "p009", "rev": 4}), job=build)
    exact.work()
    found = letters(exact)
    assert {letter.item.version for letter in found} == {None}  # type: ignore[union-attr]
    mended = {"p001": {"id": "p001", "title": "Old"}, "p009": {"id": "p009", "title": "Mended", "rev": 4}}
    exact.deployment.dead_letters.drop([letter.id for letter in found])
    again = [replace(letter, item=RowItem(id=letter.item.id, row=mended[letter.item.id])) for letter in found]
    job = Submitter(exact.deployment).replay(again)
    exact.work()
    assert counts(exact, job, "done", "stale") == {"done": 1, "stale": 1}
    shop = products(exact.deployment)
    assert shop["p001"]["title"] == "Lamp 1"
    assert shop["p009"]["record_version"] == 4


def test_a_replay_that_finds_the_queue_full_ends_its_job_and_keeps_the_rest(exact: Bench) -> None:
    index_shop(exact.deployment, rows(1))
    exact.with_options(batch_rows=1)
    put(exact, *(RowItem(id=f"p{n}", row={"id": f"p{n}"}, version=n) for n in range(1, 5)))
    exact.work()
    exact.with_options(max_waiting_batches=2)
    with pytest.raises(Backpressure) as caught:
        Submitter(exact.deployment).replay(letters(exact), wait_s=0.0)
    assert caught.value.data["taken"] == 2
    assert len(letters(exact)) == 2
    exact.work()
    assert exact.deployment.jobs.get(caught.value.data["job"]).state is JobState.DONE
