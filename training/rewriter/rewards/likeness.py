"""How alike two texts are: the larger of word overlap and the cosine of a frozen encoder."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from multirecall.encoders.base import Encoder, Float32Array
from multirecall.training.rewriter.rewards.title_model import words_of

__all__ = ["Likeness"]


class Likeness:
    """Texts are encoded once and remembered. The encoder is the caller's; the static one is fast enough to stand
    inside a training loop."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._rows: dict[str, Float32Array] = {}
        self._words: dict[str, frozenset[str]] = {}

    def look_up(self, texts: Iterable[str]) -> None:
        """Encodes all texts that are not known yet, in one batch."""
        new = [text for text in dict.fromkeys(texts) if text not in self._rows]
        if new:
            for text, row in zip(new, self._encoder.encode_queries(new), strict=True):
                self._rows[text] = row
                self._words[text] = frozenset(words_of(text))

    def row(self, text: str) -> Float32Array:
        """The encoder's row of a text."""
        self.look_up((text,))
        return self._rows[text]

    def of(self, one: str, other: str) -> float:
        """In 0..1; texts of the same words in any order are 1."""
        self.look_up((one, other))
        a, b = self._words[one], self._words[other]
        overlap = len(a & b) / len(a | b) if a | b else 1.0
        return float(min(1.0, max(overlap, np.dot(self._rows[one], self._rows[other]))))
