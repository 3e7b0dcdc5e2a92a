"""Chunks, and that each change has its result: what fails is sent again, and nothing else. No network."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multirecall_client import ConnectionBroken, Delete, InvalidArgument, Unauthorized, Unavailable, Update, Upsert
from multirecall_client.bulk import Chunk, Chunker, deliver
from multirecall_client.changes import BulkIncomplete, BulkReport, Change, ChangeResult
from multirecall_client.errors import InvalidRequest, NoAnswer, UnreadableAnswer
from multirecall_client.options import Options
from multirecall_client.sending import Answer, Request
from tests.unit.client.driving import Driver, Reply, answer, problem


def chunks(*changes: Change, **limits: int) -> list[Chunk]:
    chunker = Chunker(**limits)
    return [chunk for change in changes for chunk in chunker.add(change)] + chunker.rest()


def upserts(*ids: str) -> tuple[Upsert, ...]:
    return tuple(Upsert({"id": name, "n": n}) for n, name in enumerate(ids))


def sent(request: Request) -> list[Any]:
    body = json.loads(request.body or b"")
    [items] = [value for name, value in body.items() if name != "version"]
    return list(items)


def written(request: Request, failing: tuple[str, ...] = ()) -> Answer:
    items = [{"id": item["id"], "status": "failed" if item["id"] in failing else "applied"} for item in sent(request)]
    return answer(200, {"items": items, "request_id": "r"})


def fails(*ids: str) -> Reply:
    return lambda request: written(request, ids)


def delivered(*changes: Change, replies: list[Reply], **options: Any) -> tuple[list[ChangeResult], Driver]:
    driver = Driver()
    [chunk] = chunks(*changes)
    flow = deliver(chunk, Options(**options), driver.retrying, wait="applied")
    return driver.run(flow, replies), driver


# ---------------------------------------------------------------- chunks


def test_a_chunk_is_full_by_count_or_by_bytes() -> None:
    assert [len(chunk.pieces) for chunk in chunks(*upserts(*"abcde"), items=2)] == [2, 2, 1]
    size = len(b'{"id":"a","n":0},')
    assert [len(chunk.pieces) for chunk in chunks(*upserts(*"abcde"), bytes=3 * size)] == [3, 2]
    assert [len(chunk.pieces) for chunk in chunks(*upserts(*"abc"), bytes=1)] == [1, 1, 1]
    assert chunks() == []


def test_bodies_are_what_the_endpoints_read_and_keep_within_the_bytes() -> None:
    found = chunks(
        *upserts("a", "b"), Update("c", {"price": 1}, version=3), Delete("d"), Delete("e", 7), Delete("f", 7)
    )
    calls = [chunk.call(chunk.pieces, "none") for chunk in found]
    assert [(call.method, json.loads(call.body or b"")) for call in calls] == [
        ("POST", {"products": [{"id": "a", "n": 0}, {"id": "b", "n": 1}]}),
        ("PATCH", {"updates": [{"id": "c", "set": {"price": 1}, "version": 3}]}),
        ("DELETE", {"ids": ["d"]}),
        ("DELETE", {"ids": ["e", "f"], "version": 7}),
    ]
    assert [piece.index for chunk in found for piece in chunk.pieces] == list(range(6))
    assert all(call.path == "/v1/products" and call.params == {"wait": "none"} for call in calls)


@pytest.mark.parametrize("limits", [{"items": 0}, {"bytes": 0}])
def test_limits_below_one_are_refused(limits: dict[str, int]) -> None:
    with pytest.raises(InvalidArgument, match="at least 1"):
        Chunker(**limits)


def test_what_is_no_change_is_refused_by_its_number() -> None:
    chunker = Chunker()
    chunker.add(Delete("a"))
    with pytest.raises(InvalidArgument, match="Change 1"):
        chunker.add({"id": "b"})  # type: ignore[arg-type]


# ---------------------------------------------------------------- delivery


def test_only_what_failed_is_sent_again() -> None:
    results, driver = delivered(*upserts(*"abcd"), replies=[fails("b", "d"), fails("d"), fails()])
    assert [[item["id"] for item in sent(request)] for request in driver.requests] == [list("abcd"), ["b", "d"], ["d"]]
    assert [(one.index, one.id, one.status, one.attempts) for one in results] == [
        (0, "a", "applied", 1),
        (1, "b", "applied", 2),
        (2, "c", "applied", 1),
        (3, "d", "applied", 3),
    ]
    assert len(driver.waits) == 2


def test_a_later_change_of_a_failed_product_is_sent_again_after_it() -> None:
    def first_fails(request: Request) -> Answer:
        statuses = ["failed", "applied", "applied"]
        items = [{"id": item["id"], "status": status} for item, status in zip(sent(request), statuses, strict=True)]
        return answer(200, {"items": items})

    results, driver = delivered(*upserts("a", "b", "a"), replies=[first_fails, fails()])
    assert [item["n"] for item in sent(driver.requests[1])] == [0, 2]
    assert [one.status for one in results] == ["applied"] * 3


def test_what_never_goes_in_is_given_up_and_says_so() -> None:
    results, driver = delivered(*upserts(*"ab"), replies=[fails("b")] * 3, retries=2)
    assert [(one.status, one.attempts, one.ok) for one in results] == [("applied", 1, True), ("failed", 3, False)]
    assert len(driver.requests) == 3


@pytest.mark.parametrize("reply", [problem(503), problem(429), problem(502), ConnectionBroken("reset")], ids=repr)
def test_a_chunk_without_an_answer_is_sent_again_whole(reply: Answer | NoAnswer) -> None:
    results, driver = delivered(*upserts(*"ab"), replies=[reply, fails()])
    assert driver.requests[0].body == driver.requests[1].body
    assert [one.attempts for one in results] == [2, 2]


def test_a_chunk_that_cannot_be_delivered_raises_why() -> None:
    with pytest.raises(Unavailable):
        delivered(*upserts("a"), replies=[problem(503)] * 3, retries=2)
    with pytest.raises(Unauthorized):
        delivered(*upserts("a"), replies=[problem(401)])
    with pytest.raises(Unavailable):
        delivered(*upserts("a"), replies=[problem(503, retry_after_s=3600)])


def test_results_that_are_known_are_not_lost_to_a_later_failure() -> None:
    results, _ = delivered(*upserts(*"ab"), replies=[fails("b"), problem(503)], retries=1)
    assert [one.status for one in results] == ["applied", "failed"]


def test_a_body_that_is_too_large_is_halved_down_to_the_change_that_is() -> None:
    def at_most_two(request: Request) -> Answer:
        fits = len(sent(request)) <= 2 and all(item["id"] != "c" for item in sent(request))
        return written(request) if fits else problem(413, "too_large")

    results, driver = delivered(*upserts(*"abcd"), replies=[at_most_two] * 5)
    assert [one.status for one in results] == ["applied", "applied", "refused", "applied"]
    assert [len(sent(request)) for request in driver.requests] == [4, 2, 2, 1, 1]
    assert driver.waits == []


def test_a_change_that_spoils_the_whole_body_is_refused_alone() -> None:
    def spoiled(request: Request) -> Answer:
        for place, item in enumerate(sent(request)):
            if not item["id"]:
                return problem(422, "invalid_input", field=f"updates.{place}.id")
        return written(request)

    changes = [Update(name, {"price": 1}) for name in ("a", "", "b", "")]
    results, driver = delivered(*changes, replies=[spoiled] * 3)
    assert [(one.status, one.field) for one in results] == [
        ("applied", ""),
        ("refused", "id"),
        ("applied", ""),
        ("refused", "id"),
    ]
    assert len(driver.requests) == 3


def test_a_request_that_is_refused_for_none_of_its_changes_raises() -> None:
    for field in (None, "wait", "updates", "updates.9.id"):
        with pytest.raises(InvalidRequest):
            delivered(Update("a", {"price": 1}), replies=[problem(422, field=field)])


def test_what_json_cannot_say_is_refused_here_and_the_others_go_on() -> None:
    changes = (Upsert({"id": "a", "x": object()}), Upsert({"id": "b"}), Upsert({"id": "c", "t": "\ud800"}), Upsert("d"))  # type: ignore[arg-type]
    results, driver = delivered(*changes, replies=[fails()])
    assert [one.status for one in results] == ["refused", "applied", "refused", "refused"]
    assert [one.attempts for one in results] == [0, 1, 0, 0]
    assert results[0].id == "a"
    assert [item["id"] for item in sent(driver.requests[0])] == ["b"]
    [chunk] = chunks(changes[0])
    assert Driver().run(deliver(chunk, Options(), Driver().retrying, wait="none"), [])[0].status == "refused"


def test_numbers_that_json_lacks_reach_the_service_as_texts_and_not_as_nothing() -> None:
    _, driver = delivered(Upsert({"id": "a", "price": float("nan")}), replies=[fails()])
    assert sent(driver.requests[0]) == [{"id": "a", "price": "NaN"}]


def test_more_or_fewer_results_than_changes_are_no_answer() -> None:
    with pytest.raises(UnreadableAnswer, match="1 results for 2 changes"):
        delivered(*upserts(*"ab"), replies=[answer(200, {"items": [{"id": "a", "status": "applied"}]})])


@given(
    ids=st.lists(st.sampled_from("abc"), min_size=1, max_size=12),
    fates=st.lists(st.sampled_from(["applied", "failed", "lost", "busy"]), max_size=40),
    items=st.integers(1, 5),
)
def test_the_last_change_of_each_product_is_what_stays_whatever_fails(
    ids: list[str], fates: list[str], items: int
) -> None:
    """A service in which each change may fail, the answer may be lost after all was done, or nothing be taken."""
    stored: dict[str, int] = {}
    coming = iter(fates)

    def serve(request: Request) -> Answer | NoAnswer:
        fate = next(coming, "applied")
        if fate == "busy":
            return problem(503)
        statuses = [next(coming, "applied") for _ in sent(request)]
        done = [status != "failed" for status in statuses]
        stored.update({one["id"]: one["n"] for one, ok in zip(sent(request), done, strict=True) if ok})
        if fate == "lost":
            return ConnectionBroken("reset")
        names = [one["id"] for one in sent(request)]
        results = [{"id": name, "status": "applied" if ok else "failed"} for name, ok in zip(names, done, strict=True)]
        return answer(200, {"items": results})

    driver = Driver()
    results = []
    for chunk in chunks(*upserts(*ids), items=items):
        assert len(chunk.pieces) <= items
        flow = deliver(chunk, Options(retries=50), driver.retrying, wait="none")
        results += driver.serve(flow, serve)
    assert [one.index for one in results] == list(range(len(ids)))
    assert all(one.ok for one in results)
    assert stored == {name: n for n, name in enumerate(ids)}


# ---------------------------------------------------------------- report


def test_a_report_counts_all_and_keeps_the_first_problems() -> None:
    report = BulkReport(keep=2)
    statuses = ["applied", "accepted", "failed", "refused", "missing", "failed"]
    for n, status in enumerate(statuses):
        report.add(ChangeResult(index=n, kind="update", id=str(n), status=status, error="why"))
    report.add(ChangeResult(index=6, kind="delete", id="6", status="missing"))
    assert report.total == 7
    assert report.counts == {"applied": 1, "accepted": 1, "failed": 2, "refused": 1, "missing": 2}
    assert [one.index for one in report.problems] == [2, 3]
    assert not report.ok
    with pytest.raises(BulkIncomplete, match=r"4 of 7 changes did not go in\. The first: update '2': why"):
        report.raise_for_problems()
    assert BulkReport().raise_for_problems().ok
