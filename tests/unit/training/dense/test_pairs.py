"""Batches: shares are exact, every pair comes once a round, a step does not depend on those before it."""

from __future__ import annotations

from collections import Counter

import pytest

from multirecall.core.errors import InvalidInput
from multirecall.training.dense.pairs import Mixture, Pair, known_answers


def pairs(source: str, n: int) -> list[Pair]:
    return [Pair(query=f"{source} {i}", product=f"p{i}") for i in range(n)]


SOURCES = {"click": pairs("click", 13), "syn": pairs("syn", 5)}


def test_every_batch_holds_each_source_in_its_share() -> None:
    mixture = Mixture(SOURCES, {"click": 0.8, "syn": 0.2}, batch=10, seed=1)
    assert mixture.counts == {"click": 8, "syn": 2}
    for step in range(5):
        assert Counter(pair.query.split()[0] for pair in mixture.batch(step)) == {"click": 8, "syn": 2}


def test_shares_that_do_not_divide_go_to_the_largest_remainder() -> None:
    sources = {name: pairs(name, 3) for name in "abc"}
    mixture = Mixture(sources, {"a": 1, "b": 1, "c": 2}, batch=7, seed=1)
    assert mixture.counts == {"a": 2, "b": 2, "c": 3}  # of 1.75, 1.75 and 3.5


def test_no_pair_comes_again_before_all_came() -> None:
    mixture = Mixture(SOURCES, {"click": 1.0}, batch=13, seed=1)
    first, second = mixture.batch(0), mixture.batch(1)
    assert sorted(pair.query for pair in first) == sorted(pair.query for pair in SOURCES["click"])
    assert first != second


def test_a_step_is_a_function_of_seed_and_step() -> None:
    shares = {"click": 0.5, "syn": 0.5}
    straight = Mixture(SOURCES, shares, batch=6, seed=1)
    steps = [straight.batch(step) for step in range(8)]
    assert [Mixture(SOURCES, shares, batch=6, seed=1).batch(step) for step in (7, 2, 5)] == [
        steps[i] for i in (7, 2, 5)
    ]
    assert Mixture(SOURCES, shares, batch=6, seed=2).batch(0) != steps[0]


@pytest.mark.parametrize(
    ("shares", "batch", "field"),
    [
        ({"other": 1.0}, 4, "shares"),
        ({"click": 0.0}, 4, "shares"),
        ({"click": -1.0}, 4, "shares"),
        ({"syn": 1}, 1, "batch"),
    ],
)
def test_a_mixture_that_cannot_be_had_is_refused(shares: dict[str, float], batch: int, field: str) -> None:
    with pytest.raises(InvalidInput) as error:
        Mixture(SOURCES, shares, batch=batch, seed=1)
    assert error.value.data["field"] == field


def test_answers_are_known_from_all_sources() -> None:
    some = [Pair(query="a", product="1"), Pair(query="b", product="2"), Pair(query="a", product="3")]
    assert known_answers(some) == {"a": frozenset({"1", "3"}), "b": frozenset({"2"})}
