"""The shrinker finds what made a test fail, and gives up in time."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from multirecall.core.filters import And, Exists, Not, Or, Term, Terms
from tests.congruence.shrinking import smallest_failing, smallest_filter


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.integers(1, 300), st.data())
def test_one_guilty_item_is_found(n: int, data: st.DataObject) -> None:
    guilty = data.draw(st.integers(0, n - 1))
    assert smallest_failing(range(n), lambda items: guilty in items) == [guilty]


def test_two_guilty_items_are_found_together() -> None:
    assert smallest_failing(range(64), lambda items: {3, 50} <= set(items), tries=500) == [3, 50]


def test_it_gives_up_with_something_that_still_fails() -> None:
    calls = 0

    def fails(items: Sequence[int]) -> bool:
        nonlocal calls
        calls += 1
        return sum(items) >= 4000

    left = smallest_failing(range(100), fails, tries=10)
    assert calls <= 10
    assert fails(left)


def test_a_filter_is_cut_to_what_is_needed() -> None:
    guilty = Terms(field="brand", values=("HP", "Bosch"))
    node = And(parts=(Exists(field="id"), Not(part=Not(part=Or(parts=(Term(field="id", value="1"), guilty))))))
    small = smallest_filter(node, lambda part: "'Bosch'" in repr(part))
    assert small == Terms(field="brand", values=("Bosch",))
