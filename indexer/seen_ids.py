"""Which ids a build has seen already, and where first, in about 40 bytes a product."""

from __future__ import annotations

import hashlib
from array import array
from dataclasses import dataclass, field

from multirecall.indexer.sources.base import Row

__all__ = ["Places", "SeenIds"]

_FIRST_SLOTS = 1 << 12
_MAX_LOAD = 0.6


@dataclass(slots=True)
class Places:
    """Rows as single numbers, for `SeenIds`: 24 bits of file, 40 bits of row."""

    files: list[str] = field(default_factory=list)

    def number(self, row: Row) -> int:
        if not self.files or self.files[-1] != row.file:
            self.files.append(row.file)
        return (len(self.files) - 1) << 40 | row.row

    def text(self, number: int) -> str:
        return f"{self.files[number >> 40]}, row {number & ((1 << 40) - 1)}"


class SeenIds:
    """A hash table of 64-bit digests with open addressing; the id texts are not kept.

    Two different ids share a digest with a chance of n² / 2^65 (3 in 100 million for a million products); the later
    one would be rejected as a duplicate, which the rejects file shows.
    """

    def __init__(self) -> None:
        self._digests = array("Q", bytes(8 * _FIRST_SLOTS))
        self._places = array("Q", bytes(8 * _FIRST_SLOTS))
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def first_place(self, product_id: str, place: int) -> int | None:
        """Notes that the id stands at `place` (0 or more, below 2^64); returns the earlier place if it was seen."""
        digest = int.from_bytes(hashlib.blake2b(product_id.encode(), digest_size=8).digest(), "little") or 1
        slot = self._slot(digest)
        if self._digests[slot]:
            return self._places[slot]
        self._digests[slot] = digest
        self._places[slot] = place
        self._count += 1
        if self._count > _MAX_LOAD * len(self._digests):
            self._grow()
        return None

    def _slot(self, digest: int) -> int:
        digests = self._digests
        mask = len(digests) - 1
        slot = digest & mask
        while digests[slot] not in (0, digest):
            slot = (slot + 1) & mask
        return slot

    def _grow(self) -> None:
        digests, places = self._digests, self._places
        self._digests = array("Q", bytes(16 * len(digests)))
        self._places = array("Q", bytes(16 * len(places)))
        for digest, place in zip(digests, places, strict=True):
            if digest:
                slot = self._slot(digest)
                self._digests[slot] = digest
                self._places[slot] = place
