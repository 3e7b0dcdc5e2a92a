"""Changes are sent, sent again and laid aside: nothing is lost on the way into the store."""

from __future__ import annotations

import pytest

from multirecall.core.errors import EngineUnavailable, InvalidInput, NotFound
from multirecall.engines.base import Upsert, Write
from multirecall.indexer.items import RowItem
from multirecall.workers.store.job import JobKind, JobState
from multirecall.workers.submitting import Submitter
from tests.integration.workers.changing import counts, delete, job_of, letters, put, send, update, upsert
from tests.integration.workers.shop import VERSIONED, index_shop, products, rows
from tests.support.deployments import Bench, eventually

pytestmark = pytest.mark.integration


# ---------------------------------------------------------------- an engine that is away


def test_changes_are_taken_while_the_engine_is_away(exact: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    index_shop(exact.deployment, rows(2))
    send(exact, update("p001", price=7))
    exact.work()

    def away() -> None:
        raise EngineUnavailable("The engine is away.")

    with monkeypatch.context() as patched:
        with exact.deployment.engine() as engine:
            patched.setattr(engine, "info", away)
        job = send(exact, update("p001", price=9))
        assert exact.deployment.batches.of_job(job.id) != []
    exact.work()
    assert products(exact.deployment)["p001"]["price_minor"] == 900


def test_without_an_index_seen_before_an_engine_that_is_away_is_an_error(
    exact: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise EngineUnavailable("The engine is away.")

    with exact.deployment.engine() as engine:
        monkeypatch.setattr(engine, "info", away)
    with pytest.raises(EngineUnavailable):
        Submitter(exact.deployment).send([update("p001", price=7)])
    assert exact.deployment.jobs.latest() == []


# ---------------------------------------------------------------- jobs that are over


def test_batches_of_a_cancelled_job_are_laid_aside_and_go_on_when_it_is_resumed(exact: Bench) -> None:
    index_shop(exact.deployment, rows(2))
    job = send(exact, update("p001", price=7))
    exact.deployment.jobs.cancel(job.id)
    exact.work()
    assert counts(exact, job)["done"] == 0
    assert len(exact.deployment.batches.of_job(job.id)) == 1
    Submitter(exact.deployment).resume(job.id)
    exact.work()
    assert counts(exact, job)["done"] == 1
    assert job_of(exact, job).state is JobState.DONE


def test_a_batch_of_a_build_whose_index_is_gone_fails_its_job(exact: Bench) -> None:
    index_shop(exact.deployment, rows(2))
    build = exact.deployment.jobs.create(JobKind.INDEX, {})
    put(exact, RowItem(id="1", row={"id": "1", "title": "x"}), index="shop-000009", job=build)
    exact.work()
    found = job_of(exact, build)
    assert found.state is JobState.FAILED
    assert found.error is not None
    assert "shop-000009" in str(found.error["message"])


# ---------------------------------------------------------------- sending


def test_a_change_that_cannot_be_read_is_told_and_the_others_go_on(exact: Bench) -> None:
    index_shop(exact.deployment, rows(3))
    told: list[tuple[str, object]] = []
    job = send(
        exact, update("p001", price=7), "nonsense", update("p002", colour="red"), delete("p000"),
        on_refused=lambda error, change: told.append((error.message, change)), place="line",
    )  # fmt: skip
    assert [message.partition(":")[0] for message, _ in told] == ["line 2", "line 3"]
    exact.work()
    assert counts(exact, job, "planned", "done", "rejected", "read") == {
        "planned": 2,
        "done": 2,
        "rejected": 2,
        "read": 2,
    }


def test_without_somebody_to_tell_a_wrong_change_is_an_error_and_those_before_it_stay(exact: Bench) -> None:
    index_shop(exact.deployment, rows(3))
    exact.with_options(batch_rows=1)
    with pytest.raises(InvalidInput, match="change 2"):
        send(exact, update("p001", price=7), "nonsense")
    exact.work()
    assert products(exact.deployment)["p001"]["price_minor"] == 700


def test_nothing_to_send_is_a_job_that_is_done(exact: Bench) -> None:
    index_shop(exact.deployment, rows(1))
    assert send(exact).state is JobState.DONE


def test_a_full_queue_makes_the_sender_wait(exact: Bench) -> None:
    index_shop(exact.deployment, rows(3))
    exact.with_options(batch_rows=1, max_waiting_batches=2)
    with exact.working():
        job = send(exact, *(update("p001", price=n) for n in range(20)))
    exact.work()
    assert counts(exact, job)["planned"] == 20
    assert products(exact.deployment)["p001"]["price_minor"] == 1900


def test_a_queue_that_stays_full_ends_the_sending_and_says_how_far_it_got(exact: Bench) -> None:
    from multirecall.core.errors import Backpressure

    index_shop(exact.deployment, rows(3))
    exact.with_options(batch_rows=2, max_waiting_batches=2)
    with pytest.raises(Backpressure) as caught:
        send(exact, *(update("p001", price=n) for n in range(20)), wait_s=0.0)
    assert caught.value.data["taken"] == 4
    job = exact.deployment.jobs.get(caught.value.data["job"])
    exact.work()
    assert counts(exact, job) == {"planned": 4, "done": 4, "stale": 0, "failed": 0}
    assert job_of(exact, job).state is JobState.DONE


def test_versions_of_the_shop_decide_whatever_the_order_of_sending(exact: Bench) -> None:
    index_shop(exact.deployment, rows(3, rev=5), mapping=VERSIONED)
    job = send(
        exact,
        update("p001", price=9) | {"version": 9},
        update("p001", price=8) | {"version": 8},
        delete("p002") | {"version": 4},
        upsert("p000", "Old", rev=4),
        upsert("p001", "New", price=1, rev=7),
    )
    exact.work()
    found = products(exact.deployment)
    assert found["p001"] == {
        "title": "New", "price_minor": 900, "record_version": 7, "field_versions": {"price_minor": 9, "currency": 9}
    }  # fmt: skip
    assert found["p000"]["title"] == "Lamp 0"
    assert "p002" in found
    assert counts(exact, job, "done", "stale") == {"done": 2, "stale": 3}


# ---------------------------------------------------------------- replay


def test_dead_letters_are_sent_again_at_their_old_versions(exact: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    index_shop(exact.deployment, rows(3))
    send(exact, update("p900", price=7), update("p901", price=7))
    exact.work()
    assert len(letters(exact)) == 2
    send(exact, upsert("p900", "Came later", price=1))
    exact.work()
    job = Submitter(exact.deployment).replay(letters(exact))
    assert letters(exact) == []
    exact.work()
    assert counts(exact, job, "done", "stale", "failed") == {"done": 0, "stale": 1, "failed": 1}
    assert products(exact.deployment)["p900"]["price_minor"] == 100  # the update was older than the product
    [letter] = letters(exact)
    assert (letter.item.id, letter.tries, letter.item.tries) == ("p901", 3, 0)


def test_there_must_be_something_to_replay(exact: Bench) -> None:
    with pytest.raises(NotFound, match="no dead letter to replay"):
        Submitter(exact.deployment).replay([])


def test_a_row_without_a_version_is_replayed_at_that_of_its_build(exact: Bench) -> None:
    live = index_shop(exact.deployment, rows(1))
    build = exact.deployment.jobs.create(JobKind.INDEX, {})
    exact.deployment.jobs.set(build.id, unversioned=77)
    put(exact, RowItem(id="p900", row={"id": "p900"}), index=live, job=build)
    exact.work()
    [letter] = letters(exact)
    assert letter.item.version == 77  # type: ignore[union-attr]


def test_upserts_and_deletes_go_to_the_queue_that_fits(exact: Bench) -> None:
    index_shop(exact.deployment, rows(1))
    send(exact, upsert("p100", "New"), delete("p000"), update("p100", price=2))
    assert exact.deployment.batches.sizes("index")["waiting"] == 1
    assert exact.deployment.batches.sizes("changes")["waiting"] == 1
    assert sorted(batch.partition("/")[0] for _, batch in exact.announced) == ["changes", "index"]


def test_a_write_is_an_upsert_for_a_row(exact: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row replaces all fields: what the catalogue no longer says is gone."""
    index_shop(exact.deployment, rows(1))
    seen: list[Write] = []
    with exact.deployment.engine() as engine:
        write = engine.write
        monkeypatch.setattr(
            engine, "write", lambda writes, *, index: write((seen.append(one) or one for one in writes), index=index)
        )
        send(exact, upsert("p000", "New"))
        exact.work()
    assert [type(one) for one in seen] == [Upsert]
    assert products(exact.deployment)["p000"].keys() == {"title", "record_version"}


def test_waiting_for_an_end_fails_in_time() -> None:
    with pytest.raises(AssertionError, match="in time"):
        eventually(lambda: False, wait_s=0.0)
