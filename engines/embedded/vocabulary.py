"""The words of the index near a word, by edit distance: what a typo may have meant."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from rapidfuzz.distance import OSA
from rapidfuzz.process import cdist

__all__ = ["MAX_VARIANTS", "Vocabulary"]

MAX_VARIANTS = 50
"""Most variants of one word in one field: the nearest, among equals the most frequent (Lucene's limit)."""


class Vocabulary:
    """Terms by field and first letter, read from the index on first use and kept by length.

    tantivy's own fuzzy query scores every match 1; with the terms at hand each variant gets its BM25 score.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, str], dict[int, tuple[list[str], list[int]]]] = {}

    def variants(self, searcher: Any, field: str, word: str) -> list[tuple[str, int, int]]:
        """Terms within distance 1 of the word (2 from 8 letters on) with the same first letter, itself left out.

        Each with its distance and its document frequency; nearest first, then most frequent, then by term.
        """
        allowed = 1 if len(word) <= 7 else 2
        by_length = self._terms(searcher, field, word[0])
        found = []
        for length in range(max(1, len(word) - allowed), len(word) + allowed + 1):
            if length not in by_length:
                continue
            terms, frequencies = by_length[length]
            # Optimal string alignment (Damerau 1964), as Lucene counts: swapped neighbours are one edit.
            distances = cdist([word], terms, scorer=OSA.distance, score_cutoff=allowed, dtype=np.uint8)[0]
            found += [
                (terms[position], frequencies[position], int(distances[position]))
                for position in np.flatnonzero((distances <= allowed) & (distances < len(word)) & (distances > 0))
            ]
        found.sort(key=lambda item: (item[2], -item[1], item[0]))
        return [(term, distance, frequency) for term, frequency, distance in found[:MAX_VARIANTS]]

    def _terms(self, searcher: Any, field: str, letter: str) -> dict[int, tuple[list[str], list[int]]]:
        with self._lock:
            kept = self._kept.get((field, letter))
        if kept is not None:
            return kept
        made: dict[int, tuple[list[str], list[int]]] = {}
        for term, frequency in searcher.terms_with_prefix(field, letter):
            terms, frequencies = made.setdefault(len(term), ([], []))
            terms.append(term)
            frequencies.append(frequency)
        with self._lock:
            self._kept[field, letter] = made
        return made
