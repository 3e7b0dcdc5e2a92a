"""The arrays of one segment, made from titles.

Every title's tokens stand reversed in one text, each title followed by the sentinel 0; token t is symbol t + 1.
Backward search in the reversed text then goes to the right in the titles: the way a span is written. Row r of the index
is the r-th suffix of the text in order. With V tokens, N symbols of text and n titles:

    starts       (V + 2,) int64    C: the first row whose suffix begins with each symbol
    bwt          (N,) uint16       the symbol before the suffix: what follows in the title (uint32 from V = 65,535 on)
    places       (N,) int32        rows whose bwt is symbol s, ascending, at starts[s] to starts[s + 1]
    titles       (N,) int32        the title that the suffix begins in
    offsets      (N,) uint16       the place in that title of the token that the suffix begins with
    next_starts  (V + 2,) int64    where `next_symbols` of each symbol begin
    next_symbols (B,) as bwt       the distinct symbols that follow each symbol, ascending, without the sentinel
    next_counts  (B,) uint32       how often each does
    title_starts (n + 1,) int64    where each title begins in the text without sentinels, and where the last one ends

`places` answers Occ: symbols s above row r are a binary search for r among its rows. Checkpoints at every 64th row for
every symbol, as an FM-index over bytes has, would take N / 64 * V * 4 bytes: 94 bytes a symbol of text per 1,500 tokens
of vocabulary, where `places` takes 4. `titles` and `offsets` stand for the suffix array: no search for the title that a
position lies in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multirecall.core.errors import InvalidInput

__all__ = ["MAX_TITLE_TOKENS", "build_arrays", "flattened"]

MAX_TITLE_TOKENS = 65_535
_MAX_TEXT = 2**31 - 1

Int64Array = NDArray[np.int64]


def flattened(titles: Iterable[Sequence[int]], *, vocab: int) -> tuple[NDArray[np.int32], Int64Array]:
    """All tokens one after the other, and how many each title has. Raises InvalidInput for what cannot be indexed."""
    kept = [*titles]
    lengths = np.fromiter(map(len, kept), dtype=np.int64, count=len(kept))
    tokens = np.fromiter(chain.from_iterable(kept), dtype=np.int64, count=int(lengths.sum()))
    if tokens.size and (tokens.min() < 0 or tokens.max() >= vocab):
        raise InvalidInput(
            f"Tokens of titles are 0 to {vocab - 1}, got {int(tokens.min())} to {int(tokens.max())}.",
            hint="Index with the tokenizer of the model that will write the spans.",
            field="titles",
        )
    if lengths.size and lengths.max() > MAX_TITLE_TOKENS:
        raise InvalidInput(
            f"A title has {int(lengths.max())} tokens, {MAX_TITLE_TOKENS} are the most.",
            hint="Cut it: nobody reads that far.",
            field="titles",
        )
    return tokens.astype(np.int32), lengths


def build_arrays(tokens: NDArray[np.int32], lengths: Int64Array, *, vocab: int) -> dict[str, NDArray[Any]]:
    """The arrays above, read-only. Takes .5 to 1 us and, while it works, some 50 bytes a token.

    Raises InvalidInput for a text of 2**31 symbols or more.
    """
    n_titles, size = len(lengths), len(tokens) + len(lengths)
    kind = np.uint16 if vocab < 2**16 - 1 else np.uint32
    if size * np.dtype(kind).itemsize > _MAX_TEXT:
        raise InvalidInput(
            f"A segment holds {_MAX_TEXT // np.dtype(kind).itemsize:,} tokens at most, got {size:,}.",
            hint="Index the titles in several parts.",
            field="titles",
        )
    title_starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    title_at = np.repeat(np.arange(n_titles, dtype=np.int32), lengths + 1)
    # the text's own order: the last token of a title first, then down to its first, then -1 for the sentinel
    first_row = title_starts[:-1] + np.arange(n_titles)
    offset_at = (np.repeat(lengths - 1 + first_row, lengths + 1) - np.arange(size)).astype(np.int32)
    text = np.zeros(size, kind)
    within = offset_at >= 0
    text[within] = tokens[title_starts[title_at[within]] + offset_at[within]] + 1

    suffixes = _suffix_array(text)
    bwt = text[suffixes - 1]  # before the first suffix: the last sentinel
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.bincount(text, minlength=vocab + 1))])
    pairs, counts = _successors(bwt, starts)
    made = {
        "starts": starts,
        "bwt": bwt,
        "places": np.argsort(bwt, kind="stable").astype(np.int32),
        "titles": title_at[suffixes],
        "offsets": offset_at[suffixes].astype(np.uint16),
        "next_starts": np.searchsorted(pairs, np.arange(vocab + 2) * (vocab + 1)),
        "next_symbols": (pairs % (vocab + 1)).astype(kind),
        "next_counts": counts.astype(np.uint32),
        "title_starts": title_starts,
    }
    for array in made.values():
        array.setflags(write=False)
    return made


def _suffix_array(text: NDArray[Any]) -> NDArray[np.int32]:
    """The starts of the text's suffixes in order, by libdivsufsort, which sorts them as bytes: 8 bytes a token."""
    from pydivsufsort import divsufsort

    if not text.size:
        return np.zeros(0, np.int32)
    found: NDArray[np.int32] = divsufsort(text)
    return found


def _successors(bwt: NDArray[Any], starts: Int64Array) -> tuple[Int64Array, Int64Array]:
    """The distinct pairs of a symbol and its successor as one number each, ascending, without sentinels, and counts."""
    rows = np.arange(starts[1], starts[-1])
    rows = rows[bwt[rows] > 0]
    first = np.repeat(np.arange(len(starts) - 1), np.diff(starts))[rows]
    return np.unique(first * (len(starts) - 1) + bwt[rows], return_counts=True)
