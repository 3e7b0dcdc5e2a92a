"""The words of the index near a word, by edit distance: what a typo may have meant."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["MAX_VARIANTS", "Vocabulary"]

MAX_VARIANTS = 50
"""Most variants of one word in one field: the nearest, among equals the most frequent (Lucene's limit)."""

_FAR = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class _Terms:
    """Terms of one length with their document frequencies; `letters` (length, n), `letter_sets` (n,)."""

    terms: list[tuple[str, int]]
    letters: NDArray[np.uint32]
    letter_sets: NDArray[np.uint64]


def _letter_set(word: str) -> np.uint64:
    """The letters of a word as bits; letters may share a bit, which only makes words look nearer."""
    bits = 0
    for char in word:
        bits |= 1 << (ord(char) & 63)
    return np.uint64(bits)


class Vocabulary:
    """Terms by field and first letter, read from the index on first use and kept as arrays by length.

    tantivy's own fuzzy query scores every match 1; with the terms at hand each variant gets its BM25 score.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, str], dict[int, _Terms]] = {}

    def variants(self, searcher: Any, field: str, word: str) -> list[tuple[str, int, int]]:
        """Terms within distance 1 of the word (2 from 8 letters on) with the same first letter, itself left out.

        Each with its distance and its document frequency; nearest first, then most frequent, then by term.
        """
        allowed = 1 if len(word) <= 7 else 2
        by_length = self._terms(searcher, field, word[0])
        letters_of_word = _letter_set(word)
        found = []
        for length in range(max(1, len(word) - allowed), len(word) + allowed + 1):
            if length not in by_length:
                continue
            terms = by_length[length]
            # An edit puts in or takes out at most one letter each way, so a set that differs more is too far away:
            # two operations on whole arrays spare most terms the table of distances.
            near = np.flatnonzero(np.bitwise_count(terms.letter_sets ^ letters_of_word) <= 2 * allowed)
            if not near.size:
                continue
            distances = _distances(word, terms.letters[:, near], allowed)
            found += [
                (*terms.terms[near[position]], int(distances[position]))
                for position in np.flatnonzero((distances <= allowed) & (distances < len(word)) & (distances > 0))
            ]
        found.sort(key=lambda item: (item[2], -item[1], item[0]))
        return [(term, distance, frequency) for term, frequency, distance in found[:MAX_VARIANTS]]

    def _terms(self, searcher: Any, field: str, letter: str) -> dict[int, _Terms]:
        with self._lock:
            kept = self._kept.get((field, letter))
        if kept is not None:
            return kept
        groups: dict[int, list[tuple[str, int]]] = {}
        for term, frequency in searcher.terms_with_prefix(field, letter):
            groups.setdefault(len(term), []).append((term, frequency))
        made = {
            length: _Terms(
                terms=terms,
                letters=np.array([[ord(char) for char in term] for term, _ in terms], dtype=np.uint32).T.copy(),
                letter_sets=np.array([_letter_set(term) for term, _ in terms], dtype=np.uint64),
            )
            for length, terms in groups.items()
        }
        with self._lock:
            self._kept[field, letter] = made
        return made


def _distances(word: str, letters: NDArray[np.uint32], limit: int) -> NDArray[np.int16]:
    """Optimal string alignment distances (Damerau 1964) of one word to many of one length; above `limit`: any
    number above it. `letters` has shape (length, n); the work runs over the band of the table that can count."""
    length, n = letters.shape
    far = np.full(n, _FAR, dtype=np.int16)
    before: list[NDArray[np.int16]] = []
    previous = [np.full(n, j, dtype=np.int16) for j in range(length + 1)]
    for i, char in enumerate(word, start=1):
        code = ord(char)
        current = [far] * (length + 1)
        if i <= limit:
            current[0] = np.full(n, i, dtype=np.int16)
        for j in range(max(1, i - limit), min(length, i + limit) + 1):
            cost = np.minimum(previous[j], current[j - 1]) + 1
            np.minimum(cost, previous[j - 1] + (letters[j - 1] != code), out=cost)
            if i > 1 and j > 1:
                swapped = (letters[j - 2] == code) & (letters[j - 1] == ord(word[i - 2]))
                np.minimum(cost, np.where(swapped, before[j - 2] + 1, _FAR), out=cost)
            current[j] = cost.astype(np.int16)
        before, previous = previous, current
    return previous[length]
