"""ProductWords: the words of products as numbers, read once per product and kept for the queries to come.

Splitting some hundred texts into words takes longer than all that is done with the words. A product that one query
has seen is met again by many others, so its numbers are kept, by its id beside its text: a changed product is another
text. Comparing two texts takes a tenth of the time that hashing one does.
"""

from __future__ import annotations

import re
import threading
from array import array
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from multirecall.core.errors import InvalidSettings
from multirecall.core.match_text import split_parts
from multirecall.fusion.features.incidence import Floats, Positions
from multirecall.fusion.features.term_statistics import TermStatistics

__all__ = ["KEPT_BYTES", "MAX_WORDS", "Lexicon", "ProductWords", "ReadText", "numbers_in"]

KEPT_BYTES = 64 << 20
"""What the kept products may take in one process, about: 36,000 products of Icecat."""

MAX_WORDS = 1 << 18
"""Distinct words of a lexicon; one more, and it begins anew."""

_OVERHEAD_BYTES = 800  # of the objects that hold one product: id, strings, tuple, place in the dictionary
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def numbers_in(text: str) -> frozenset[str]:
    """The numbers written in a text: `19.5" dell 2 port` gives 19.5 and 2."""
    return frozenset(_NUMBER.findall(text))


class ReadText(NamedTuple):
    """One match text, read. Word numbers are strings of 4-byte integers: hundreds are joined in one step.

    `title` is in order with repeats, `title_words` distinct, both as `brand` in the lexicon's title words; `names` (of
    attributes) and `other` in its other words. `title_run` is the title without spaces, `codes` as in the text,
    which is kept as `text`.
    """

    title: bytes
    title_words: bytes
    brand: bytes
    names: bytes
    other: bytes
    title_run: str
    codes: str
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

    def of(self, words: Iterable[str]) -> bytes:
        return array("i", [*map(self.__getitem__, words)]).tobytes()


class Lexicon:
    """Numbers of words, and what is known of the words of titles: idf, letters, trigrams, the numbers in them.

    It only grows, under the lock of its `ProductWords`; arrays are replaced, never written to, so that whoever holds
    texts read by it may use them without a lock.
    """

    def __init__(self, statistics: TermStatistics) -> None:
        self._statistics = statistics
        self.title_words, self.other_words = _Numbers(), _Numbers()
        self.idf = np.empty(0)
        """By title word."""
        self.letters = np.empty(0)
        """By title word, its length."""
        self.with_number: dict[str, list[int]] = {}
        """By number as written, the title words that hold it: 4250 is in 4250dn."""
        self._with_gram: defaultdict[str, array[int]] = defaultdict(partial(array, "i"))
        """By trigram, the title words that hold it."""
        self.kept: OrderedDict[str, ReadText] = OrderedDict()
        """By product id, the one that was read first at the front."""

    def __len__(self) -> int:
        return len(self.title_words) + len(self.other_words)

    def read(self, text: str) -> ReadText:
        """Raises InvalidInput for what is no match text. `learn_titles` must follow before the numbers are used."""
        title, brand, names, codes, other = split_parts(text)
        words = title.split()
        return ReadText(
            title=self.title_words.of(words),
            title_words=self.title_words.of(dict.fromkeys(words)),
            brand=self.title_words.of(dict.fromkeys(brand.split())),
            names=self.other_words.of(dict.fromkeys(names.split())),
            other=self.other_words.of(other.split()),
            title_run=title.replace(" ", ""),
            codes=codes,
            text=text,
        )

    def learn_titles(self) -> None:
        """What is to be known of the title words that are new since the last time."""
        known = len(self.idf)
        words = [*self.title_words][known:]
        if not words:
            return
        for number, word in enumerate(words, start=known):
            for gram in trigrams(word):
                self._with_gram[gram].append(number)
            for written in numbers_in(word):
                self.with_number.setdefault(written, []).append(number)
        self.letters = np.concatenate([self.letters, [float(len(word)) for word in words]])
        self.idf = np.concatenate([self.idf, self._statistics.idf(words)])

    def similarity(self, term: str, words: Positions) -> Floats:
        """Jaccard similarity of the trigrams of `#term#` and of each title word. Shape (number of words,).

        A word counts with as many trigrams as it has letters, repeated ones too.
        """
        sought = trigrams(term)
        holding = b"".join([self._with_gram[gram].tobytes() for gram in sought if gram in self._with_gram])
        letters = self.letters
        shared = np.bincount(np.frombuffer(holding, dtype=np.int32), minlength=len(letters))[words]
        return shared / (len(sought) + letters[words] - shared)


def trigrams(word: str) -> frozenset[str]:
    """Those of `#word#`: `ink` has #in, ink, nk#."""
    padded = f"#{word}#"
    return frozenset([padded[at : at + 3] for at in range(len(word))])


class ProductWords:
    """Reads match texts, and keeps what it has read. Safe for threads; `kept_bytes` bounds what is kept.

    When that is full, what was read first is forgotten first.
    """

    def __init__(self, statistics: TermStatistics, *, kept_bytes: int = KEPT_BYTES) -> None:
        if kept_bytes < 0:
            raise InvalidSettings(f"kept_bytes must be 0 or more, got {kept_bytes}.", field="kept_bytes")
        self.statistics = statistics
        self._kept_bytes = kept_bytes
        self._used_bytes = 0
        self._lexicon = Lexicon(statistics)
        self._lock = threading.Lock()

    @property
    def used_bytes(self) -> int:
        """What the kept products take, about."""
        return self._used_bytes

    def read(self, ids: Sequence[str], texts: Sequence[str]) -> tuple[list[ReadText], Lexicon]:
        """The text of each product read, in order, and the lexicon of its numbers; the empty text has no words.

        Raises InvalidInput for what is no match text. What is kept costs nearly nothing (docs/results/blender.md).
        """
        lexicon = self._lexicon
        try:
            read = [*map(lexicon.kept.__getitem__, ids)]
        except KeyError:
            read = []
        if [one.text for one in read] == texts:
            return read, lexicon
        with self._lock:
            return self._read_and_kept(ids, texts)

    def _read_and_kept(self, ids: Sequence[str], texts: Sequence[str]) -> tuple[list[ReadText], Lexicon]:
        if len(self._lexicon) > MAX_WORDS:
            self._lexicon = Lexicon(self.statistics)
            self._used_bytes = 0
        lexicon, kept = self._lexicon, self._lexicon.kept
        known = map(kept.get, ids)
        read = [one if one and one.text == text else lexicon.read(text) for one, text in zip(known, texts, strict=True)]
        lexicon.learn_titles()
        for product_id, one in zip(ids, read, strict=True):
            before = kept.get(product_id)
            if one is not before:
                kept[product_id] = one
                self._used_bytes += one.n_bytes - (before.n_bytes if before else 0)
        while self._used_bytes > self._kept_bytes:
            _, forgotten = kept.popitem(last=False)
            self._used_bytes -= forgotten.n_bytes
        return read, lexicon
