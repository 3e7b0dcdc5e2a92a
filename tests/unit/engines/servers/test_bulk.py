from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from multirecall.core.errors import EngineAuthError, EngineBusy, EngineUnavailable, NotFound, StorageFull
from multirecall.engines.base import Delete, Update, Write, WriteResult, WriteStatus
from multirecall.engines.schema import Schema
from multirecall.engines.servers.bulk import BulkLimits, BulkWriter
from multirecall.engines.servers.elasticsearch import ElasticsearchDialect
from tests.support.records import upsert
from tests.unit.engines.servers.scripted import ScriptedServer

S = WriteStatus


def written(
    server: Any, writes: Iterable[Write], pauses: list[float] | None = None, **limits: Any
) -> list[WriteResult]:
    pauses = [] if pauses is None else pauses
    writer = BulkWriter(server, ElasticsearchDialect(), BulkLimits(**limits), pause=pauses.append)
    return list(writer.write(writes, "p-000001.write", Schema()))


def statuses(results: Iterable[WriteResult]) -> list[str]:
    return [r.status for r in results]


def test_no_writes_send_nothing() -> None:
    server = ScriptedServer()
    assert written(server, []) == []
    assert server.requests == []


def test_results_come_in_the_order_of_the_writes_from_chunks_side_by_side() -> None:
    server = ScriptedServer()
    results = written(server, [upsert(str(n)) for n in range(95)], max_chunk_count=10, max_in_flight=3)
    assert [r.id for r in results] == [str(n) for n in range(95)]
    assert set(statuses(results)) == {S.CREATED}
    assert max(map(len, server.requests)) == 10
    assert server.most_in_flight <= 3


def test_a_chunk_is_bounded_in_bytes_and_a_larger_product_goes_alone() -> None:
    server = ScriptedServer()
    writes = [upsert("a", "x" * 300), upsert("b", "x" * 300), upsert("c", "x" * 5000), upsert("d")]
    assert statuses(written(server, writes, max_chunk_bytes=1500, max_in_flight=1)) == [S.CREATED] * 4
    assert server.requests == [["a", "b"], ["c"], ["d"]]
    assert [size <= 1500 for size in server.sizes] == [True, False, True]


def test_writes_are_read_no_further_than_the_chunks_in_flight() -> None:
    server, taken = ScriptedServer(), []

    def writes() -> Iterator[Write]:
        for n in range(1000):
            taken.append(n)
            yield upsert(str(n))

    writer = BulkWriter(server, ElasticsearchDialect(), BulkLimits(max_chunk_count=10, max_in_flight=2))  # type: ignore[arg-type]
    results = writer.write(writes(), "p", Schema())
    next(results)
    assert len(taken) <= 10 * (2 + 2)
    results.close()  # type: ignore[attr-defined]


def test_only_what_failed_is_sent_again_with_growing_pauses() -> None:
    pauses: list[float] = []
    server = ScriptedServer(item_fault=lambda one, seen: 429 if one in ("3", "7") and seen <= 3 else None)
    results = written(server, [upsert(str(n)) for n in range(10)], pauses, backoff_s=1.0, max_backoff_s=3.0)
    assert statuses(results) == [S.CREATED] * 10
    assert server.requests[1:] == [["3", "7"]] * 3
    assert [r.tries for r in results if r.id in ("3", "7")] == [4, 4]
    assert [r.tries for r in results if r.id not in ("3", "7")] == [1] * 8
    for pause, longest in zip(pauses, (1.0, 2.0, 3.0), strict=True):
        assert longest / 2 <= pause <= longest


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_item_that_never_succeeds_is_given_up_and_may_be_retried(status: int) -> None:
    server = ScriptedServer(item_fault=lambda one, _: status if one == "bad" else None)
    good, bad = written(server, [upsert("good"), upsert("bad")], max_tries=3)
    assert good.status == S.CREATED
    assert (bad.ok, bad.status, bad.retryable, bad.tries) == (False, S.FAILED, True, 3)
    assert "injected" in bad.error
    assert server.seen["bad"] == 3


def test_an_item_that_the_server_refuses_is_not_sent_again() -> None:
    server = ScriptedServer(item_fault=lambda one, _: 400 if one == "bad" else None)
    results = written(server, [upsert("1"), upsert("bad"), upsert("2")])
    assert statuses(results) == [S.CREATED, S.REJECTED, S.CREATED]
    assert not results[1].retryable
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [400, 413])
def test_a_product_that_breaks_the_whole_request_is_found_and_refused_alone(status: int) -> None:
    server = ScriptedServer(request_fault=lambda ids, _: status if "17" in ids else None)
    results = written(server, [upsert(str(n)) for n in range(40)])
    assert [r.id for r in results if not r.ok] == ["17"]
    assert results[17].status == S.REJECTED
    assert set(server.stored) == {str(n) for n in range(40)} - {"17"}


def test_products_that_are_no_json_never_leave() -> None:
    server = ScriptedServer()
    results = written(
        server, [upsert("1", url="\ud800"), upsert("2", attributes={"a": "b"}, image_url=object()), upsert("3")]
    )
    assert statuses(results) == [S.REJECTED, S.REJECTED, S.CREATED]
    assert server.requests == [["3"]]


def test_a_lost_connection_is_tried_again() -> None:
    server = ScriptedServer(request_fault=lambda _, number: 0 if number <= 2 else None)
    assert statuses(written(server, [upsert("1")])) == [S.CREATED]


@pytest.mark.parametrize(("status", "error"), [(0, EngineUnavailable), (503, EngineUnavailable), (429, EngineBusy)])
def test_a_server_that_stays_away_raises_after_all_tries(status: int, error: type[Exception]) -> None:
    server = ScriptedServer(request_fault=lambda *_: status)
    with pytest.raises(error):
        written(server, [upsert("1")], max_tries=4)
    assert len(server.requests) == 4


def test_the_servers_own_waiting_time_is_kept_up_to_the_ceiling() -> None:
    pauses: list[float] = []
    server = ScriptedServer(request_fault=lambda _, number: 503 if number == 1 else None, headers={"retry-after": "3"})
    written(server, [upsert("1")], pauses, backoff_s=0.1, max_backoff_s=8.0)
    assert pauses == [3.0]


@pytest.mark.parametrize("status", [401, 403])
def test_wrong_credentials_raise_at_once(status: int) -> None:
    server = ScriptedServer(request_fault=lambda *_: status)
    with pytest.raises(EngineAuthError):
        written(server, [upsert("1")])
    assert len(server.requests) == 1


def test_a_full_disk_raises_at_once() -> None:
    class Full(ScriptedServer):
        def _applied(self, *_: Any) -> Any:
            reason = "disk usage exceeded flood-stage watermark, index has read-only-allow-delete block"
            return {"status": 429, "error": {"type": "cluster_block_exception", "reason": reason}}

    server = Full()
    with pytest.raises(StorageFull, match="Free disk space"):
        written(server, [upsert("1")])
    assert len(server.requests) == 1


def test_an_index_that_is_gone_raises_and_names_it() -> None:
    class Gone(ScriptedServer):
        def _applied(self, *_: Any) -> Any:
            return {"status": 404, "error": {"type": "index_not_found_exception", "reason": "no such index"}}

    with pytest.raises(NotFound, match="'p-000001'"):
        written(Gone(), [upsert("1")])


def test_writes_of_one_id_are_applied_in_their_order_even_when_the_first_fails_at_first() -> None:
    server = ScriptedServer(item_fault=lambda one, seen: 429 if (one, seen) == ("1", 1) else None)
    writes = [upsert("1", "first"), upsert("2"), upsert("1", "second"), Delete(id="2"), upsert("1", "third")]
    results = written(server, writes, max_in_flight=4)
    assert statuses(results) == [S.CREATED, S.CREATED, S.UPDATED, S.DELETED, S.UPDATED]
    assert server.stored["1"]["source"]["title"] == "third"
    assert set(server.stored) == {"1"}


def test_versions_decide_and_unversioned_writes_always_win() -> None:
    server = ScriptedServer()
    writes: list[Write] = [
        upsert("1", "v5", version=5), upsert("1", "v4", version=4), upsert("1", "v5 again", version=5),
        upsert("1", "none"), upsert("1", "v1", version=1),
        Update(id="1", fields={"price_minor": 7}, version=0), Update(id="1", fields={"price_minor": 8}, version=3),
        Update(id="1", fields={"price_minor": 9}), Delete(id="1", version=0), Delete(id="1", version=2),
        Delete(id="1", version=2), Update(id="1", fields={"price_minor": 1}, version=9),
        Update(id="1", fields={"price_minor": 1}), Delete(id="1"), Delete(id="1"),
    ]  # fmt: skip
    results = written(server, writes)
    assert statuses(results) == [
        S.CREATED, S.STALE, S.UPDATED, S.UPDATED, S.UPDATED, S.STALE, S.UPDATED, S.UPDATED, S.STALE, S.DELETED,
        S.MISSING, S.MISSING, S.MISSING, S.DELETED, S.MISSING,
    ]  # fmt: skip
    assert [r.ok for r in results[-5:]] == [True, False, False, True, True]
    assert server.stored == {}


def test_writes_without_a_version_are_sent_without_looking() -> None:
    server = ScriptedServer()
    written(server, [upsert("1"), upsert("2"), Update(id="1", fields={"in_stock": True}), Delete(id="2")])
    assert server.looked_up == []
    written(server, [upsert("1", version=1), upsert("3")])
    assert server.looked_up == ["1"]


def test_a_record_keeps_the_fields_that_were_set_later() -> None:
    server = ScriptedServer()
    changed = Update(id="1", fields={"price_minor": 7}, version=7)
    written(server, [upsert("1", "four", version=4, price_minor=4), changed, upsert("1", "six", version=6)])
    expected = {"id": "1", "title": "six", "price_minor": 7, "version": 7}
    expected["applied"] = {"record": 6, "fields": {"price_minor": 7}}
    assert server.stored["1"]["source"] == expected
    written(server, [upsert("1", "eight", version=8)])
    assert server.stored["1"]["source"] == {"id": "1", "title": "eight", "version": 8}


def test_a_tombstone_holds_nothing_that_a_search_looks_at() -> None:
    server = ScriptedServer()
    writes: list[Write] = [
        upsert("1", version=4), Update(id="1", fields={"price_minor": 7}, version=7), Delete(id="1", version=5),
    ]  # fmt: skip
    assert statuses(written(server, writes)) == [S.CREATED, S.UPDATED, S.DELETED]
    grave = server.stored["1"]["source"]
    assert set(grave) == {"deleted", "deleted_at", "deleted_id"}
    assert grave["deleted"] == {"version": 5, "fields": {"price_minor": 7}, "record": {"price_minor": 7}}
    assert statuses(written(server, [upsert("1", version=5)])) == [S.STALE]
    assert statuses(written(server, [upsert("1", "six", version=6)])) == [S.CREATED]
    assert server.stored["1"]["source"]["price_minor"] == 7


def test_an_update_that_meets_a_tombstone_it_did_not_look_for_is_missing() -> None:
    server = ScriptedServer()
    written(server, [Delete(id="1", version=5)])
    [result] = written(server, [Update(id="1", fields={"price_minor": 1})])
    assert (result.ok, result.status) == (False, S.MISSING)
    assert statuses(written(server, [Delete(id="1", version=4), upsert("1", version=5)])) == [S.MISSING, S.STALE]


def test_a_versioned_update_never_falls_onto_a_tombstone_that_came_in_between() -> None:
    server = ScriptedServer()
    written(server, [upsert("1", version=1)])

    def other_writer(id: str) -> None:
        server.before_apply = lambda _: None
        written(server, [Delete(id=id, version=2)])

    server.before_apply = other_writer
    assert statuses(written(server, [Update(id="1", fields={"price_minor": 1}, version=3)])) == [S.MISSING]
    assert "price_minor" not in server.stored["1"]["source"]


def test_a_versioned_write_looks_again_when_another_writer_came_in_between() -> None:
    """The other writer stores version 9 after we looked and before we wrote: ours is stale, not a lost update."""
    server = ScriptedServer()
    written(server, [upsert("1", version=1)])

    def other_writer(id: str) -> None:
        server.before_apply = lambda _: None
        server.stored[id] = {"source": {"id": id, "version": 9, "title": "theirs"}, "seq_no": 99}

    server.before_apply = other_writer
    pauses: list[float] = []
    assert statuses(written(server, [upsert("1", "ours", version=2)], pauses)) == [S.STALE]
    assert server.stored["1"]["source"]["title"] == "theirs"
    assert pauses == []


def test_stopping_to_read_stops_the_writing() -> None:
    server = ScriptedServer()
    writer = BulkWriter(server, ElasticsearchDialect(), BulkLimits(max_chunk_count=1, max_in_flight=2))  # type: ignore[arg-type]
    results = writer.write((upsert(str(n)) for n in range(100)), "p", Schema())
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert len(server.requests) <= 4
