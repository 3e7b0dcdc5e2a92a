"""Copies of queries with a slip of the fingers: added, the clean query stays (sheet 4, section 3).

Made by other rules than the generated bed's misspelt queries (`evaluation/testbed/typos.py`), so that what is measured
there is not what was trained on: neighbours by where the keys lie, any letter of a word, one edit only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from multirecall.evaluation.testbed.draws import Dice
from multirecall.training.graded.groups import GradedGroup

__all__ = ["MISSPELT_SHARE", "slipped", "with_slips"]

MISSPELT_SHARE = 0.3

_MIN_CHARS = 4
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_OFFSETS = (0.0, 0.25, 0.75)  # by how many keys each row is moved to the right
_REACH = 1.2  # keys between the middles of two neighbours
_VOWELS = "aeiou"
_TOKEN = re.compile(r"\S+")
_LETTERS = re.compile(r"[^\W\d_]{3,}")
_SIZES = frozenset(["xxs", "xxl", "xxxl", "xxxxl", "inch", "inches", "mah", "watt", "volt", "liter", "litre"])


def with_slips(groups: Sequence[GradedGroup], *, share: float = MISSPELT_SHARE, seed: int) -> list[GradedGroup]:
    """All groups in their order, and after them the misspelt copies of about a `share` of those that can take a slip.

    A copy's `original` is the query's id, its id is that with `~slip` behind. Whether and how a query is misspelt is a
    function of seed and id alone. No copy is made whose text another group has.
    """
    taken = {group.query.casefold() for group in groups}
    copies = []
    for group in groups:
        dice = Dice(seed, f"slip {group.qid}")
        if len(group.query) < _MIN_CHARS or group.original or not dice.chance(share):
            continue
        text = slipped(group.query, dice)
        if text is not None and text.casefold() not in taken:
            taken.add(text.casefold())
            copies.append(replace(group, query=text, qid=f"{group.qid}~slip", original=group.qid))
    return [*groups, *copies]


def slipped(text: str, dice: Dice) -> str | None:
    """The text with one edit: a letter left out, two swapped, a neighbouring key, a letter doubled, another vowel.

    What holds a digit stays as it is, whatever letters are in it, and so do sizes and units: words of less than three
    letters (xl, cm) and those that are longer. None where no word can take one.
    """
    able = [
        (token.start() + word.start(), word.group())
        for token in _TOKEN.finditer(text)
        if not any(char.isdigit() for char in token.group())
        for word in _LETTERS.finditer(token.group())
        if word.group().casefold() not in _SIZES
    ]
    if not able:
        return None
    start, word = dice.pick(able)
    for edit in dice.shuffled((_left_out, _swapped, _neighbour, _doubled, _other_vowel)):
        wrong = edit(word, dice)
        if wrong is not None and wrong != word:
            return text[:start] + wrong + text[start + len(word) :]
    return None


def _left_out(word: str, dice: Dice) -> str:
    at = dice.below(len(word))
    return word[:at] + word[at + 1 :]


def _swapped(word: str, dice: Dice) -> str | None:
    places = [at for at in range(len(word) - 1) if word[at] != word[at + 1]]
    if not places:
        return None
    at = dice.pick(places)
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def _neighbour(word: str, dice: Dice) -> str | None:
    places = [at for at, char in enumerate(word) if char in _NEIGHBOURS]
    if not places:
        return None
    at = dice.pick(places)
    return word[:at] + dice.pick(_NEIGHBOURS[word[at]]) + word[at + 1 :]


def _doubled(word: str, dice: Dice) -> str:
    at = dice.below(len(word))
    return word[: at + 1] + word[at:]


def _other_vowel(word: str, dice: Dice) -> str | None:
    places = [at for at, char in enumerate(word) if char in _VOWELS]
    if not places:
        return None
    at = dice.pick(places)
    return word[:at] + dice.pick([vowel for vowel in _VOWELS if vowel != word[at]]) + word[at + 1 :]


def _neighbours() -> dict[str, tuple[str, ...]]:
    """By letter, those whose keys touch its own on a QWERTY keyboard."""
    places = {
        char: (column + offset, float(row))
        for row, (chars, offset) in enumerate(zip(_ROWS, _OFFSETS, strict=True))
        for column, char in enumerate(chars)
    }
    return {
        char: tuple(
            other
            for other, (u, v) in places.items()
            if other != char and ((u - x) ** 2 + (v - y) ** 2) ** 0.5 <= _REACH
        )
        for char, (x, y) in places.items()
    }


_NEIGHBOURS = _neighbours()
