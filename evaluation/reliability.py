"""Reliability: whether things said to be relevant with probability p are relevant with share p."""

from __future__ import annotations

from dataclasses import dataclass

from multirecall.core.errors import InvalidInput

__all__ = ["Reliability"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """Predictions in bins, for a reliability plot.

    `edges`: n + 1 rising bounds of n bins, from 0 to 1. Per bin: `predicted` the mean predicted probability, `relevant`
    the share that is relevant, `counts` how many predictions (with 0 the other two mean nothing). `ece` is the expected
    calibration error: `sum of counts / total * |predicted - relevant|`. `title` says what was predicted, on what.
    """

    edges: tuple[float, ...]
    predicted: tuple[float, ...]
    relevant: tuple[float, ...]
    counts: tuple[int, ...]
    ece: float
    title: str = "Probability that a result is relevant"

    def __post_init__(self) -> None:
        n = len(self.counts)
        if not len(self.edges) - 1 == len(self.predicted) == len(self.relevant) == n or not n:
            raise InvalidInput("A reliability has n + 1 edges and n values per bin, n at least 1.", field="edges")
        if list(self.edges) != sorted(set(self.edges)):
            raise InvalidInput("The edges of a reliability rise strictly.", field="edges")
