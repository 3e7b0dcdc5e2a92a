"""Completions: texts by the beginnings of their words, the most frequent first."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from multirecall.service.suggesting.near_words import near_ranges

__all__ = ["MAX_WORDS", "Completions", "Suggestion", "SuggestionKind", "folded_words"]

MAX_WORDS = 12
"""Words of a text that are looked at, and of what was typed."""

_WORD = re.compile(r"[^\W_]+")


class SuggestionKind(StrEnum):
    TITLE = "title"
    BRAND = "brand"
    CATEGORY = "category"
    QUERY = "query"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """`count`: products that have the text, or, for a query, how often it was asked."""

    text: str
    kind: SuggestionKind
    count: int


def folded_words(text: str) -> list[str]:
    """Its words without case and accents: "Café-Crème" gives cafe, creme."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return _WORD.findall("".join(char for char in plain if not unicodedata.combining(char)))[:MAX_WORDS]


class Completions:
    """Texts that hold every word that was typed, the last one as the beginning of a word, anywhere and in any order.
    If there are too few, those follow in which words of four letters or more are meant with one typing error each.

    Made once, then only read: safe for several threads. A look-up marks the texts of each typed word in an array of
    one byte per text, so it costs time by the number of texts (`benchmarks/suggest.py`) and no more than that memory.
    Order: count descending, then shorter first, then by text.
    """

    def __init__(self, suggestions: Iterable[Suggestion] = ()) -> None:
        self._ranked = _ranked(suggestions)
        words: defaultdict[str, list[int]] = defaultdict(list)
        for position, suggestion in enumerate(self._ranked):
            for word in dict.fromkeys(folded_words(suggestion.text)):
                words[word].append(position)
        self._words = sorted(words)
        ends = np.cumsum([0, *(len(words[word]) for word in self._words)])
        self._ends: NDArray[np.int64] = ends.astype(np.int64)
        self._texts: NDArray[np.int32] = np.fromiter(
            (position for word in self._words for position in words[word]), np.int32, int(ends[-1])
        )

    def __len__(self) -> int:
        return len(self._ranked)

    def find(self, typed: str, size: int) -> list[Suggestion]:
        """The best `size`; none for a text without a letter or digit."""
        words = folded_words(typed)
        if not words or not self._ranked:
            return []
        prefixes = [position == len(words) - 1 and typed[-1].isalnum() for position in range(len(words))]
        by_word = [self._marked([self._range_of(*one)]) for one in zip(words, prefixes, strict=True)]
        exact = np.logical_and.reduce(by_word)
        places = np.flatnonzero(exact)[:size]
        if len(places) < size:
            for marks, word, as_prefix in zip(by_word, words, prefixes, strict=True):
                marks |= self._marked(near_ranges(self._words, word, as_prefix=as_prefix))
            near = np.flatnonzero(np.logical_and.reduce(by_word) & ~exact)
            places = np.concatenate([places, near[: size - len(places)]])
        return [self._ranked[place] for place in places]

    def _marked(self, ranges: Iterable[tuple[int, int]]) -> NDArray[np.bool_]:
        """The texts that hold a word of these ranges."""
        marks = np.zeros(len(self._ranked), dtype=np.bool_)
        for first, last in ranges:
            marks[self._texts[self._ends[first] : self._ends[last]]] = True
        return marks

    def _range_of(self, word: str, as_prefix: bool) -> tuple[int, int]:
        first = bisect_left(self._words, word)
        if as_prefix:
            return first, bisect_left(self._words, word + "\U0010ffff", lo=first)
        return first, first + (first < len(self._words) and self._words[first] == word)


def _ranked(suggestions: Iterable[Suggestion]) -> Sequence[Suggestion]:
    """Best first; of texts that read the same without case and accents the most frequent one."""
    best: dict[tuple[str, ...], Suggestion] = {}
    for one in suggestions:
        key = tuple(folded_words(one.text))
        if key and (key not in best or _order(one) < _order(best[key])):
            best[key] = one
    return sorted(best.values(), key=_order)


def _order(one: Suggestion) -> tuple[int, int, str, str]:
    return (-one.count, len(one.text), one.text, one.kind)
