"""Random numbers that are a function of (seed, name, index): the same on every machine, in any order.

The generators of numpy and the standard library promise their streams for one version at most, and hand them out
in sequence. Here a draw is one round of SplitMix64's finaliser over a counter (Steele, Lea and Flood 2014), in
unsigned 64-bit integer arithmetic, so a product can be drawn again at any time without keeping it, and no draw
depends on how many came before. Derived floats use only exactly rounded operations.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["Dice", "below", "draws", "share", "stream", "unit"]

Words = NDArray[np.uint64]
T = TypeVar("T")

_MASK = (1 << 64) - 1
_STEP = 0x9E3779B97F4A7C15
_MIX_A = 0xBF58476D1CE4E5B9
_MIX_B = 0x94D049BB133111EB


def stream(seed: int, name: str) -> int:
    """The 64-bit key of one named stream of draws."""
    return int.from_bytes(blake2b(f"{seed}/{name}".encode(), digest_size=8).digest(), "big")


def draws(seed: int, name: str, index: NDArray[Any]) -> Words:
    """One uniform 64-bit word per entry of `index` (non-negative integers). Same shape."""
    z = index.astype(np.uint64) * np.uint64(_STEP) + np.uint64(stream(seed, name))
    z ^= z >> np.uint64(30)
    z *= np.uint64(_MIX_A)
    z ^= z >> np.uint64(27)
    z *= np.uint64(_MIX_B)
    z ^= z >> np.uint64(31)
    return z


def below(words: Words, n: int | NDArray[Any]) -> NDArray[np.int64]:
    """Each word as an integer in [0, n); `n` below 2**31, one number or one per word."""
    size = np.asarray(n).astype(np.uint64)
    scaled: Words = (words >> np.uint64(32)) * size >> np.uint64(32)
    return scaled.astype(np.int64)


def unit(words: Words) -> NDArray[np.float64]:
    """Each word as a float in [0, 1), with 53 bits."""
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53


def share(text: str) -> float:
    """A fixed number in [0, 1) that belongs to a text; it does not depend on any seed."""
    return int.from_bytes(blake2b(text.encode(), digest_size=7).digest(), "big") / 2.0**56


class Dice:
    """Draws one after the other, for code that samples until something fits."""

    __slots__ = ("_count", "_key")

    def __init__(self, seed: int, name: str) -> None:
        self._key = stream(seed, name)
        self._count = 0

    def word(self) -> int:
        """The next 64-bit word."""
        self._count += 1
        z = (self._count * _STEP + self._key) & _MASK
        z = ((z ^ (z >> 30)) * _MIX_A) & _MASK
        z = ((z ^ (z >> 27)) * _MIX_B) & _MASK
        return z ^ (z >> 31)

    def below(self, n: int) -> int:
        """An integer in [0, n)."""
        return (self.word() >> 32) * n >> 32

    def chance(self, probability: float) -> bool:
        """True with the given probability."""
        return (self.word() >> 11) * 2.0**-53 < probability

    def pick(self, options: Sequence[T]) -> T:
        """One of the options, each as likely."""
        return options[self.below(len(options))]

    def shuffled(self, options: Sequence[T]) -> list[T]:
        """All options in a drawn order (Fisher-Yates)."""
        out = list(options)
        for last in range(len(out) - 1, 0, -1):
            other = self.below(last + 1)
            out[last], out[other] = out[other], out[last]
        return out
