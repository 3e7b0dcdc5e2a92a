"""Hashing encoder: feature hashing of words and their letter trigrams. No model, no file, no luck.

A real encoder (texts that share words or word parts are near each other), deterministic on every machine, made for
tests and for trying things out.

Source: K. Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", ICML 2009 (signed hashing).
"""

from __future__ import annotations

import functools
import hashlib
import re
import unicodedata
from collections.abc import Sequence

import numpy as np

from multirecall.core.errors import InvalidSettings
from multirecall.encoders.base import Float32Array
from multirecall.encoders.fingerprint import fingerprint
from multirecall.encoders.texts import well_formed

__all__ = ["DEFAULT_DIM", "MIN_DIM", "HashingEncoder"]

DEFAULT_DIM = 256
MIN_DIM = 8
_WORD = re.compile(r"\w+")
_NGRAM = 3
_WORD_WEIGHT = 1.0
_NGRAM_WEIGHT = 0.5
_REMEMBERED_WORDS = 65_536
_VERSION = 1


class HashingEncoder:
    """Rows of length 1 from counts of hashed features; a text without a word gives a row of zeros.

    A word adds 1 to the component that its hash names and each trigram of `<word>` adds 0.5, with the sign that
    another bit of the hash names, so that collisions cancel out on average. Case, accents and compatibility forms
    (full width, ligatures) do not matter. No limit on length. Queries and products are encoded alike.
    """

    def __init__(self, dim: int = DEFAULT_DIM) -> None:
        """Raises InvalidSettings for fewer than 8 dimensions, where most texts would collide."""
        if dim < MIN_DIM:
            raise InvalidSettings(f"The hashing encoder needs dim of {MIN_DIM} or more, got {dim}.", field="dim")
        self._dim = dim
        self._features = functools.lru_cache(maxsize=_REMEMBERED_WORDS)(self._features_of)

    @property
    def spec(self) -> str:
        return "hashing" if self._dim == DEFAULT_DIM else f"hashing?dim={self._dim}"

    @property
    def name(self) -> str:
        return f"hashing-{self._dim}"

    @property
    def dim(self) -> int:
        return self._dim

    @property
    def max_tokens(self) -> int:
        return 0

    @property
    def fingerprint(self) -> str:
        return fingerprint({"encoder": "hashing", "version": _VERSION, "dim": self._dim})

    def encode_queries(self, texts: Sequence[str]) -> Float32Array:
        return self._encode(texts)

    def encode_products(self, texts: Sequence[str]) -> Float32Array:
        return self._encode(texts)

    def _encode(self, texts: Sequence[str]) -> Float32Array:
        rows = np.zeros((len(texts), self._dim), dtype=np.float32)
        for row, text in zip(rows, well_formed(texts), strict=True):
            for word in _WORD.findall(_folded(text)):
                for component, weight in self._features(word):
                    row[component] += weight
        norms = np.sqrt(np.einsum("nd,nd->n", rows, rows))
        rows /= np.where(norms > 0, norms, np.float32(1.0))[:, None]
        return rows

    def _features_of(self, word: str) -> tuple[tuple[int, float], ...]:
        framed = f"<{word}>"
        grams = (framed[at : at + _NGRAM] for at in range(len(framed) - _NGRAM + 1))
        # The prefix keeps the word "abc" and the trigram "abc" of a longer word apart.
        features = [(f"w:{word}", _WORD_WEIGHT), *((f"g:{gram}", _NGRAM_WEIGHT) for gram in grams)]
        return tuple(self._component(feature, weight) for feature, weight in features)

    def _component(self, feature: str, weight: float) -> tuple[int, float]:
        number = int.from_bytes(hashlib.blake2b(feature.encode(), digest_size=8).digest(), "little")
        sign = 1.0 if number & 1 else -1.0
        return (number >> 1) % self._dim, sign * weight


def _folded(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))
