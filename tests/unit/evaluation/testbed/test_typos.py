from __future__ import annotations

import pytest

from multirecall.evaluation.testbed.draws import Dice
from multirecall.evaluation.testbed.typos import misspell


def edits(one: str, other: str) -> int:
    """Levenshtein distance."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        last, row = row, [i]
        for j, b in enumerate(other, 1):
            row.append(min(last[j] + 1, row[-1] + 1, last[j - 1] + (a != b)))
    return row[-1]


def test_misspell_changes_words_a_little_and_leaves_numbers_alone() -> None:
    for i in range(300):
        wrong = misspell("samson 19mm cordless drill 400", Dice(1, str(i)))
        if wrong is None:  # an edit that gave the word again, such as a doubled letter taken away
            continue
        words = wrong.split(" ")
        assert words[1] == "19mm"
        assert words[4] == "400"
        assert 1 <= edits(wrong, "samson 19mm cordless drill 400") <= 4


@pytest.mark.parametrize("text", ["19mm", "tv", "lj-4250", ""])
def test_misspell_gives_none_where_no_word_can_take_an_error(text: str) -> None:
    assert misspell(text, Dice(1, "x")) is None
