"""Texts: the match texts of a pool's candidates as arrays, made once for all texts that they are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from multirecall.core.compiled import compiled, part
from multirecall.fusion.features.incidence import Floats, Grouping, Integers, Words
from multirecall.fusion.features.lexicon import N_PARTS, Lexicon, ReadText

__all__ = ["Letters", "Texts", "find"]

Letters = NDArray[np.uint8]


class Texts:
    """What was `read` of each candidate; numbers of its lexicon that stand for title words are counted anew from 0.

    `words` are those of all candidates one after the other, part `i` of row `j` from `at[i, j]` to `at[i + 1, j]`, in
    the order of `ReadText`; attribute names are counted anew as well. `vocabulary`: which title words these are, and
    where each stands (see `find`). By title word: `title_idf`, `letters`; per candidate: `title_squares`, the sum of
    the squared idf of its title's distinct words. Safe for one thread.
    """

    def __init__(self, read: Sequence[ReadText], lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self._read = read
        self.words: Integers = np.frombuffer(bytearray().join([one.words for one in read]), dtype=np.int32)
        self._kinds, self.at, self.vocabulary, self._n_attributes, self.title_idf, self.letters, self.title_squares = (
            _numbered(
                self.words,
                len(read),
                (len(lexicon.kinds), len(lexicon.title_words), len(lexicon.other_words)),
                lexicon.idf,
                lexicon.letters,
            )
        )

    @property
    def title_words(self) -> Words:
        """The distinct words of each candidate's title."""
        return Words(self.words, self.at[1], self.at[2], len(self.title_idf))

    @property
    def attributes(self) -> Words:
        """The attribute names of each candidate."""
        return Words(self.words, self.at[3], self.at[4], self._n_attributes)

    @cached_property
    def n_attributes(self) -> Floats:
        """How many attributes each candidate has. Shape (n,)."""
        lengths: Floats = (self.at[4] - self.at[3]).astype(np.float64)
        return lengths

    @cached_property
    def attribute_values(self) -> Floats:
        """What an attribute name counts: each the same. Shape (number of attribute names,)."""
        return np.ones(self._n_attributes)

    @cached_property
    def kinds(self) -> Grouping[int]:
        """The candidates by their attribute names: products of one kind mostly have the same."""
        kinds, group = self._kinds
        return Grouping(tuple(kinds.tolist()), group)

    @cached_property
    def title_runs(self) -> list[str]:
        """Each candidate's title without spaces."""
        return [one.title_run for one in self._read]

    @cached_property
    def codes(self) -> Letters:
        """Those of all candidates one after the other, as in `ReadText`."""
        return np.frombuffer(b"".join([one.codes for one in self._read]), dtype=np.uint8)

    @cached_property
    def grams(self) -> tuple[Integers, Integers, Integers, Integers]:
        """The trigrams of the title words: which ones, and where each stands (see `find`); the words that hold each,
        and where those of each end."""
        found: tuple[Integers, Integers, Integers, Integers] = _with_gram(
            self.vocabulary[0], *self.lexicon.title_grams, len(self.lexicon.grams)
        )
        return found


@part
def find(vocabulary: tuple[Integers, Integers], sought: Integers) -> Integers:
    """Where among the `vocabulary`'s numbers each stands, -1 for one that does not. Shape (len(sought),).

    A vocabulary is its numbers, and an array that has at each of them its place, and anything elsewhere.
    """
    numbers, place = vocabulary
    found = np.full(len(sought), np.int32(-1))
    for at in range(len(sought)):
        number = sought[at]
        if 0 <= number < len(place) and 0 <= place[number] < len(numbers) and numbers[place[number]] == number:
            found[at] = place[number]
    return found


@compiled
def _numbered(
    words: Integers, n: int, sizes: tuple[int, int, int], idf: Floats, letters: Integers
) -> tuple[tuple[Integers, NDArray[np.intp]], Integers, tuple[Integers, Integers], int, Floats, Integers, Floats]:
    """All of `Texts`, in its order, from the joined `ReadText.words`, which are numbered anew where they stand.

    `sizes`: how many kinds, title words and other words the lexicon knows; `idf`, `letters`: by its title words.
    """
    kinds, at = _parts(words, n)
    every = np.zeros(2, dtype=np.int32)
    every[1] = n
    which, _ = _renumber(kinds, every[:1], every[1:], sizes[0])
    numbers, place = _renumber(words, at[0], at[3], sizes[1])
    names, _ = _renumber(words, at[3], at[4], sizes[2])
    of_words, word_letters, squares = np.empty(len(numbers)), np.empty(len(numbers), dtype=np.int32), np.zeros(n)
    group = np.empty(n, dtype=np.intp)
    for row in range(n):
        group[row] = kinds[row]
    for word in range(len(numbers)):
        of_words[word], word_letters[word] = idf[numbers[word]], letters[numbers[word]]
    for row in range(n):
        for here in range(at[1, row], at[2, row]):
            squares[row] += of_words[words[here]] ** 2
    return (which, group), at, (numbers, place), len(names), of_words, word_letters, squares


@part
def _parts(words: Integers, n: int) -> tuple[Integers, Integers]:
    """Of each `ReadText.words` its kind, shape (n,), and where each part begins, and the last one ends."""
    kinds, at = np.empty(n, dtype=np.int32), np.empty((N_PARTS + 1, n), dtype=np.int32)
    place = 0
    for row in range(n):
        kinds[row] = words[place]
        begin = place + 1 + N_PARTS
        for number in range(N_PARTS):
            at[number, row] = begin
            begin += words[place + 1 + number]
        at[N_PARTS, row] = place = begin
    return kinds, at


@part
def _renumber(words: Integers, begins: Integers, ends: Integers, size: int) -> tuple[Integers, Integers]:
    """Numbers the words of some rows anew from 0, where they stand; returns the vocabulary (see `find`).

    `place` is not written to before: what it says is believed where `numbers` says the same (Briggs 1993).
    """
    numbers, place = np.empty(len(words), dtype=np.int32), np.empty(size, dtype=np.int32)
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
    return numbers[:met], place


@compiled
def _with_gram(
    title_words: Integers, grams: Integers, gram_ends: Integers, n_grams: int
) -> tuple[Integers, Integers, Integers, Integers]:
    """`Texts.grams`, from those of all the lexicon's title words, one after the other, and where those of each end."""
    ends = np.empty(len(title_words), dtype=np.int32)
    length = 0
    for word in range(len(title_words)):
        number = title_words[word]
        length += gram_ends[number] - (gram_ends[number - 1] if number else 0)
        ends[word] = length
    gathered = np.empty(length, dtype=np.int32)
    for word in range(len(title_words)):
        number, begin = title_words[word], ends[word - 1] if word else 0
        first = gram_ends[number - 1] if number else 0
        for step in range(ends[word] - begin):
            gathered[begin + step] = grams[first + step]
    every = np.zeros(2, dtype=np.int32)
    every[1] = length
    numbers, place = _renumber(gathered, every[:1], every[1:], n_grams)
    words, word_ends = _turned(gathered, ends, len(numbers))
    return numbers, place, words, word_ends


@part
def _turned(values: Integers, ends: Integers, n_values: int) -> tuple[Integers, Integers]:
    """From the values of each row to the rows of each value, one value after the other, and where those of each end."""
    place = np.zeros(n_values + 1, dtype=np.int32)
    for at in range(len(values)):
        place[values[at] + 1] += 1
    for value in range(n_values):
        place[value + 1] += place[value]
    rows = np.empty(len(values), dtype=np.int32)
    at = 0
    for row in range(len(ends)):
        while at < ends[row]:
            rows[place[values[at]]] = row
            place[values[at]] += 1
            at += 1
    return rows, place[:n_values]
