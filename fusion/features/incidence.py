"""Which candidate has which word, as arrays: words are numbers of a vocabulary (`lexicon.py`)."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from multirecall.fusion.compiled import compiled

__all__ = ["Flags", "Floats", "Grouping", "Integers", "Numbered", "Positions", "Words"]

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.int32]
Positions = NDArray[np.intp]
Key = TypeVar("Key", bound=Hashable)

_ROUNDING = 1e-12
"""A smaller share of an inner product is what rounding left of nothing: a tree would split at its sign."""


@dataclass(frozen=True, slots=True, eq=False)
class Grouping(Generic[Key]):
    """Candidates with the same key: `group` (n,) is the number of each one's, `keys` the key of each group."""

    keys: tuple[Key, ...]
    group: Positions

    @classmethod
    def of(cls, keys: Sequence[Key]) -> Grouping[Key]:
        numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
        return cls(tuple(numbers), np.array([*map(numbers.__getitem__, keys)], dtype=np.intp))

    def others(self, weights: Floats) -> Floats:
        """Per candidate the weights of the others of its group, by those of all others. Weights add up to 1."""
        found: Floats = _others(self.group, len(self.keys), weights)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Numbered:
    """Numbers of a large vocabulary, counted anew from 0 in the order in which they were met.

    `numbers` (n,) are the distinct ones; `place` has, at each of them, its new number, and anything elsewhere.
    """

    numbers: Integers
    place: Integers

    @classmethod
    def of(cls, words: Integers, begins: Integers, ends: Integers, vocabulary_size: int) -> Numbered:
        """Of `words[begins[row] : ends[row]]` of all rows, which are renumbered where they stand."""
        place = np.empty(vocabulary_size, dtype=np.int32)
        return cls(_renumber(words, begins, ends, place), place)

    def __len__(self) -> int:
        return len(self.numbers)

    def find(self, numbers: Sequence[int]) -> Integers:
        """The new number of each, -1 for one that was not met. Shape (len(numbers),)."""
        found: Integers = _find(self.numbers, self.place, np.array(numbers, dtype=np.int32))
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """Those of each row: `word[begins[row] : ends[row]]`, each a number below `n_words`."""

    word: Integers
    begins: Integers
    ends: Integers
    n_words: int

    @property
    def lengths(self) -> Integers:
        """How many words each row has. Shape (n,)."""
        return self.ends - self.begins

    def having(self, place: NDArray[np.int16], n_terms: int) -> Flags:
        """Whether each row has each term. `place` (n_words,): which term each word is, -1 for none. (n, n_terms)."""
        found = np.zeros((len(self.ends), n_terms), dtype=np.bool_)
        _having(self.word, self.begins, self.ends, place, found)
        return found

    def holding(self, sought: Sequence[int]) -> Flags:
        """Whether each row has each of a few words. Shape (n, len(sought))."""
        found = np.empty((len(self.ends), len(sought)), dtype=np.bool_)
        _holding(self.word, self.begins, self.ends, np.array(sought, dtype=np.int32), found)
        return found

    def sums(self, values: Floats) -> Floats:
        """Per row the sum of its words' values. `values`: shape (n_words,). Returns shape (n,)."""
        found: Floats = _sums(self.word, self.begins, self.ends, values)
        return found

    def largest(self, values: Floats) -> Floats:
        """Per row the largest value of its words; 0 for a row without. `values`: shape (n_words, m). Returns (n, m)."""
        found: Floats = _largest(self.word, self.begins, self.ends, values)
        return found

    def likeness(self, weights: Floats, values: Floats, squares: Floats) -> Floats:
        """Per row the cosine with the weighted mean of all others; missing without words, or if nothing has weight.

        `weights` (n,), of the rows, mostly 0, adding up to 1; `values` (n_words,), those of a row that has the word;
        `squares` (n,), per row the sum of its words' squared values. Returns shape (n,). No row has a word twice.
        """
        found: Floats = _likeness(self.word, self.begins, self.ends, weights, values, squares)
        return found


@compiled
def _renumber(words: Integers, begins: Integers, ends: Integers, place: Integers) -> Integers:
    """`place` need not be written to before: what it says is believed where `numbers` says the same (Briggs 1993)."""
    numbers = np.empty(len(words), dtype=np.int32)
    met = 0
    for row in range(len(ends)):
        for at in range(begins[row], ends[row]):
            number = words[at]
            new = place[number]
            if new < 0 or new >= met or numbers[new] != number:
                new = met
                numbers[met] = number
                place[number] = new
                met += 1
            words[at] = new
    return numbers[:met].copy()


@compiled
def _find(numbers: Integers, place: Integers, sought: Integers) -> Integers:
    found = np.full(len(sought), np.int32(-1))
    for at in range(len(sought)):
        number = sought[at]
        if 0 <= number < len(place) and 0 <= place[number] < len(numbers) and numbers[place[number]] == number:
            found[at] = place[number]
    return found


@compiled
def _others(group: Positions, n_groups: int, weights: Floats) -> Floats:
    total, others = np.zeros(n_groups), np.empty(len(group))
    for row in range(len(group)):
        total[group[row]] += weights[row]
    for row in range(len(group)):
        others[row] = (total[group[row]] - weights[row]) / (1.0 - weights[row])
    return others


@compiled
def _sums(word: Integers, begins: Integers, ends: Integers, values: Floats) -> Floats:
    found = np.zeros(len(ends))
    for row in range(len(ends)):
        for at in range(begins[row], ends[row]):
            found[row] += values[word[at]]
    return found


@compiled
def _largest(word: Integers, begins: Integers, ends: Integers, values: Floats) -> Floats:
    found = np.zeros((len(ends), values.shape[1]))
    for row in range(len(ends)):
        for at in range(begins[row], ends[row]):
            for one in range(values.shape[1]):
                found[row, one] = max(found[row, one], values[word[at], one])
    return found


@compiled
def _likeness(
    word: Integers, begins: Integers, ends: Integers, weights: Floats, values: Floats, squares: Floats
) -> Floats:
    mean = np.zeros(len(values))
    for row in range(len(ends)):
        if weights[row] != 0.0:
            for at in range(begins[row], ends[row]):
                mean[word[at]] += weights[row]
    length = 0.0
    for one in range(len(values)):
        mean[one] *= values[one]
        length += mean[one] * mean[one]
        mean[one] *= values[one]
    length = np.sqrt(length)
    likeness = np.full(len(ends), np.nan)
    if length == 0.0:
        return likeness
    for row in range(len(ends)):
        if squares[row] > 0.0:
            shared = 0.0
            for at in range(begins[row], ends[row]):
                shared += mean[word[at]]
            others = shared - weights[row] * squares[row]
            if others <= _ROUNDING * shared:
                others = 0.0
            likeness[row] = others / ((1.0 - weights[row]) * np.sqrt(squares[row]) * length)
    return likeness


@compiled
def _having(word: Integers, begins: Integers, ends: Integers, place: NDArray[np.int16], found: Flags) -> None:
    for row in range(len(ends)):
        for at in range(begins[row], ends[row]):
            term = place[word[at]]
            if term >= 0:
                found[row, term] = True


@compiled
def _holding(word: Integers, begins: Integers, ends: Integers, sought: Integers, found: Flags) -> None:
    for row in range(len(ends)):
        for one in range(len(sought)):
            holds = False
            for at in range(begins[row], ends[row]):
                holds |= word[at] == sought[one]
            found[row, one] = holds
