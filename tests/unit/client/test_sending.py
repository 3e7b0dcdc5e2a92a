"""What is sent again, when, for how long, and what is raised in the end. No network: answers are given."""

from __future__ import annotations

from email.utils import formatdate
from typing import Any

import pytest

from multirecall_client import (
    ApiError,
    ConnectionBroken,
    ConnectionFailed,
    DeadlineExceeded,
    Forbidden,
    InvalidArgument,
    InvalidRequest,
    NoAnswer,
    RateLimited,
    Search,
    SearchResult,
    ServerFailed,
    TimedOut,
    Unavailable,
    UnreadableAnswer,
    calls,
)
from multirecall_client.calls import Call
from multirecall_client.options import Options
from multirecall_client.sending import send
from tests.unit.client.driving import Driver, Reply, answer, problem

FOUND = answer(200, {"hits": {"total": {"value": 0, "relation": "exact"}, "hits": []}, "request_id": "r9"})
SEARCH = calls.search(Search(query="toner"))
EVENTS = calls.events([], [])
STORED = answer(200, {"stored": 0})
BROKEN, REFUSED = ConnectionBroken("reset"), ConnectionFailed("refused")
LATE, NEVER_SENT = TimedOut("late"), TimedOut("no place in the pool", sent=False)


def ask(call: Call[Any], *replies: Reply, driver: Driver | None = None, **options: Any) -> Any:
    driver = driver or Driver()
    return driver.run(send(call, Options(**options), driver.retrying), replies)


def test_a_request_says_what_it_is_and_has_an_id_of_its_own() -> None:
    driver = Driver()
    assert isinstance(ask(SEARCH, FOUND, driver=driver, headers={"X-Shop": "a"}), SearchResult)
    [request] = driver.requests
    assert (request.method, request.path, request.body) == ("POST", "/v1/search", b'{"query":"toner"}')
    assert request.headers["X-Shop"] == "a"
    assert request.headers["X-Request-Id"] == request.request_id
    assert len(request.request_id) == 32
    ask(SEARCH, FOUND, driver=driver)
    assert driver.requests[1].request_id != request.request_id


@pytest.mark.parametrize(
    "reply", [BROKEN, REFUSED, LATE, *(problem(status) for status in (408, 429, 502, 503, 504))], ids=repr
)
def test_a_read_is_sent_again_with_the_same_id_after_what_may_pass(reply: Reply) -> None:
    driver = Driver()
    ask(SEARCH, reply, reply, FOUND, driver=driver)
    assert len({request.request_id for request in driver.requests}) == 1
    assert len(driver.waits) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413, 422, 500, 501, 507])
def test_what_will_not_pass_is_raised_at_once(status: int) -> None:
    with pytest.raises(ApiError) as caught:
        ask(SEARCH, problem(status))
    assert caught.value.status == status


@pytest.mark.parametrize("reply", [REFUSED, NEVER_SENT, problem(429), problem(503)], ids=repr)
def test_events_are_sent_again_if_surely_nothing_was_stored(reply: Reply) -> None:
    assert ask(EVENTS, reply, STORED).stored == 0


@pytest.mark.parametrize("reply", [BROKEN, LATE, problem(502), problem(504)], ids=repr)
def test_events_that_may_have_been_stored_are_not_sent_again(reply: Reply) -> None:
    with pytest.raises((NoAnswer, ApiError)):
        ask(EVENTS, reply)


def test_readiness_is_never_asked_twice_and_503_is_an_answer() -> None:
    state = ask(calls.ready(), answer(503, {"status": "not ready", "parts": {"engine": "engine_unavailable"}}))
    assert not state
    assert state.parts == {"engine": "engine_unavailable"}
    for reply in (REFUSED, problem(429), problem(503), answer(503, b"<html>")):
        with pytest.raises((NoAnswer, ApiError)):
            ask(calls.ready(), reply)


def test_waits_double_up_to_a_ceiling_and_half_of_each_is_chance() -> None:
    replies: list[Reply] = [REFUSED] * 12
    for chance in (0.0, 1.0):
        driver = Driver(chance=chance)
        with pytest.raises(ConnectionFailed):
            ask(EVENTS, *replies, driver=driver, retries=11)
        assert driver.waits == [min(20.0, 0.25 * 2**n) * (1 + chance) / 2 for n in range(11)]


def test_the_services_own_word_on_when_to_come_back_counts_with_a_little_chance_on_top() -> None:
    for reply in (problem(429, retry_after_s=1.5), answer(429, b"", retry_after="1")):
        driver = Driver(chance=1.0)
        ask(SEARCH, reply, FOUND, driver=driver)
        assert driver.waits == [1.25 * (1.5 if reply.body else 1.0)]


def test_a_date_to_come_back_at_is_understood() -> None:
    driver = Driver(chance=0.0)
    with pytest.raises(Unavailable) as caught:
        ask(EVENTS, answer(503, b"", retry_after=formatdate(4_000_000_000, usegmt=True)), driver=driver)
    assert caught.value.retry_after_s is not None
    assert caught.value.retry_after_s > 60  # beyond what is waited for
    for text in ("soon", "", "-3"):
        with pytest.raises(ServerFailed) as failed:
            ask(SEARCH, answer(500, b"", retry_after=text))
        assert failed.value.retry_after_s is None


def test_a_read_ends_within_its_time_whatever_is_left_to_try() -> None:
    driver = Driver(request_s=0.3)
    with pytest.raises(Unavailable):
        ask(SEARCH, problem(503), problem(503), driver=driver, timeout_s=1.0, retries=10)
    assert [request.timeout_s for request in driver.requests] == pytest.approx([1.0, 1.0 - 0.3 - 0.25])
    assert driver.now <= 1.0


def test_a_wait_longer_than_the_time_is_not_begun() -> None:
    driver = Driver()
    with pytest.raises(RateLimited):
        ask(SEARCH, problem(429, retry_after_s=5.0), driver=driver, timeout_s=2.0)
    assert driver.waits == []


def test_each_attempt_of_a_write_has_all_of_its_time() -> None:
    driver = Driver(request_s=5.0)
    ask(EVENTS, problem(503), problem(503), STORED, driver=driver, timeout_s=6.0)
    assert [request.timeout_s for request in driver.requests] == [6.0] * 3


def test_no_retries_means_one_attempt() -> None:
    with pytest.raises(ConnectionBroken):
        ask(SEARCH, BROKEN, retries=0)


def test_a_problem_keeps_what_it_says() -> None:
    told = problem(422, "invalid_filter", detail="Do so.", field="filters.0", request_id="theirs")
    with pytest.raises(InvalidRequest) as caught:
        ask(SEARCH, told)
    error = caught.value
    assert (error.code, error.title, error.hint) == ("invalid_filter", "No.", "Do so.")
    assert (error.field, error.request_id, str(error)) == ("filters.0", "theirs", "No. Do so.")


def test_an_error_of_something_in_between_has_its_class_and_the_id_that_was_sent() -> None:
    with pytest.raises(Forbidden) as caught:
        ask(SEARCH, answer(403, b"<html>no</html>"), request_id="mine")
    assert (caught.value.request_id, caught.value.code) == ("mine", "")
    with pytest.raises(ApiError) as redirect:
        ask(SEARCH, answer(302, b"", location="https://elsewhere.example"))
    assert redirect.value.status == 302


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"[]", b'{"hits": 3}', b"\xff"])
def test_an_answer_that_makes_no_sense_is_told_as_such(body: bytes) -> None:
    with pytest.raises(UnreadableAnswer) as caught:
        ask(SEARCH, answer(200, body, x_request_id="theirs"))
    assert caught.value.request_id == "theirs"


def test_a_deadline_of_the_service_has_its_own_error() -> None:
    with pytest.raises(DeadlineExceeded):
        ask(SEARCH, problem(504), retries=0)


def test_what_json_cannot_say_is_refused_before_it_is_sent() -> None:
    with pytest.raises(InvalidArgument, match="JSON"):
        calls.search(Search(query="\ud800"))


@pytest.mark.parametrize(("id", "path"), [("a/b?c#d", "a%2Fb%3Fc%23d"), ("ä", "%C3%A4"), ("..a", "..a")])
def test_any_id_stands_in_a_path(id: str, path: str) -> None:
    assert calls.product(id).path == f"/v1/products/{path}"


@pytest.mark.parametrize("id", ["", ".", ".."])
def test_an_id_that_no_path_can_say_is_refused(id: str) -> None:
    with pytest.raises(InvalidArgument, match="id"):
        calls.product(id)
