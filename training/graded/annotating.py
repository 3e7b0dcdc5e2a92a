"""The teacher that grades mined pairs: what an annotator is, and what its word is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from multirecall.core.errors import InvalidInput
from multirecall.training.graded.groups import GradedGroup

__all__ = ["LEAST_MARGIN", "Agreement", "Annotator", "Label", "agreement", "labels", "pairs_of"]

Floats = NDArray[np.float64]

LEAST_MARGIN = 0.1
"""Below it between the two most likely levels, a pair has no label (sheet 4, section 13.1)."""


class Annotator(Protocol):
    """Grades pairs of a query's text and a product's id. The higher the level, the better the product."""

    @property
    def n_levels(self) -> int: ...

    @property
    def fingerprint(self) -> str:
        """16 hex digits over all that its grades depend on."""
        ...

    def grade(self, pairs: Sequence[tuple[str, str]]) -> Floats:
        """Probabilities of the levels 0, 1, …, shape (pairs, levels), rows add up to 1.

        A row of NaN is a pair that it cannot say anything of (no such product, an answer that is none).
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """The most likely level, and how likely it is: the weight of the pair in training."""

    level: int
    weight: float


def labels(probabilities: Floats, *, least_margin: float = LEAST_MARGIN) -> list[Label | None]:
    """A label for each row; None where the two most likely levels are too close, or nothing is known."""
    found: list[Label | None] = []
    for row in probabilities:
        if np.isnan(row).any():
            found.append(None)
            continue
        second, best = np.sort(row)[-2:]
        found.append(Label(level=int(row.argmax()), weight=float(best)) if best - second >= least_margin else None)
    return found


def pairs_of(groups: Sequence[GradedGroup]) -> tuple[list[tuple[str, str]], list[int]]:
    """All pairs of the groups, and their levels."""
    pairs = [(group.query, product) for group in groups for product in group.products]
    return pairs, [level for group in groups for level in group.grades]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """An annotator against grades that it did not learn from. `confusion[true][said]` counts pairs; `unsaid` had no
    answer and count in none of the figures. `kappa` is Cohen's with quadratic weights: 1 is full agreement, 0 what
    two independent raters with these shares of levels reach (NaN if there is one level only)."""

    pairs: int
    accuracy: float
    within_one: float
    kappa: float
    confusion: tuple[tuple[int, ...], ...]
    unsaid: int = 0

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        figures: Mapping[str, Any] = {
            name: round(float(getattr(self, name)), 4) for name in ("accuracy", "within_one", "kappa")
        }
        return {"pairs": self.pairs, **figures, "confusion": [[*row] for row in self.confusion], "unsaid": self.unsaid}


def agreement(levels: Sequence[int], said: Sequence[int | None], *, n_levels: int) -> Agreement:
    """How far `said` agrees with `levels`, pair by pair; None: no answer. Raises InvalidInput if there is no answer."""
    pairs = [(true, one) for true, one in zip(levels, said, strict=True) if one is not None]
    if not pairs:
        raise InvalidInput("The annotator said nothing of these pairs.", field="pairs")
    counts = np.zeros((n_levels, n_levels))
    for true, one in pairs:
        counts[true, one] += 1
    distance = np.abs(np.arange(n_levels)[:, None] - np.arange(n_levels)[None, :])
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()
    by_chance = float((distance**2 * expected).sum())
    return Agreement(
        pairs=len(pairs),
        accuracy=float(np.trace(counts) / len(pairs)),
        within_one=float(counts[distance <= 1].sum() / len(pairs)),
        kappa=1.0 - float((distance**2 * counts).sum()) / by_chance if by_chance else float("nan"),
        confusion=tuple(tuple(int(n) for n in row) for row in counts),
        unsaid=len(levels) - len(pairs),
    )
