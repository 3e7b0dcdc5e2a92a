"""A breaker opens by failures, probes by itself, and forgets."""

from __future__ import annotations

import threading

from multirecall.search.breaker import Breaker
from multirecall.search.lanes import Lane


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def opened(clock: Clock) -> Breaker:
    breaker = Breaker("the engine", failures=3, window_s=10.0, open_s=5.0, clock=clock)
    for _ in range(3):
        assert breaker.refusal() == ""
        breaker.failed("late")
    return breaker


def test_it_opens_after_failures_and_says_why_and_for_how_long() -> None:
    clock = Clock()
    breaker = opened(clock)
    assert (breaker.state, breaker.retry_after_s, breaker.times_opened) == ("open", 5.0, 1)
    assert breaker.refusal() == "the engine failed too often lately (late)"


def test_one_call_probes_and_its_success_closes_it() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 5.0
    assert breaker.state == "half_open"
    assert breaker.refusal() == ""
    assert breaker.refusal() != ""
    breaker.succeeded()
    assert (breaker.state, breaker.refusal(), breaker.retry_after_s) == ("closed", "", 0.0)
    breaker.failed("late")
    assert breaker.state == "closed"


def test_a_probe_that_fails_opens_it_again_and_one_that_is_lost_is_given_up() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 5.0
    assert breaker.refusal() == ""
    breaker.failed("late again")
    assert (breaker.state, breaker.retry_after_s, breaker.times_opened) == ("open", 5.0, 2)
    clock.now += 5.0
    assert breaker.refusal() == ""  # this probe never reports
    clock.now += 4.9
    assert "late again" in breaker.refusal()
    clock.now += 0.1
    assert breaker.refusal() == ""


def test_old_failures_and_rare_ones_do_not_open_it() -> None:
    clock = Clock()
    breaker = Breaker("it", failures=3, window_s=10.0, clock=clock)
    for _ in range(10):
        breaker.failed("late")
        clock.now += 5.1
    assert breaker.state == "closed"
    clock.now += 10.0
    for _ in range(10):  # one in three
        breaker.failed("late")
        breaker.succeeded()
        breaker.succeeded()
    assert breaker.state == "closed"


def test_calls_that_were_refused_and_report_late_change_nothing() -> None:
    clock = Clock()
    breaker = opened(clock)
    breaker.failed("one that began before")
    breaker.succeeded()
    assert (breaker.state, breaker.times_opened) == ("open", 1)


def test_a_model_that_hangs_takes_its_own_threads_and_no_probe_while_it_has_all_of_them() -> None:
    clock, hanging = Clock(), threading.Event()
    breaker = Breaker("the model", failures=2, open_s=5.0, clock=clock)
    lane = Lane("dense", n_threads=2, breaker=breaker)

    def hang() -> float:
        hanging.wait(20.0)
        return 0.0

    futures = [lane.submit(hang) for _ in range(2)]
    assert lane.refusal() == ""  # they may only be slow
    for _ in futures:
        breaker.failed("late")
    assert lane.refusal() == "all 2 threads of its model are taken"
    clock.now += 6.0
    assert lane.refusal() == "all 2 threads of its model are taken"
    hanging.set()
    assert [future.result(timeout=20.0) for future in futures] == [0.0, 0.0]
    while lane.refusal():  # the threads report that they are free
        threading.Event().wait(0.001)
    assert lane.submit(lambda: 1.5).result(timeout=20.0) == 1.5
    lane.close()
