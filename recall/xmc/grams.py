"""What of a text the classifiers look at: words, pairs of neighbours and pieces of words, as columns of a sparse row.

Columns are hashes, so that there is no list of grams to keep; a column that no training text had carries nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from multirecall.encoders.base import Float32Array
from multirecall.engines.analysis import split_words, stem

__all__ = ["Columns", "Grams", "SparseRow", "columns_of", "learned_grams"]

Columns = NDArray[np.uint32]
_PIECE = 3
_PIECE_WEIGHT = 0.6
"""A word has many pieces; together they must not drown it."""


class SparseRow(NamedTuple):
    """Columns in rising order, each once, and their values: together of length 1."""

    columns: Columns
    values: Float32Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grams:
    """`weights`: shape (columns,), float32: how rare each column is among the training texts; 0 for an unseen one."""

    language: str
    weights: Float32Array

    def row(self, text: str) -> SparseRow:
        """The row of a text; empty if it has no gram that training saw."""
        return self.row_of(columns_of(text, self.language, len(self.weights)))

    def row_of(self, columns: Columns) -> SparseRow:
        """The row of a text with these columns."""
        values = self.weights[columns]
        held = values > 0.0
        columns, values = columns[held], values[held]
        return SparseRow(columns, values / np.float32(max(1e-12, float(np.sqrt(values @ values)))))


def columns_of(text: str, language: str, size: int) -> Columns:
    """The columns of a text, of `size` that there are."""
    words = split_words(text)
    stems = [stem(word, language) for word in words]
    found = {_hashed(f"{left} {right}", size) for left, right in pairwise(stems)}
    for word, its_stem in zip(words, stems, strict=True):
        found.update(_word_columns(word, its_stem, size))
    return np.array(sorted(found), dtype=np.uint32)


def learned_grams(columns: Iterable[Columns], *, language: str, size: int) -> Grams:
    """Weights by how many of the texts hold each column: log(1 + texts / texts with it); of pieces a part of that."""
    counts = np.zeros(size, dtype=np.int64)
    n_texts = 0
    for of in columns:
        counts[of] += 1
        n_texts += 1
    weights = np.where(counts > 0, np.log1p(n_texts / np.maximum(counts, 1)), 0.0)
    weights[: _n_pieces(size)] *= _PIECE_WEIGHT
    return Grams(language=language, weights=weights.astype(np.float32))


@lru_cache(maxsize=1 << 16)
def _word_columns(word: str, its_stem: str, size: int) -> tuple[int, ...]:
    bounded = f"<{word}>"
    pieces = [f"~{bounded[at : at + _PIECE]}" for at in range(len(bounded) - _PIECE + 1)]
    return (_hashed(its_stem, size), *(_hash(piece) % _n_pieces(size) for piece in pieces))


def _hashed(words: str, size: int) -> int:
    """Words have columns of their own, behind those of pieces."""
    first = _n_pieces(size)
    return first + _hash(words) % (size - first)


def _hash(gram: str) -> int:
    return crc32(gram.encode("utf-8", "surrogatepass"))


def _n_pieces(size: int) -> int:
    return size // 8
