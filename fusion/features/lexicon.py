"""Lexicon: words as numbers, and what is known of the words of titles: idf, letters, trigrams, the numbers in them."""

from __future__ import annotations

import re
from array import array
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from multirecall.core.match_text import split_parts
from multirecall.fusion.features.term_statistics import TermStatistics

__all__ = ["N_PARTS", "Lexicon", "ReadText", "numbers_in", "trigrams"]

N_PARTS = 5
"""Title, distinct words of the title, brand, attribute names, other: the parts of `ReadText.words`, in this order."""

Number = TypeVar("Number", bound=np.generic)

_OVERHEAD_BYTES = 500  # of the objects that hold one product: id, strings, tuple, place in the dictionary
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def numbers_in(text: str) -> frozenset[str]:
    """The numbers written in a text: `19.5" dell 2 port` gives 19.5 and 2."""
    return frozenset(_NUMBER.findall(text))


def trigrams(word: str) -> frozenset[str]:
    """Those of `#word#`: `ink` has #in, ink, nk#."""
    padded = f"#{word}#"
    return frozenset([padded[at : at + 3] for at in range(len(word))])


class ReadText(NamedTuple):
    """One match text, read. Strings of bytes, since hundreds are joined in one step.

    `words` are integers of 4 bytes: the number of the attribute names all together (the product's kind), how many words
    each of the `N_PARTS` parts has, then the numbers of these words. The title is in order with repeats, the other
    parts are distinct; the first three are numbers of title words, the last two of other words. `codes` are in UTF-8,
    each between two spaces, with the byte 255 after the last; `title_run` is the title without spaces. `text` is
    what was read.
    """

    words: bytes
    codes: bytes
    title_run: str
    text: str

    @property
    def n_bytes(self) -> int:
        """What it takes in memory, about."""
        return sum(map(len, self)) + _OVERHEAD_BYTES


class _Numbers(dict[str, int]):
    """Words by number, a new word gets the next one."""

    def __missing__(self, word: str) -> int:
        number = self[word] = len(self)
        return number

    def of(self, words: Iterable[str]) -> list[int]:
        return [*map(self.__getitem__, words)]


class _Growing(Generic[Number]):
    """An array to whose end more is added. What was taken from it before stays as it is: it ends before what is new."""

    def __init__(self, kind: type[Number]) -> None:
        self._room: NDArray[Number] = np.empty(1 << 10, dtype=kind)
        self.values = self._room[:0]

    def extend(self, values: Sequence[float] | NDArray[Any]) -> None:
        before = len(self.values)
        length = before + len(values)
        if length > len(self._room):
            room = np.empty(2 * length, dtype=self._room.dtype)
            room[:before] = self.values
            self._room = room
        self._room[before:length] = values
        self.values = self._room[:length]


class Lexicon:
    """It only grows, under the lock of its `ProductWords`: whoever holds texts read by it may use it without a lock."""

    def __init__(self, statistics: TermStatistics) -> None:
        self._statistics = statistics
        self.title_words, self.other_words, self.grams = _Numbers(), _Numbers(), _Numbers()
        self.kinds = _Numbers()
        self.with_number: dict[str, list[int]] = {}
        """By number as written, the title words that hold it: 4250 is in 4250dn."""
        self._idf, self._letters = _Growing(np.float64), _Growing(np.int32)
        self._grams, self._gram_ends = _Growing(np.int32), _Growing(np.int32)
        self.kept: OrderedDict[str, ReadText] = OrderedDict()
        """By product id, the one that was read first at the front."""

    def __len__(self) -> int:
        return len(self.title_words) + len(self.other_words) + len(self.kinds)

    @property
    def idf(self) -> NDArray[np.float64]:
        """By title word."""
        return self._idf.values

    @property
    def letters(self) -> NDArray[np.int32]:
        """By title word, how many it has."""
        return self._letters.values

    @property
    def title_grams(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """The numbers of the trigrams of all title words one after the other, and by title word where its own end."""
        ends = self._gram_ends.values
        return self._grams.values, ends

    def read(self, text: str) -> ReadText:
        """Raises InvalidInput for what is no match text. `learn_titles` must follow before the numbers are used."""
        title, brand, names, codes, other = split_parts(text)
        words = title.split()
        parts = (
            self.title_words.of(words),
            self.title_words.of(dict.fromkeys(words)),
            self.title_words.of(dict.fromkeys(brand.split())),
            self.other_words.of(dict.fromkeys(names.split())),
            self.other_words.of(dict.fromkeys(other.split())),
        )
        numbers = [self.kinds[names], *map(len, parts)]
        for part in parts:
            numbers += part
        return ReadText(
            words=array("i", numbers).tobytes(),
            codes=f" {codes} ".encode() + b"\xff",
            title_run=title.replace(" ", ""),
            text=text,
        )

    def learn_titles(self) -> None:
        """What is to be known of the title words that are new since the last time."""
        known = len(self._idf.values)
        words = [*self.title_words][known:]
        if not words:
            return
        grams: list[int] = []
        ends: list[int] = []
        before = len(self._grams.values)
        for number, word in enumerate(words, start=known):
            grams += self.grams.of(trigrams(word))
            ends.append(before + len(grams))
            for written in numbers_in(word):
                self.with_number.setdefault(written, []).append(number)
        self._grams.extend(grams)
        self._gram_ends.extend(ends)
        self._letters.extend([*map(len, words)])
        self._idf.extend(self._statistics.idf(words))
