"""Which candidate has which word, as arrays: words are numbers of a vocabulary (`lexicon.py`)."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from multirecall.core.compiled import compiled

__all__ = ["Flags", "Floats", "Grouping", "Integers", "Positions", "Words"]

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


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """Those of each row: `word[begins[row] : ends[row]]`, each a number below `n_words`."""

    word: Integers
    begins: Integers
    ends: Integers
    n_words: int

    def likeness(self, first: Positions, weights: Floats, values: Floats, squares: Floats) -> Floats:
        """Per row the cosine with the weighted mean of the `first` others; missing without words, or if they have none.

        `weights` (number of first,), adding up to 1; `values` (n_words,), those of a row that has the word;
        `squares` (n,), per row the sum of its words' squared values. Returns shape (n,). No row has a word twice.
        """
        found: Floats = _likeness(self.word, self.begins, self.ends, first, weights, values, squares)
        return found


@compiled
def _likeness(
    word: Integers,
    begins: Integers,
    ends: Integers,
    first: Positions,
    weights: Floats,
    values: Floats,
    squares: Floats,
) -> Floats:
    mean, own = np.zeros(len(values)), np.zeros(len(ends))
    for place in range(len(first)):
        row = first[place]
        own[row] = weights[place]
        for at in range(begins[row], ends[row]):
            mean[word[at]] += own[row]
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
            others = shared - own[row] * squares[row]
            if others <= _ROUNDING * shared:
                others = 0.0
            likeness[row] = others / ((1.0 - own[row]) * np.sqrt(squares[row]) * length)
    return likeness
