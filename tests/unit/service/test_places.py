"""Places: bounded, fair, refused before any work, and none is ever lost."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from multirecall.core.errors import Backpressure, InvalidInput
from multirecall.service.places import Places


@asynccontextmanager
async def opened(**limits: Any) -> AsyncIterator[Places]:
    places = Places("test", **limits)
    try:
        yield places
    finally:
        places.close()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():
            await asyncio.sleep(0.001)


def test_work_beyond_the_places_waits_and_beyond_those_is_refused_before_any_work() -> None:
    async def run() -> None:
        async with opened(at_work=2, waiting=3) as places:
            go, begun = threading.Event(), []

            def work(number: int) -> int:
                begun.append(number)
                go.wait(10)
                return number

            tasks = [
                asyncio.create_task(places.run("one", lambda n=n: work(n), wait_s=10))
                for n in range(5)  # type: ignore[misc]
            ]
            await until(lambda: len(begun) == 2 and places.n_waiting == 3)
            with pytest.raises(Backpressure) as caught:
                await places.run("one", lambda: work(99), wait_s=10)
            assert caught.value.data["retry_after_s"] >= 1
            assert places.n_working == 2
            go.set()
            assert await asyncio.gather(*tasks) == [0, 1, 2, 3, 4]
            await until(lambda: places.n_working == 0)
            assert 99 not in begun

    asyncio.run(run())


def test_one_caller_never_has_more_than_its_share_and_others_get_in_beside_it() -> None:
    async def run() -> None:
        async with opened(at_work=4, waiting=8, share=0.5) as places:
            go = threading.Event()
            flood = [asyncio.create_task(places.run("flood", lambda: go.wait(10), wait_s=10)) for _ in range(6)]
            await until(lambda: places.n_working == 2 and places.n_waiting == 4)
            with pytest.raises(Backpressure):
                await places.run("flood", lambda: True, wait_s=10)
            assert await places.run("other", lambda: "in at once", wait_s=0.5) == "in at once"
            go.set()
            assert all(await asyncio.gather(*flood))

    asyncio.run(run())


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_callers_that_wait_take_turns() -> None:
    async def run() -> list[str]:
        order: list[str] = []
        async with opened(at_work=1, waiting=20, clock=Clock()) as places:
            go = threading.Event()
            first = asyncio.create_task(places.run("a", lambda: go.wait(10), wait_s=10))
            await until(lambda: places.n_working == 1)
            rest = [
                asyncio.create_task(places.run(name, lambda name=name: order.append(name), wait_s=10))  # type: ignore[misc]
                for name in ("a", "a", "a", "b", "c", "b")
            ]
            await until(lambda: places.n_waiting == 6)
            go.set()
            await asyncio.gather(first, *rest)
        return order

    assert asyncio.run(run()) == ["a", "b", "c", "a", "b", "a"]


def test_who_was_at_work_for_long_yields_to_who_was_not() -> None:
    costs = {"heavy": 3.0, "light": 1.0}

    async def run() -> list[str]:
        order: list[str] = []
        clock = Clock()
        async with opened(at_work=1, waiting=20, clock=clock) as places:
            go = threading.Event()

            def work(name: str, *, noted: bool = True) -> None:
                if noted:
                    order.append(name)
                else:
                    go.wait(60)
                clock.now += costs[name]

            first = asyncio.create_task(places.run("heavy", lambda: work("heavy", noted=False), wait_s=60))
            await until(lambda: places.n_working == 1)
            rest = [
                asyncio.create_task(places.run(name, lambda name=name: work(name), wait_s=60))  # type: ignore[misc]
                for name in ("heavy", "heavy", *["light"] * 6)
            ]
            await until(lambda: places.n_waiting == 8)
            go.set()
            await asyncio.gather(first, *rest)
        return order

    assert asyncio.run(run()) == ["light", "light", "light", "heavy", "light", "light", "light", "heavy"]


def test_nobody_saves_up_turns_by_not_asking() -> None:
    async def run() -> list[str]:
        order: list[str] = []
        clock = Clock()
        async with opened(at_work=1, waiting=20, clock=clock) as places:
            go = threading.Event()

            def work(name: str) -> None:
                order.append(name)
                clock.now += 1.0

            for _ in range(5):
                await places.run("early", lambda: work("early"), wait_s=60)
                await until(lambda: places.n_working == 0)
            first = asyncio.create_task(places.run("early", lambda: go.wait(60), wait_s=60))
            await until(lambda: places.n_working == 1)
            rest = [
                asyncio.create_task(places.run(name, lambda name=name: work(name), wait_s=60))  # type: ignore[misc]
                for name in ("early", "early", "late", "late", "late")
            ]
            await until(lambda: places.n_waiting == 5)
            go.set()
            await asyncio.gather(first, *rest)
        return order[5:]

    assert asyncio.run(run()) == ["early", "late", "early", "late", "late"]


@pytest.mark.parametrize("yields", [True, False])
def test_who_yields_or_has_many_waiting_begins_only_while_others_have_less_than_half_of_the_places(
    yields: bool,
) -> None:
    async def run() -> None:
        clock = Clock()
        async with opened(at_work=4, waiting=8, yields=lambda one: yields and one == "flood", clock=clock) as places:
            await places.run("flood", lambda: "the first", wait_s=60)
            stop = [threading.Event(), threading.Event()]
            others = [asyncio.create_task(places.run("shop", lambda e=e: e.wait(60), wait_s=60)) for e in stop]  # type: ignore[misc]
            await until(lambda: places.n_working == 2)
            if not yields:  # its first one finds a place; those that come while it waits for more do not
                go = threading.Event()
                hold = [asyncio.create_task(places.run("rest", lambda: go.wait(60), wait_s=60)) for _ in range(2)]
                await until(lambda: places.n_working == 4)
            flood = [asyncio.create_task(places.run("flood", lambda: "done", wait_s=60)) for _ in range(3)]
            await until(lambda: places.n_waiting == 3)
            if not yields:
                go.set()
                await asyncio.gather(*hold)
                await until(lambda: places.n_working == 2)
            assert await places.run("shop", lambda: "at once", wait_s=60) == "at once"
            await until(lambda: places.n_working == 2)
            assert not any(task.done() for task in flood)
            stop[0].set()
            assert await asyncio.gather(*flood) == ["done"] * 3
            stop[1].set()
            await asyncio.gather(*others)

    asyncio.run(run())


def test_who_yields_goes_on_after_a_while_all_the_same() -> None:
    async def run() -> None:
        clock = Clock()
        async with opened(at_work=2, waiting=8, yields=lambda one: one == "flood", clock=clock) as places:
            await places.run("flood", lambda: "the first", wait_s=60)
            stop = threading.Event()
            other = asyncio.create_task(places.run("shop", lambda: stop.wait(60), wait_s=60))
            await until(lambda: places.n_working == 1)
            flood = asyncio.create_task(places.run("flood", lambda: "done", wait_s=60))
            await until(lambda: places.n_waiting == 1)
            clock.now += 60.0
            assert await places.run("shop", lambda: "at once", wait_s=60) == "at once"  # whoever leaves looks again
            assert await flood == "done"
            stop.set()
            await other

    asyncio.run(run())


def test_who_waits_too_long_is_refused_and_its_place_is_not_lost() -> None:
    async def run() -> None:
        async with opened(at_work=1, waiting=4) as places:
            go = threading.Event()
            first = asyncio.create_task(places.run("a", lambda: go.wait(10), wait_s=10))
            await until(lambda: places.n_working == 1)
            with pytest.raises(Backpressure):
                await places.run("b", lambda: True, wait_s=0.01)
            gone = asyncio.create_task(places.run("c", lambda: True, wait_s=10))
            await until(lambda: places.n_waiting == 1)
            gone.cancel()
            with pytest.raises(asyncio.CancelledError):
                await gone
            assert places.n_waiting == 0
            go.set()
            assert await first
            assert await places.run("d", lambda: "free again", wait_s=1) == "free again"

    asyncio.run(run())


def test_a_caller_that_goes_away_keeps_its_place_until_the_work_ends() -> None:
    async def run() -> None:
        async with opened(at_work=1, waiting=0) as places:
            go, begun = threading.Event(), threading.Event()

            def work() -> None:
                begun.set()
                go.wait(10)

            task = asyncio.create_task(places.run("a", work, wait_s=10))
            await until(begun.is_set)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            with pytest.raises(Backpressure):
                await places.run("a", lambda: True, wait_s=10)
            go.set()
            await until(lambda: places.n_working == 0)
            assert await places.run("a", lambda: True, wait_s=10)

    asyncio.run(run())


def test_errors_of_the_work_come_out_and_free_the_place() -> None:
    async def run() -> None:
        async with opened(at_work=1, waiting=0) as places:
            for _ in range(3):
                with pytest.raises(ZeroDivisionError):
                    await places.run("a", lambda: 1 / 0, wait_s=1)
                await until(lambda: places.n_working == 0)

    asyncio.run(run())


def test_after_the_end_everything_is_refused() -> None:
    async def run() -> None:
        places = Places("test", at_work=1, waiting=1)
        places.close()
        with pytest.raises(Backpressure):
            await places.run("a", lambda: True, wait_s=1)
        assert places.n_working == 0

    asyncio.run(run())


@pytest.mark.parametrize("wrong", [{"at_work": 0, "waiting": 1}, {"at_work": 1, "waiting": -1}])
def test_limits_that_mean_nothing_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InvalidInput):
        Places("test", **wrong)
    with pytest.raises(InvalidInput):
        Places("test", at_work=1, waiting=1, share=0)


def test_while_others_ask_no_caller_has_more_waiting_than_a_quarter_of_a_second_takes() -> None:
    async def run() -> None:
        clock, told = Clock(), list[tuple[str, float]]()
        async with opened(
            at_work=2, waiting=50, share=0.5, clock=clock, worked=lambda caller, seconds: told.append((caller, seconds))
        ) as places:
            go = threading.Event()

            def ask() -> asyncio.Task[bool]:
                return asyncio.create_task(places.run("flood", lambda: go.wait(60), wait_s=60))

            tasks = [ask() for _ in range(11)]
            await until(lambda: places.n_waiting == 10)  # half a second's, at the 50 ms that are thought of at first
            assert await places.run("shop", lambda: True, wait_s=60)
            with pytest.raises(Backpressure):
                await places.run("flood", lambda: True, wait_s=60)
            clock.now += 3.0  # the shop has not asked for so long
            tasks.append(ask())
            await until(lambda: places.n_waiting == 11)
            go.set()
            assert all(await asyncio.gather(*tasks))
            await until(lambda: places.n_working == 0)
            assert told == [("flood", 3.0)], "the clock stood still for all others"

    asyncio.run(run())
