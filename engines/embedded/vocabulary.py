"""The words of the index: how many documents hold one in each text field, and which are near a word by edit distance
(what a typo may have meant)."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from rapidfuzz.distance import OSA
from rapidfuzz.process import cdist

__all__ = ["MAX_VARIANTS", "Holding", "Variant", "Vocabulary", "nearest_in_field"]

MAX_VARIANTS = 50
"""Most variants of one word in one field: the nearest, among equals the most frequent (Lucene's limit)."""

Holding = tuple[int, ...]
"""How many documents hold a term, by field."""


class Variant(NamedTuple):
    """A term near a word: its edit distance, and how many documents hold it in each field."""

    term: str
    distance: int
    holding: Holding


class _Letter(NamedTuple):
    """All terms with one first letter, of all fields; `terms` and `lengths` run side by side, shortest first."""

    holding: dict[str, Holding]
    terms: list[str]
    lengths: list[int]


class Vocabulary:
    """Terms of several fields by first letter, read from the index when near words of the letter are first wanted.

    tantivy's own fuzzy query scores every match 1; with the terms at hand each variant gets its BM25 score. One table
    for all fields: a word is compared with each term once, and the other fields' counts need no look into the index.
    Reading a letter costs about 1 us a term and field.
    """

    def __init__(self, fields: Sequence[str]) -> None:
        self._fields = tuple(fields)
        self._lock = threading.Lock()
        self._kept: dict[str, _Letter] = {}

    def holding(self, searcher: Any, word: str) -> Holding:
        """How many documents hold the word, by field: from the table if its letter was read, else from the index."""
        letter = self._kept.get(word[0])
        if letter is None:
            return tuple([searcher.doc_freq(field, word) for field in self._fields])
        return letter.holding.get(word) or (0,) * len(self._fields)

    def variants(self, searcher: Any, word: str) -> list[Variant]:
        """Terms within distance 1 of the word (2 from 8 letters on) with the same first letter, itself left out."""
        allowed = 1 if len(word) <= 7 else 2
        letter = self._letter(searcher, word[0])
        shortest = bisect_left(letter.lengths, len(word) - allowed)
        terms = letter.terms[shortest : bisect_left(letter.lengths, len(word) + allowed + 1)]
        if not terms:
            return []
        # Optimal string alignment (Damerau 1964), as Lucene counts: swapped neighbours are one edit.
        distances = cdist([word], terms, scorer=OSA.distance, score_cutoff=allowed, dtype=np.uint8)[0]
        near = np.flatnonzero(distances <= min(allowed, len(word) - 1)).tolist()
        return [Variant(terms[at], int(distances[at]), letter.holding[terms[at]]) for at in near if distances[at]]

    def _letter(self, searcher: Any, first: str) -> _Letter:
        kept = self._kept.get(first)
        if kept is None:
            with self._lock:  # one thread reads the letter, the others wait for it
                kept = self._kept.get(first)
                if kept is None:
                    kept = self._read(searcher, first)
                    self._kept[first] = kept
        return kept

    def _read(self, searcher: Any, first: str) -> _Letter:
        counts: dict[str, list[int]] = {}
        for position, field in enumerate(self._fields):
            for term, n in searcher.terms_with_prefix(field, first):
                counts.setdefault(term, [0] * len(self._fields))[position] = n
        terms = sorted(counts, key=len)
        holding = {term: tuple(of_term) for term, of_term in counts.items()}
        return _Letter(holding=holding, terms=terms, lengths=[len(term) for term in terms])


def nearest_in_field(variants: Sequence[Variant], position: int) -> list[Variant]:
    """The variants that the field at this position holds: nearest first, then most frequent, then by term; at most
    `MAX_VARIANTS`."""
    held = [variant for variant in variants if variant.holding[position]]
    held.sort(key=lambda variant: (variant.distance, -variant.holding[position], variant.term))
    return held[:MAX_VARIANTS]
