"""Numbers, units and part numbers: one wrong digit is another product."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property
from typing import NamedTuple

import numpy as np

from multirecall.core.compiled import compiled, lowest_bit, part
from multirecall.fusion.features.base import MISSING, Column, Feature, FeatureGroup
from multirecall.fusion.features.incidence import Floats, Integers
from multirecall.fusion.features.pool import Pool
from multirecall.fusion.features.texts import Letters, find

__all__ = ["NUMBER_MATCH"]

_SHORTEST_PREFIX = 4
_SPACE, _END = ord(" "), 0xFF  # which is no byte of UTF-8
_AT_ONCE = 63
"""So many texts are sought at once: a bit for each, and one for the end of a candidate's codes."""

_END_BIT = np.uint64(1 << _AT_ONCE)
_NOT_CODE = re.compile(r"[^a-z0-9]+")


class _Codes(NamedTuple):
    """The codes of all candidates against all that are asked. Shapes (n,).

    `numbers`: the share of the numbers that are codes; `matched`: of the codes that are; `longest`: the letters of the
    longest of these by those of the longest asked; `prefix`: the longest common beginning by the code's length, of
    `_SHORTEST_PREFIX` letters or more; `within`: the largest share of a code that a code asked makes up.
    """

    numbers: Floats
    matched: Floats
    longest: Floats
    prefix: Floats
    within: Floats

    @classmethod
    def of(cls, pool: Pool) -> _Codes:
        """In one pass over the candidates' codes: they are tens of thousands."""
        codes, beginnings = pool.codes, [code for code in pool.codes if len(code) >= _SHORTEST_PREFIX]
        sought = [*codes, *(f" {code}" for code in beginnings), *(f" {number} " for number in pool.numbers)]
        text, found = pool.texts.codes, []
        for first in range(0, len(sought), _AT_ONCE):
            some = [one.encode() for one in sought[first : first + _AT_ONCE]]
            ends = np.cumsum([*map(len, some)], dtype=np.int32)
            found.append(_found(text, len(pool), np.frombuffer(b"".join(some), dtype=np.uint8), ends))
        lengths = np.array([*map(len, codes), *map(len, beginnings)], dtype=np.float64)
        return cls(*_columns(np.concatenate(found), len(codes), lengths))


@compiled
def _columns(found: Floats, n_codes: int, lengths: Floats) -> Floats:
    """`_Codes` in its order, from what was found of each code, of each beginning, and of each number. `lengths`: of
    these codes and beginnings, in letters."""
    columns = np.zeros((5, found.shape[1]))
    numbers, matched, longest, prefix, within = columns[0], columns[1], columns[2], columns[3], columns[4]
    n_numbers, most = len(found) - len(lengths), 1.0
    for code in range(n_codes):
        most = max(most, lengths[code])
    for row in range(found.shape[1]):
        for code in range(n_codes):
            within[row] = max(within[row], found[code, row])
            if found[code, row] == 1.0:
                matched[row] += 1.0
                longest[row] = max(longest[row], lengths[code] / most)
        for beginning in range(n_codes, len(lengths)):
            if found[beginning, row] >= _SHORTEST_PREFIX:
                prefix[row] = max(prefix[row], found[beginning, row] / lengths[beginning])
        for number in range(len(lengths), len(found)):
            numbers[row] += found[number, row] > 0.0
        matched[row] /= max(n_codes, 1)
        numbers[row] /= max(n_numbers, 1)
    return columns


@compiled
def _found(text: Letters, n: int, sought: Letters, ends: Integers) -> Floats:
    """Of each text sought and each candidate a figure, shape (len(ends), n), 0 for one that is not found.

    Without a space before it, or with one after it: the largest share of a code that it makes up. Else, how many
    letters a code has in common with it at the beginning, if `_SHORTEST_PREFIX` bytes are. `text` as in `Texts.codes`.
    """
    found = np.zeros((len(ends), n))
    first, second = np.zeros(256, dtype=np.uint64), np.zeros(256, dtype=np.uint64)
    for one in range(len(ends)):  # a bit for each
        begin, bit = ends[one - 1] if one else 0, np.uint64(1) << np.uint64(one)
        first[sought[begin]] |= bit
        if ends[one] - begin > 1:
            second[sought[begin + 1]] |= bit
        else:
            for byte in range(256):
                second[byte] |= bit
    first[_END] = _END_BIT
    for byte in range(256):
        second[byte] |= _END_BIT
    row = 0
    for place in range(len(text) - 1):
        maybe = first[text[place]] & second[text[place + 1]]
        if maybe == _END_BIT:
            row += 1
            continue
        while maybe:
            one = lowest_bit(maybe)
            maybe &= maybe - np.uint64(1)
            of_one = sought[ends[one - 1] if one else 0 : ends[one]]
            same = _same(text, place, of_one)
            if of_one[0] == _SPACE and of_one[-1] != _SPACE:
                figure = _beginning(text, place, of_one, same)
            else:
                figure = _share(text, place, of_one) if same == len(of_one) else 0.0
            found[one, row] = max(found[one, row], figure)
    return found


@part
def _share(text: Letters, place: int, sought: Letters) -> float:
    """The share of the code around it that `sought` makes up, by letters."""
    begin, end = place, place + len(sought)
    while text[begin - 1] != _SPACE and begin > 0:
        begin -= 1
    while text[end] != _SPACE and text[end] != _END:
        end += 1
    return _count(sought) / _count(text[begin:end])


@part
def _beginning(text: Letters, place: int, sought: Letters, same: int) -> float:
    """How many letters are the same, the space before them left out; 0 if these are fewer than some bytes."""
    if same <= _SHORTEST_PREFIX:
        return 0.0
    while _goes_on(text[place + same]) or (same < len(sought) and _goes_on(sought[same])):
        same -= 1  # the last letter has another end there
    return float(_count(sought[:same]) - 1)


@part
def _same(letters: Letters, place: int, sought: Letters) -> int:
    """How many bytes of `sought` stand in `letters` from `place` on."""
    same = 0
    while same < len(sought) and place + same < len(letters) and letters[place + same] == sought[same]:
        same += 1
    return same


@part
def _count(text: Letters) -> int:
    """How many letters a text in UTF-8 has."""
    count = 0
    for byte in text:
        count += not _goes_on(byte)
    return count


@part
def _goes_on(byte: int) -> bool:
    """Whether a byte of UTF-8 is not a letter's first."""
    return (byte & 0xC0) == 0x80


@compiled
def _numbers_held(
    words: Integers, at: Integers, vocabulary: tuple[Integers, Integers], with_number: Integers, ends: Integers
) -> Floats:
    """Per candidate the share of some numbers that its title holds. `words` … `vocabulary` as in `Texts`;
    `with_number`: the lexicon's words that hold each number, and where those of each end."""
    share = np.zeros(at.shape[1])
    holding = find(vocabulary, with_number)
    holds = np.zeros(len(vocabulary[0]), dtype=np.bool_)
    for number in range(len(ends)):
        for word in range(len(holds)):
            holds[word] = False
        for one in holding[ends[number - 1] if number else 0 : ends[number]]:
            if one >= 0:
                holds[one] = True
        for row in range(len(share)):
            held = False
            for word in words[at[1, row] : at[2, row]]:
                held |= holds[word]
            share[row] += held / len(ends)
    return share


class _Numbers:
    """Missing where the query has no number, or no code with a digit."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool

    @cached_property
    def codes(self) -> _Codes:
        return _Codes.of(self.pool)

    def of_codes(self, column: Callable[[_Codes], Column]) -> Column | float:
        return column(self.codes) if self.pool.codes else MISSING

    def numbers_in_title(self) -> Column | float:
        if not self.pool.numbers:
            return MISSING
        texts = self.pool.texts
        holding = [texts.lexicon.with_number.get(number, ()) for number in self.pool.numbers]
        words = np.array([word for some in holding for word in some], dtype=np.int32)
        ends = np.cumsum([*map(len, holding)], dtype=np.int32)
        share: Column = _numbers_held(texts.words, texts.at, texts.vocabulary, words, ends)
        return share

    def numbers_in_codes(self) -> Column | float:
        return self.codes.numbers if self.pool.numbers else MISSING

    def title_contains(self) -> Column | float:
        asked = _NOT_CODE.sub("", "".join(self.pool.query_words))
        if not asked:
            return MISSING
        return np.array([asked in title for title in self.pool.texts.title_runs], dtype=np.float64)


NUMBER_MATCH: FeatureGroup[_Numbers] = FeatureGroup(
    name="NumberMatch",
    view=_Numbers,
    features=(
        Feature(
            name="numbers.title",
            description="share of the query's numbers in the title",
            monotone=1,
            column=lambda numbers: numbers.numbers_in_title(),
        ),
        Feature(
            name="numbers.codes",
            description="share of the query's numbers among the product's",
            monotone=1,
            column=lambda numbers: numbers.numbers_in_codes(),
        ),
        Feature(
            name="codes.matched",
            description="share of the query's codes that the product has",
            monotone=1,
            column=lambda numbers: numbers.of_codes(lambda codes: codes.matched),
        ),
        Feature(
            name="codes.longest",
            description="letters of the longest code matched, by the longest asked",
            monotone=1,
            column=lambda numbers: numbers.of_codes(lambda codes: codes.longest),
        ),
        Feature(
            name="codes.prefix",
            description="longest common beginning with a code, by the code's length",
            monotone=1,
            column=lambda numbers: numbers.of_codes(lambda codes: codes.prefix),
        ),
        Feature(
            name="codes.within",
            description="largest share of a product's code that a query's code makes up",
            monotone=1,
            column=lambda numbers: numbers.of_codes(lambda codes: codes.within),
        ),
        Feature(
            name="title.contains",
            description="1 if the title, without spaces, holds the whole query",
            monotone=1,
            column=lambda numbers: numbers.title_contains(),
        ),
    ),
)
