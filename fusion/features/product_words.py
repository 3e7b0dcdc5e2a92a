"""ProductWords: the words of products as numbers, read once per product and kept for the queries to come.

Splitting some hundred texts into words takes longer than all that is done with the words. A product that one query
has seen is met again by many others, so its numbers are kept, by its id beside its text: a changed product is another
text. Comparing two texts takes a tenth of the time that hashing one does.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from multirecall.core.errors import InvalidSettings
from multirecall.fusion.features.lexicon import Lexicon, ReadText
from multirecall.fusion.features.term_statistics import TermStatistics

__all__ = ["KEPT_BYTES", "MAX_WORDS", "ProductWords"]

KEPT_BYTES = 64 << 20
"""What the kept products may take in one process, about: 36,000 products of Icecat."""

MAX_WORDS = 1 << 18
"""Distinct words of a lexicon; one more, and it begins anew."""


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
