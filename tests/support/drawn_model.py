"""DrawnModel: a model for beam search whose probabilities are drawn, always the same for the same text and tokens."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multirecall.recall.generation.base import Float32Array

Tokens = tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class DrawnModel:
    """`grid` above 0 rounds log probabilities to multiples of it, so that there are ties."""

    vocab: int
    end: int
    seed: int = 0
    spread: float = 1.0
    grid: float = 0.0

    def log_probs(self, text: str, tokens: Tokens) -> Float32Array:
        """What follows these tokens, shape (vocab,)."""
        dice = np.random.default_rng([self.seed, zlib.crc32(text.encode()), *tokens])
        drawn = dice.normal(scale=self.spread, size=self.vocab)
        if self.grid:
            return (-self.grid * np.round(np.abs(drawn) / self.grid)).astype(np.float32)
        return (drawn - np.log(np.exp(drawn).sum())).astype(np.float32)

    def begin(self, texts: Sequence[str]) -> DrawnDecoding:
        return DrawnDecoding(self, [(text, ()) for text in texts])


class DrawnDecoding:
    def __init__(self, model: DrawnModel, rows: list[tuple[str, Tokens]]) -> None:
        self._model, self._rows = model, rows

    def first(self) -> Float32Array:
        return np.stack([self._model.log_probs(*row) for row in self._rows])

    def step(self, parents: NDArray[np.integer[Any]], tokens: NDArray[np.integer[Any]]) -> Float32Array:
        before = [self._rows[parent] for parent in parents]
        self._rows = [(text, (*written, int(token))) for (text, written), token in zip(before, tokens, strict=True)]
        return self.first()
