"""Which candidate has which word, as arrays: words are numbers of a vocabulary (`product_words.py`)."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from multirecall.fusion.compiled import compiled

__all__ = ["Floats", "Grouping", "Incidence", "Positions", "Words"]

Floats = NDArray[np.float64]
Positions = NDArray[np.intp]
Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True, eq=False)
class Grouping(Generic[Key]):
    """Candidates with the same key: `group` (n,) is the number of each one's, `keys` the key of each group."""

    keys: tuple[Key, ...]
    group: Positions

    @classmethod
    def of(cls, keys: Sequence[Key]) -> Grouping[Key]:
        numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
        return cls(tuple(numbers), np.array([*map(numbers.__getitem__, keys)], dtype=np.intp))

    def sums(self, weights: Floats) -> Floats:
        """Per group the sum of its candidates' weights. Shape (number of groups,)."""
        found: Floats = np.bincount(self.group, weights=weights, minlength=len(self.keys))  # type: ignore[assignment]
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """The words of each row, in order, the rows one after the other. `lengths` (n,) is how many words each row has,
    `ends` (n,) where its last one is followed by another row's."""

    number: Positions
    lengths: Positions
    ends: Positions

    @classmethod
    def of(cls, parts: Sequence[bytes]) -> Words:
        """From one string of 4-byte word numbers per row."""
        number = np.frombuffer(b"".join(parts), dtype=np.int32).astype(np.intp)
        lengths = np.array([*map(len, parts)], dtype=np.intp) >> 2
        return cls(number, lengths, lengths.cumsum())

    def rows(self, at: Positions) -> Positions:
        """The row in which each place stands."""
        return self.ends.searchsorted(at, side="right")

    def having(self, asked: NDArray[np.int16], n_asked: int) -> Floats:
        """1 where a row has a word that is asked for, else 0. Shape (n, n_asked).

        `asked` gives each word of the vocabulary its place among those asked for, -1 to all others.
        """
        found = np.zeros((len(self.lengths), n_asked))
        place = asked[self.number]
        at = (place >= 0).nonzero()[0]
        found[self.rows(at), place[at]] = 1.0
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Incidence:
    """Pairs of a row and a distinct word of it. `numbers` are the words' numbers in the vocabulary; `word` and `row`
    are the pairs, a word counted from 0 among `numbers`, the rows rising. `lengths` (n,): the words of each row."""

    numbers: Positions
    word: Positions
    row: Positions
    lengths: Positions
    _filled: Positions
    """The rows that have a word at all,"""
    _begins: Positions
    """and where their pairs begin;"""
    _ends: Positions
    """where those of each row end."""

    @classmethod
    def of(cls, words: Words, vocabulary_size: int) -> Incidence:
        """Of words that no row repeats."""
        place = np.arange(len(words.number))
        local = np.empty(vocabulary_size, dtype=np.intp)  # only the places of these words are written, and read
        local[words.number] = place
        numbers = words.number[local[words.number] == place]
        local[numbers] = place[: len(numbers)]
        filled = words.lengths.nonzero()[0]
        row = np.arange(len(words.lengths)).repeat(words.lengths)
        return cls(
            numbers, local[words.number], row, words.lengths, filled, (words.ends - words.lengths)[filled], words.ends
        )

    def __len__(self) -> int:
        return len(self.numbers)

    def sums(self, weights: Floats) -> Floats:
        """Per row the sum of its words' weights. `weights`: shape (number of words,). Returns shape (n,)."""
        return self._reduced(np.add, weights)

    def largest(self, values: Floats) -> Floats:
        """Per row the largest value of its words; 0 for a row without. `values`: shape (number of words,)."""
        return self._reduced(np.maximum, values)

    def shared(self, weights: Floats, values: Floats) -> tuple[Floats, Floats]:
        """How much each row has in common with the weighted mean of all: the inner products, and the mean.

        `weights`: shape (n,), of the rows, mostly 0. `values`: shape (number of words,), those of a row that has the
        word. Returns shapes (n,) and (number of words,).
        """
        found: tuple[Floats, Floats] = _shared(self.word, self._ends, weights, values)
        return found

    def _reduced(self, reduce: np.ufunc, values: Floats) -> Floats:
        found = np.zeros(len(self.lengths))
        if len(self.word):
            found[self._filled] = reduce.reduceat(values[self.word], self._begins)
        return found


@compiled
def _shared(word: Positions, ends: Positions, weights: Floats, values: Floats) -> tuple[Floats, Floats]:
    mean = np.zeros(len(values))
    for row in range(len(ends)):
        if weights[row] != 0.0:
            for at in range(ends[row - 1] if row else 0, ends[row]):
                mean[word[at]] += weights[row]
    mean *= values
    shared = np.zeros(len(ends))
    for row in range(len(ends)):
        for at in range(ends[row - 1] if row else 0, ends[row]):
            shared[row] += values[word[at]] * mean[word[at]]
    return shared, mean
