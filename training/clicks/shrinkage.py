"""Beta priors fitted to click counts, so that a product seen twice does not get a rate of 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["BetaPrior", "fit_beta", "fit_strength"]

MIN_STRENGTH = 0.5
MAX_STRENGTH = 1_000.0

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class BetaPrior:
    """Beta(mean x strength, (1 - mean) x strength): `strength` is the impressions that the prior is worth."""

    mean: float
    strength: float

    @property
    def a(self) -> float:
        """The first parameter, as if so many clicks had been seen."""
        return self.mean * self.strength

    @property
    def b(self) -> float:
        """The second, as if so many impressions had been examined and not clicked."""
        return (1.0 - self.mean) * self.strength


def fit_beta(clicks: Floats, exposure: Floats, squares: Floats) -> BetaPrior:
    """The prior of the click rates of things that were clicked `clicks` times in `exposure` examined impressions.

    By the method of moments (Kleinman, JASA 1973, for unequal sizes). `exposure` is the sum of the examination
    probabilities of a thing's impressions, `squares` that of their squares; with them the variance of a rate around
    its truth r is `r / exposure - r^2 squares / exposure^2`. Shapes (n,), exposure above 0.
    """
    total = float(exposure.sum())
    mean = min(max(float(clicks.sum()) / total, 1e-6), 1.0 - 1e-6)
    return BetaPrior(mean=mean, strength=fit_strength(clicks, exposure, squares, np.full(len(clicks), mean)))


def fit_strength(clicks: Floats, exposure: Floats, squares: Floats, mean: Floats) -> float:
    """How many impressions a prior with these means is worth: the less the rates vary around them, the more.

    Between MIN_STRENGTH and MAX_STRENGTH; the latter where the rates vary no more than by chance.
    """
    spread = float((exposure * (clicks / exposure - mean) ** 2).sum())
    by_chance = float((mean - mean**2 * squares / exposure).sum())
    room = float((exposure - squares / exposure).sum())
    if room <= 0.0 or spread <= by_chance:
        return MAX_STRENGTH
    variance = (spread - by_chance) / room
    typical = float((exposure * mean * (1.0 - mean)).sum() / exposure.sum())
    return min(max(typical / variance - 1.0, MIN_STRENGTH), MAX_STRENGTH)
