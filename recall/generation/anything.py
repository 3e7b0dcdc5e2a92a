"""Anything: no constraint, to see how often a model left alone writes what does not exist."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from multirecall.core.errors import InvalidSettings
from multirecall.recall.generation.base import Int32Array

__all__ = ["Anything"]


@dataclass(frozen=True, slots=True)
class Anything:
    """Every sequence of at least one token. Its state says whether there is one. Raises InvalidSettings."""

    vocab: int
    end: int
    _all: Int32Array = field(init=False, repr=False, compare=False)
    _but_end: Int32Array = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 0 <= self.end < self.vocab:
            raise InvalidSettings(f"The end token is below {self.vocab}, got {self.end}.", field="end")
        every = np.arange(self.vocab, dtype=np.int32)
        object.__setattr__(self, "_all", every)
        object.__setattr__(self, "_but_end", np.delete(every, self.end))

    def start(self) -> bool:
        return False

    def allowed(self, state: bool) -> Int32Array:
        return self._all if state else self._but_end

    def advance(self, state: bool, token: int) -> bool:
        return True
