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
        complete = not typed[-1].isalnum()  # "usb " has ended its word
        found: NDArray[np.bool_] | None = None
        for position, word in enumerate(words):
            last = position == len(words) - 1
            marked = np.zeros(len(self._ranked), dtype=np.bool_)
            marked[self._texts_of(word, as_prefix=last and not complete)] = True
            found = marked if found is None else found & marked
        return [] if found is None else [self._ranked[place] for place in np.flatnonzero(found)[:size]]

    def _texts_of(self, word: str, *, as_prefix: bool) -> NDArray[np.int32]:
        first = bisect_left(self._words, word)
        if as_prefix:
            last = bisect_left(self._words, word + "\U0010ffff", lo=first)
        else:
            last = first + (first < len(self._words) and self._words[first] == word)
        return self._texts[self._ends[first] : self._ends[last]]


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
