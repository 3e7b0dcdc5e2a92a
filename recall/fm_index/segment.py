"""Segment: an FM-index over some titles that never changes."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from multirecall.core.compiled import compiled, part
from multirecall.core.errors import InvalidInput
from multirecall.recall.array_file import ArrayFile, digest_of, open_arrays, write_arrays
from multirecall.recall.fm_index.building import build_arrays, flattened

__all__ = ["Followers", "Segment"]

_KIND, _VERSION = "fm_index_segment", 1

Int32Array = NDArray[np.int32]
Int64Array = NDArray[np.int64]


class Followers(NamedTuple):
    """What follows the places of a span: distinct tokens, ascending, int32, and how often each does, int64."""

    tokens: Int32Array
    counts: Int64Array


class Segment:
    """Which spans some titles hold, and where. Titles go by their ordinal. Safe for several threads.

    A span is told by its rows `low` to `high` (exclusive); all rows are the empty span. Some 12 bytes a token, in
    memory or in a mapped file (`building.py` says how they are laid out).
    """

    def __init__(self, file: ArrayFile) -> None:
        self._arrays, self._card, self.digest = file.arrays, file.card, file.digest
        self.vocab = int(self._card["vocab"])
        of = self._arrays
        self._starts, self._bwt, self._places = of["starts"], of["bwt"], of["places"]
        self._titles, self._offsets = of["titles"], of["offsets"]
        self._next = of["next_starts"], of["next_symbols"], of["next_counts"]
        self.n_rows = len(self._bwt)
        self.n_titles = len(of["title_starts"]) - 1
        self.n_tokens = self.n_rows - self.n_titles
        self.n_bytes = sum(array.nbytes for array in of.values())

    @classmethod
    def build(cls, ids: Sequence[str], titles: Iterable[Sequence[int]], *, vocab: int) -> Segment:
        """A segment in memory over titles as tokens, the products' ids in the same order.

        Raises InvalidInput for a token outside the vocabulary, an id that comes twice, and unequal numbers of both.
        """
        return cls.of_text(ids, *flattened(titles, vocab=vocab), vocab=vocab)

    @classmethod
    def of_text(cls, ids: Sequence[str], tokens: Int32Array, lengths: Int64Array, *, vocab: int) -> Segment:
        """As `build`, of all tokens one after the other and each title's number of them."""
        if len(ids) != len(lengths):
            raise InvalidInput(f"{len(ids)} ids cannot name {len(lengths)} titles.", field="ids")
        arrays = build_arrays(tokens, lengths, vocab=vocab) | _id_arrays(ids)
        card = {"kind": _KIND, "version": _VERSION, "vocab": vocab}
        return cls(ArrayFile(arrays, card, digest_of(arrays, card)))

    @classmethod
    def open(cls, file: Path) -> Segment:
        """The segment in this file, mapped. Raises NotFound or IndexCorrupt."""
        return cls(open_arrays(file, kind=_KIND, version=_VERSION))

    def save(self, file: Path) -> None:
        """Writes the file in one step. Raises OSError."""
        write_arrays(file, self._arrays, self._card)

    def narrowed(self, low: int, high: int, token: int) -> tuple[int, int]:
        """The rows of the span continued with the token: lo' = C + Occ(lo), hi' = C + Occ(hi). (0, 0) if it is nowhere.

        Two binary searches among the places of the token: 1 to 5 us.
        """
        if high <= low or not 0 <= token < self.vocab:
            return 0, 0
        return _narrowed(self._places, self._starts, low, high, token + 1)

    def following(self, low: int, high: int) -> Followers:
        """What follows the span. Titles that end with it add nothing.

        One look-up for all rows and for those of one token; else as many steps as there are rows, or 32 for each
        successor of the last token, if that is less.
        """
        starts, symbols, counts = self._next
        if high <= low:
            return Followers(np.zeros(0, np.int32), np.zeros(0, np.int64))
        if high - low == self.n_rows:
            found = np.diff(self._starts)[1:]
            tokens = np.flatnonzero(found)
            return Followers(tokens.astype(np.int32), found[tokens])
        last = int(self._starts.searchsorted(low, side="right")) - 1
        begin, end = starts[last], starts[last + 1]
        if (low, high) == (self._starts[last], self._starts[last + 1]):
            return Followers(symbols[begin:end].astype(np.int32) - np.int32(1), counts[begin:end].astype(np.int64))
        return Followers(*_following(self._bwt, self._places, self._starts, symbols[begin:end], low, high))

    def rows_of(self, low: int, high: int) -> tuple[Int32Array, NDArray[np.uint16]]:
        """For each place of the span: its title, and where in the title its last token stands. In no order. Views."""
        return self._titles[low:high], self._offsets[low:high]

    def lengths(self, titles: NDArray[np.integer[Any]]) -> Int64Array:
        """How many tokens each title has."""
        starts = self._arrays["title_starts"]
        found: Int64Array = starts[titles + 1] - starts[titles]
        return found

    def text(self) -> tuple[Int32Array, Int64Array]:
        """All tokens, title by title, and each title's number of them: what the segment was made of. Reads it whole."""
        starts, first = self._arrays["title_starts"], int(self._starts[1])
        tokens = np.empty(self.n_tokens, np.int32)
        symbols = np.repeat(np.arange(self.vocab, dtype=np.int32), np.diff(self._starts)[1:])
        tokens[starts[self._titles[first:]] + self._offsets[first:]] = symbols
        return tokens, np.diff(starts)

    def product_id(self, title: int) -> str:
        starts = self._arrays["id_starts"]
        return self._arrays["id_bytes"][starts[title] : starts[title + 1]].tobytes().decode()

    def product_ids(self) -> list[str]:
        """All ids, in the order of titles."""
        whole, starts = self._arrays["id_bytes"].tobytes(), self._arrays["id_starts"].tolist()
        return [whole[begin:end].decode() for begin, end in pairwise(starts)]

    def find(self, product_id: str) -> int | None:
        """The ordinal of the product's title; None if it has none here."""
        hashes, own = self._arrays["id_hashes"], _hash(product_id)
        for at in range(int(np.searchsorted(hashes, own)), len(hashes)):
            if hashes[at] != own:
                break
            title = int(self._arrays["id_order"][at])
            if self.product_id(title) == product_id:
                return title
        return None


@part
def _first_from(places: Int32Array, start: int, stop: int, row: int) -> int:
    """Where in `places[start:stop]`, ascending, the first that is not below the row stands."""
    while start < stop:
        middle = (start + stop) // 2
        if places[middle] < row:
            start = middle + 1
        else:
            stop = middle
    return start


@compiled
def _narrowed(places: Int32Array, starts: Int64Array, low: int, high: int, symbol: int) -> tuple[int, int]:
    start, stop = starts[symbol], starts[symbol + 1]
    below = _first_from(places, start, stop, low)
    above = _first_from(places, below, stop, high)
    return (below, above) if above > below else (0, 0)


@compiled
def _following(
    bwt: NDArray[Any], places: Int32Array, starts: Int64Array, candidates: NDArray[Any], low: int, high: int
) -> tuple[Int32Array, Int64Array]:
    """The tokens of `bwt[low:high]` among the candidates, and how often each comes: read there, or asked one by one."""
    n = len(candidates)
    tokens, counts = np.empty(n, np.int32), np.empty(n, np.int64)
    found = 0
    if high - low <= 32 * n:
        seen = np.zeros(len(starts), np.int32)
        for row in range(low, high):
            seen[bwt[row]] += 1
        for at in range(n):
            if seen[candidates[at]]:
                tokens[found], counts[found] = np.int32(candidates[at]) - 1, seen[candidates[at]]
                found += 1
        return tokens[:found], counts[:found]
    for at in range(n):
        symbol = np.int64(candidates[at])
        below = _first_from(places, starts[symbol], starts[symbol + 1], low)
        count = _first_from(places, below, starts[symbol + 1], high) - below
        if count > 0:
            tokens[found], counts[found] = np.int32(symbol - 1), count
            found += 1
    return tokens[:found], counts[:found]


def _hash(product_id: str) -> np.uint64:
    return np.uint64(int.from_bytes(hashlib.blake2b(product_id.encode(), digest_size=8).digest(), "little"))


def _id_arrays(ids: Sequence[str]) -> dict[str, NDArray[Any]]:
    """The ids as bytes, where each starts, and their hashes ascending with the ordinals these belong to."""
    if len(set(ids)) < len(ids):
        twice = Counter(ids).most_common(1)[0][0]
        raise InvalidInput(f"Product {twice!r} comes twice.", hint="One title per product.", field="ids")
    encoded = [one.encode() for one in ids]
    hashes = np.fromiter(map(_hash, ids), dtype=np.uint64, count=len(ids))
    order = np.argsort(hashes, kind="stable")
    made: dict[str, NDArray[Any]] = {
        "id_bytes": np.frombuffer(b"".join(encoded), dtype=np.uint8),
        "id_starts": np.cumsum([0, *map(len, encoded)], dtype=np.int64),
        "id_hashes": hashes[order],
        "id_order": order.astype(np.int32),
    }
    for array in made.values():
        array.setflags(write=False)
    return made
