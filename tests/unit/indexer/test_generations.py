"""The line of indexes that served, and where a rollback leads."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from multirecall.core.errors import InvalidInput, NotFound
from multirecall.engines.exact import ExactEngine
from multirecall.engines.schema import Schema
from multirecall.indexer.generations import build_mark, line_of_generations, rollback_to


@pytest.fixture
def engine() -> Iterator[ExactEngine]:
    with ExactEngine("shop") as engine:
        yield engine


def add(engine: ExactEngine, replaces: str | None, *, live: bool = True, marked: bool = True) -> str:
    index = engine.create(Schema(metadata={"build": build_mark(replaces)} if marked else {}))
    if live:
        engine.swap(index)
    return index


def test_nothing_served_before_the_first_index(engine: ExactEngine) -> None:
    assert line_of_generations(engine) == []
    with pytest.raises(NotFound):
        rollback_to(engine)
    first = add(engine, None)
    assert line_of_generations(engine) == [first]
    with pytest.raises(NotFound, match=f"no index before {first}") as caught:
        rollback_to(engine)
    assert "multirecall generations" in caught.value.hint


def test_the_line_goes_back_from_the_live_index(engine: ExactEngine) -> None:
    first = add(engine, None)
    second = add(engine, first)
    stopped = add(engine, second, live=False)
    third = add(engine, second)
    assert line_of_generations(engine) == [third, second, first]
    assert rollback_to(engine) == second
    assert rollback_to(engine, first) == first
    assert rollback_to(engine, stopped) == stopped
    engine.swap(second)
    assert line_of_generations(engine) == [second, first]
    assert rollback_to(engine) == first
    assert rollback_to(engine, third) == third


def test_the_line_ends_where_an_index_is_gone_or_says_nothing(engine: ExactEngine) -> None:
    first = add(engine, None)
    second = add(engine, first)
    third = add(engine, second)
    engine.drop(first)
    assert line_of_generations(engine) == [third, second]
    by_hand = add(engine, third, marked=False)
    assert line_of_generations(engine) == [by_hand]
    with pytest.raises(NotFound):
        rollback_to(engine)


def test_a_line_in_a_circle_ends(engine: ExactEngine) -> None:
    second = engine.create(Schema(metadata={"build": {"replaces": "shop-000002"}}))
    first = engine.create(Schema(metadata={"build": {"replaces": "shop-000001"}}))
    engine.swap(first)
    assert line_of_generations(engine) == [first, second]


def test_an_index_that_is_not_there_names_those_that_are(engine: ExactEngine) -> None:
    first = add(engine, None)
    with pytest.raises(NotFound, match="no index 'nothing'") as caught:
        rollback_to(engine, "nothing")
    assert first in caught.value.hint


def test_the_live_index_is_no_way_back(engine: ExactEngine) -> None:
    first = add(engine, None)
    with pytest.raises(InvalidInput, match="live already"):
        rollback_to(engine, first)


def test_a_rollback_swaps_nothing_by_itself(engine: ExactEngine) -> None:
    second = add(engine, add(engine, None))
    rollback_to(engine)
    assert engine.info().name == second
