from __future__ import annotations

import pytest

from multirecall.recall.rewriters.channel import typed_as


@pytest.mark.parametrize(
    ("likely", "unlikely"),
    [
        (("processor", "procesor"), ("processor", "processr")),  # one of two, rather than any letter
        (("toner", "tonner"), ("toner", "toqner")),  # twice the same key
        (("monitor", "monutor"), ("monitor", "monqtor")),  # a neighbour, or a vowel
        (("cable", "cabel"), ("cable", "cabxe")),  # swapped
        (("mouse", "moise"), ("mouse", "noise")),  # one edit rather than two
        (("printer", "prinrer"), ("printer", "rrinter")),  # first letters are seldom wrong
        (("headphones", "headfones"), ("headphones", "headqones")),  # as it sounds
    ],
)
def test_common_slips_are_likelier(likely: tuple[str, str], unlikely: tuple[str, str]) -> None:
    assert typed_as(*likely) > typed_as(*unlikely) >= 0


def test_golden_values() -> None:
    # One dropped letter of weight 3 out of 42 a letter, of the 0.85 with one edit.
    assert typed_as("monitor", "monitr") == pytest.approx(0.85 * 3 / (42 * 7))
    # Two dropped letters: 0.15, in either order.
    assert typed_as("monitor", "mnitr") == pytest.approx(0.15 * 2 * 3 * 3 / (42 * 7) ** 2)


def test_no_slip_at_all_and_too_many() -> None:
    assert typed_as("mouse", "mouse") == 0
    assert typed_as("mouse", "cable") == 0
    assert typed_as("", "abc") == 0


def test_all_slips_of_a_word_together_are_no_more_than_all_slips() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    word = "printer"
    typed = {word[:i] + word[i + 1 :] for i in range(len(word))}
    typed |= {word[:i] + c + word[i + j :] for i in range(len(word)) for c in letters for j in (0, 1)}
    typed |= {word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in range(len(word) - 1)}
    assert 0.2 < sum(typed_as(word, one) for one in typed) <= 1
