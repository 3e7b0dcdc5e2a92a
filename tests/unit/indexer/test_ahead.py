from __future__ import annotations

import threading
from collections.abc import Generator

import pytest

from multirecall.indexer.ahead import Ahead


def test_items_come_in_order() -> None:
    with Ahead((i for i in range(100)), size=2, name="t") as ahead:
        assert list(ahead) == list(range(100))


def test_at_most_size_items_are_made_ahead() -> None:
    made: list[int] = []
    third = threading.Event()

    def items() -> Generator[int, None, None]:
        for i in range(10):
            made.append(i)
            if i == 2:
                third.set()
            yield i

    with Ahead(items(), size=2, name="t") as ahead:
        assert third.wait(10)  # two are ready, the third waits for room: the thread can make no fourth
        assert made == [0, 1, 2]
        assert list(ahead) == list(range(10))


def test_an_error_is_raised_after_the_items_before_it() -> None:
    def items() -> Generator[int, None, None]:
        yield 1
        raise OSError("disk")

    got = []
    with Ahead(items(), size=4, name="t") as ahead, pytest.raises(OSError, match="disk"):
        got.extend(ahead)
    assert got == [1]


def test_leaving_early_closes_the_generator_and_ends_the_thread() -> None:
    closed = threading.Event()

    def items() -> Generator[int, None, None]:
        try:
            yield from range(10**9)
        finally:
            closed.set()

    before = threading.active_count()
    with Ahead(items(), size=2, name="t") as ahead:
        assert next(iter(ahead)) == 0
    assert closed.is_set()
    assert threading.active_count() == before


def test_leaving_the_first_of_two_wakes_the_second() -> None:
    gate = threading.Event()

    def slow() -> Generator[int, None, None]:
        yield 1
        gate.wait(10)
        yield 2

    first = Ahead(slow(), size=1, name="first")
    second = Ahead((i * 10 for i in first), size=1, name="second")
    with second, first:
        assert next(iter(second)) == 10
        gate.set()
