"""The order in which services start and stop."""

from __future__ import annotations

from graphlib import TopologicalSorter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multirecall.engine.cluster.errors import InvalidComposeFile
from multirecall.engine.cluster.ordering import start_waves, stop_waves


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, tuple[str, ...]]:
    """Services without circles: each waits only for some that come before it in a hidden order."""
    names = [f"s{n}" for n in range(draw(st.integers(0, 8)))]
    waits = {name: tuple(draw(st.sets(st.sampled_from(names[:at])))) if at else () for at, name in enumerate(names)}
    return {name: waits[name] for name in draw(st.permutations(names))}


def test_start_waves_when_independent_then_together_and_in_the_order_of_the_file() -> None:
    waits = {"api": ("redis", "search"), "redis": (), "worker": ("redis",), "search": ()}
    assert start_waves(waits) == [["redis", "search"], ["api", "worker"]]


def test_start_waves_when_waiting_for_what_is_not_there_then_it_does_not_count() -> None:
    assert start_waves({"api": ("off",)}) == [["api"]]


def test_start_waves_when_a_circle_then_it_is_named_and_nothing_else() -> None:
    with pytest.raises(InvalidComposeFile) as caught:
        start_waves({"x": ("a",), "a": ("b",), "b": ("c",), "c": ("a",), "y": ()})
    assert caught.value.data["services"] in (["a", "b", "c", "a"], ["b", "c", "a", "b"], ["c", "a", "b", "c"])


def test_stop_waves_when_chained_then_the_other_way_round() -> None:
    assert stop_waves({"redis": (), "worker": ("redis",), "page": ("worker",)}) == [["page"], ["worker"], ["redis"]]


@given(graphs())
def test_waves_when_any_graph_then_each_name_once_and_no_edge_inside_or_backwards(
    waits: dict[str, tuple[str, ...]],
) -> None:
    TopologicalSorter(waits).prepare()  # the oracle: raises if there were a circle
    for waves, forwards in ((start_waves(waits), True), (stop_waves(waits), False)):
        place = {name: number for number, wave in enumerate(waves) for name in wave}
        assert sorted(place) == sorted(waits)
        assert sum(map(len, waves)) == len(waits)
        for name, others in waits.items():
            assert all((place[other] < place[name]) == forwards and place[other] != place[name] for other in others)
