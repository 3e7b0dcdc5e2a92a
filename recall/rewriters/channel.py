"""How probable a slip of the fingers is: doubled letters, neighbouring keys, swapped vowels before anything else."""

from __future__ import annotations

from typing import Final

__all__ = ["MAX_EDITS", "typed_as"]

MAX_EDITS: Final = 2

_P_ONE, _P_TWO = 0.85, 0.15  # of all misspelt words, those with one edit and with two
_NORM = 42.0  # the sum of all weights below over what can happen at one letter

_DOUBLED, _DROPPED, _SWAPPED, _ADDED, _ADDED_NEXT_KEY = 8.0, 3.0, 4.0, 0.3, 1.5
_VOWEL, _NEXT_KEY, _LIKE_SOUND, _OTHER = 3.0, 3.0, 2.5, 0.15
_FIRST_LETTER = 0.3  # first letters are seldom wrong

_VOWELS = frozenset("aeiouy")
_SOUNDS = frozenset(
    frozenset(pair) for pair in ("ck", "sz", "cs", "fv", "gj", "yi", "bp", "dt", "mn", "kq", "vw", "xz", "xs", "ij")
)
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_NEAR = {
    key: frozenset(
        other
        for r, other_row in enumerate(_ROWS)
        for c, other in enumerate(other_row)
        if other != key and abs(r - row) <= 1 and -1 <= (c - column) + (r - row) * 0.5 <= 1
    )
    for row, keys in enumerate(_ROWS)
    for column, key in enumerate(keys)
}
"""Keys that touch, on three rows each half a key to the right of the one above."""


def typed_as(meant: str, typed: str) -> float:
    """The probability that whoever misspells `meant` types `typed`, by the most probable one or two edits; else 0.

    Both in lower case. Equal words have none: nothing was misspelt.
    """
    if meant == typed:
        return 0.0
    scale = _NORM * max(len(meant), 1)
    one = _best(meant, typed, "", "", 1) / scale
    if not one and meant.replace("ph", "f") == typed.replace("ph", "f"):
        one = _LIKE_SOUND / scale
    if one:
        return _P_ONE * one
    return _P_TWO * 2 * _best(meant, typed, "", "", 2) / scale**2


def _best(meant: str, typed: str, last_meant: str, last_typed: str, edits: int) -> float:
    """The weight of the most probable way from one to the other in at most `edits` edits; 1 for no way to go."""
    start, shorter = 0, min(len(meant), len(typed))
    while start < shorter and meant[start] == typed[start]:
        start += 1
    if start:
        last_meant, last_typed = meant[start - 1], typed[start - 1]
        meant, typed = meant[start:], typed[start:]
    if not meant and not typed:
        return 1.0
    if not edits or abs(len(meant) - len(typed)) > edits:
        return 0.0
    first = _FIRST_LETTER if not last_meant else 1.0
    ways = []
    if meant:
        weight = _DOUBLED if meant[0] == last_meant or meant[:1] == meant[1:2] else _DROPPED
        ways.append(first * weight * _best(meant[1:], typed, meant[0], last_typed, edits - 1))
    if typed:
        weight = _added(typed[0], last_typed, typed[1:2])
        ways.append(first * weight * _best(meant, typed[1:], last_meant or " ", typed[0], edits - 1))
    if meant and typed:
        weight = _replaced(meant[0], typed[0])
        ways.append(first * weight * _best(meant[1:], typed[1:], meant[0], typed[0], edits - 1))
    if len(meant) > 1 and meant[:2] == typed[1::-1]:
        ways.append(first * _SWAPPED * _best(meant[2:], typed[2:], meant[1], typed[1], edits - 1))
    return max(ways)


def _added(letter: str, before: str, after: str) -> float:
    if letter in (before, after):
        return _DOUBLED
    near = _NEAR.get(letter, frozenset())
    return _ADDED_NEXT_KEY if before in near or after in near else _ADDED


def _replaced(meant: str, typed: str) -> float:
    if meant in _VOWELS and typed in _VOWELS:
        return _VOWEL
    if typed in _NEAR.get(meant, ""):
        return _NEXT_KEY
    return _LIKE_SOUND if frozenset((meant, typed)) in _SOUNDS else _OTHER
