"""Rate limits: the burst, the rate, debts of batches, and what happens without the shared buckets."""

from __future__ import annotations

import asyncio

import pytest

from multirecall.service.rates import RateLimits


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Shared:
    """One bucket for all, on the same clock; `away` makes it fail."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.tokens, self.at, self.calls, self.away = clock, 0.0, 0.0, 0, False

    async def take(self, name: str, want: float, *, rate_per_s: float, burst: float) -> float:
        self.calls += 1
        if self.away:
            raise OSError("gone")
        before = burst if not self.at else min(burst, self.tokens + (self.clock.now - self.at) * rate_per_s)
        granted = max(0.0, min(before, want))
        self.tokens, self.at = before - granted, self.clock.now
        return granted


def granted(limits: RateLimits, caller: str, tries: int) -> int:
    async def run() -> int:
        return sum([not await limits.take(caller) for _ in range(tries)])

    return asyncio.run(run())


def test_the_burst_passes_then_the_rate_and_callers_do_not_share() -> None:
    clock = Clock()
    limits = RateLimits(rate_per_s=10, burst=5, clock=clock)
    assert granted(limits, "a", 10) == 5
    assert granted(limits, "b", 10) == 5
    clock.now += 0.35
    assert granted(limits, "a", 5) == 3  # 0.35 s at 10 a second
    clock.now += 1000
    assert granted(limits, "a", 20) == 5


def test_a_refusal_says_when_to_ask_again() -> None:
    clock = Clock()
    limits = RateLimits(rate_per_s=4, burst=1, clock=clock)
    assert granted(limits, "a", 1) == 1
    wait_s = asyncio.run(limits.take("a"))
    assert wait_s == pytest.approx(1 / 4)
    clock.now += wait_s
    assert granted(limits, "a", 2) == 1


def test_what_a_batch_took_is_paid_back() -> None:
    clock = Clock()
    limits = RateLimits(rate_per_s=10, burst=5, clock=clock)
    assert granted(limits, "a", 1) == 1
    limits.charge("a", 9)  # 5 - 1 - 9 = -5
    clock.now += 0.5
    assert granted(limits, "a", 5) == 0
    clock.now += 0.2
    assert granted(limits, "a", 5) == 2


def test_processes_share_one_bucket_and_ask_for_it_seldom() -> None:
    clock = Clock()
    shared = Shared(clock)
    processes = [RateLimits(rate_per_s=100, burst=100, shared=shared, clock=clock) for _ in range(3)]
    assert sum(granted(process, "a", 200) for process in processes) == 100
    assert shared.calls < 20, "a tenth of a second's worth at once"
    clock.now += 0.5
    assert sum(granted(process, "a", 200) for process in processes) == pytest.approx(50, abs=3)


def test_tokens_that_nobody_used_go_stale_and_give_no_second_burst() -> None:
    clock = Clock()
    shared = Shared(clock)
    process = RateLimits(rate_per_s=100, burst=10, shared=shared, clock=clock)
    assert granted(process, "a", 1) == 1
    clock.now += 100
    assert granted(process, "a", 50) == 10


def test_without_the_shared_buckets_each_process_limits_by_itself_and_does_not_ask_each_time() -> None:
    clock = Clock()
    shared = Shared(clock)
    shared.away = True
    limits = RateLimits(rate_per_s=10, burst=5, shared=shared, clock=clock)
    assert granted(limits, "a", 20) == 5
    assert granted(limits, "new", 20) == 5, "who comes meanwhile has a whole bucket too"
    assert shared.calls == 1
    shared.away = False
    clock.now += 6
    assert granted(limits, "a", 20) == 5
    assert shared.calls > 1


def test_whoever_keeps_to_its_rate_is_never_refused_while_the_shared_buckets_are_away() -> None:
    clock = Clock()
    shared = Shared(clock)
    shared.away = True
    limits = RateLimits(rate_per_s=10, burst=5, shared=shared, clock=clock)
    for step in range(1_000):
        clock.now += 0.11
        assert granted(limits, "a", 1) == 1
        if step % 100 == 0:
            assert granted(limits, f"new {step}", 20) == 5
    assert shared.calls > 10
    assert granted(limits, "a", 100) <= 5 + 1, "and no burst comes twice"


def test_a_debt_is_paid_from_the_shared_bucket_too() -> None:
    clock = Clock()
    shared = Shared(clock)
    limits = RateLimits(rate_per_s=10, burst=20, shared=shared, clock=clock)
    assert granted(limits, "a", 1) == 1
    limits.charge("a", 10)
    assert granted(limits, "a", 20) == 20 - 1 - 10


def test_refusals_are_held_the_longer_the_more_there_were_and_that_is_forgotten() -> None:
    clock = Clock()
    limits = RateLimits(rate_per_s=10, burst=1, clock=clock)
    assert limits.hold_s("a") == 0.0
    assert granted(limits, "a", 1 + 3) == 1
    assert limits.hold_s("a") == pytest.approx(3 / 10)
    granted(limits, "a", 100)
    assert limits.hold_s("a") == 1.0
    limits.refused("b")
    assert limits.hold_s("b") == pytest.approx(1 / 10)
    clock.now += 30 / 5  # at most three seconds' worth, which drain at half of the rate
    assert limits.hold_s("a") == pytest.approx(0.0)


def test_a_flood_gets_an_eighth_while_others_ask_and_all_of_its_rate_when_they_do_not() -> None:
    clock = Clock()
    limits = RateLimits(rate_per_s=8, burst=1, clock=clock)

    def flooding(seconds: int, others: bool) -> int:
        answered = 0
        for _ in range(seconds * 8):
            clock.now += 1 / 8
            if others:
                assert granted(limits, "shop", 1) == 1
            answered += granted(limits, "flood", 5)
        return answered

    assert granted(limits, "flood", 1 + 4) == 1
    assert not limits.floods("flood"), "half a second's worth at once is no flood yet"
    assert flooding(8, others=True) == pytest.approx(8 * 8 / 8, abs=2)
    assert limits.floods("flood")
    assert not limits.floods("shop")
    clock.now += 2.0  # nobody else asks any more
    assert flooding(8, others=False) == pytest.approx(8 * 8, abs=2)
    clock.now += 60.0
    assert not limits.floods("flood")
    assert granted(limits, "flood", 1) == 1


def test_two_floods_do_not_punish_each_other() -> None:
    clock = Clock()
    limits = RateLimits(rate_per_s=8, burst=1, clock=clock)
    for name in ("a", "b"):
        granted(limits, name, 100)
    clock.now += 2.0
    answered = {"a": 0, "b": 0}
    for _ in range(40):
        clock.now += 1 / 8
        for name in answered:
            answered[name] += granted(limits, name, 5)
    assert answered["a"] == pytest.approx(40, abs=2)
    assert answered["b"] == pytest.approx(40, abs=2)


def test_what_it_can_be_served_is_its_pace_if_its_rate_is_more() -> None:
    clock = Clock()
    limits = RateLimits(rate_per_s=100, burst=100, work_s_per_s=1.0, clock=clock)

    def served(caller: str, n: int, each_s: float) -> int:
        """So many times at once; what was granted takes so long."""
        answered = granted(limits, caller, n)
        for _ in range(answered):
            limits.worked(caller, each_s)
        return answered

    assert served("cheap", 50, 0.001) == served("dear", 50, 0.1) == 50  # can be served 1,000 and 10 times a second
    for _ in range(11):
        limits.refused("cheap")
        limits.refused("dear")
    assert limits.floods("dear")
    assert not limits.floods("cheap"), "its pace is its rate"
    assert limits.hold_s("dear") == 1.0
    assert limits.hold_s("cheap") == pytest.approx(11 / 100)


def test_a_flood_of_long_requests_is_at_work_for_a_sixteenth_of_its_time_while_others_ask() -> None:
    clock = Clock()
    limits = RateLimits(rate_per_s=100, burst=1, work_s_per_s=1.0, clock=clock)
    at_work_s, each_s, seconds = 0.0, 0.05, 20
    for step in range(seconds * 100):
        clock.now += 0.01
        if step % 50 == 0:
            assert granted(limits, "shop", 1) == 1
        if granted(limits, "flood", 1):
            limits.worked("flood", each_s)
            if step >= 1_000:
                at_work_s += each_s
        limits.refused("flood")
    assert at_work_s == pytest.approx(10 / 16, abs=0.1)
