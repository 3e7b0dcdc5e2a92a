"""How attractive a product is for a query, had it always been looked at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multirecall.core.errors import InvalidInput
from multirecall.training.clicks.log import ClickLog, Pairs
from multirecall.training.clicks.propensity import Propensities
from multirecall.training.clicks.shrinkage import fit_strength
from multirecall.training.clicks.sums import sums_by

__all__ = ["ActionWeights", "Relevance", "estimate_relevance"]

MAX_WEIGHT = 20.0
"""No click counts more than this many: examination below 1 / MAX_WEIGHT is taken as that (clipping)."""

_BAND_CLICKS = 200
_MAX_BANDS = 10

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionWeights:
    """What an impression that ended so counts as, against 1 for a click: so many impressions that were all clicked."""

    cart: float = 2.0
    purchase: float = 3.0

    def __post_init__(self) -> None:
        if not 1.0 <= self.cart <= self.purchase:
            raise InvalidInput(
                f"Weights must rise from 1 (a click) over carts to purchases, got {self}.", field="action_weights"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Relevance:
    """One entry per pair of the log. Shapes (pairs,).

    `estimate`: the share of impressions that would be clicked if all were looked at, between 0 and 1. `exposure`: the
    effective number of impressions, the sum of their examination. `strength`: what the prior is worth in impressions,
    `prior` its mean per pair.
    """

    estimate: Floats
    exposure: Floats
    prior: Floats
    strength: float


def estimate_relevance(
    log: ClickLog,
    pairs: Pairs,
    propensities: Propensities,
    weights: ActionWeights | None = None,
    *,
    max_weight: float = MAX_WEIGHT,
) -> Relevance:
    """`(clicks + strength x prior) / (exposure + strength)` per pair, with `exposure = sum of n_k theta_k`.

    `clicks / exposure` is inverse propensity weighting in the form with the least variance: the weighted rates
    `clicks_k / (n_k theta_k)` of the positions, averaged by what each position knows (`n_k theta_k`). The plain form,
    every click divided by theta_k, has the same mean (Joachims, Swaminathan and Schnabel, WSDM 2017), and lets one
    click at position 10 outweigh ten at position 1. theta below 1 / `max_weight` is clipped.

    The prior's mean depends on how high the old ranking put the pair: pairs are cut into bands by their mean
    examination, up to ten of 200 clicks or more, and each band has its corrected click rate. Where the old ranking
    knew something, a product it put high is expected to be better before it is clicked; where it knew nothing, the
    bands come out alike. One mean for all would punish what the old ranking rightly showed often: it is seen, rarely
    clicked, and falls below products that nobody saw. The strength is fitted to the clicks by the method of moments.

    Raises InvalidInput for a `max_weight` below 1.
    """
    if not max_weight >= 1.0:
        raise InvalidInput(f"max_weight must be 1 or more, got {max_weight}.", field="max_weight")
    weights = weights or ActionWeights()
    theta = np.maximum(propensities.at(log.position), 1.0 / max_weight)

    def per_pair(values: Floats) -> Floats:
        return sums_by(pairs.of_row, values, len(pairs))

    shown = log.impressions.astype(np.float64)
    clicks, exposure = per_pair(log.clicks.astype(np.float64)), per_pair(shown * theta)
    squares = per_pair(shown * theta**2)
    bands = _bands(exposure / per_pair(shown), clicks)
    rates = _band_rates(bands, clicks, exposure)
    strength = fit_strength(clicks, exposure, squares, rates)
    # What carts and purchases add, as further impressions at the same position that were all clicked.
    extra = (weights.cart - 1.0) * (log.carts - log.purchases) + (weights.purchase - 1.0) * log.purchases
    weighted, weighted_exposure = clicks + per_pair(extra), exposure + per_pair(extra * theta)
    prior = _band_rates(bands, weighted, weighted_exposure)
    estimate = np.clip((weighted + strength * prior) / (weighted_exposure + strength), 0.0, 1.0)
    return Relevance(estimate=estimate, exposure=exposure, prior=prior, strength=strength)


def _bands(height: Floats, clicks: Floats) -> NDArray[np.int64]:
    """Bands of pairs, numbered from the lowest, by mean examination; each has about as many clicks."""
    total = float(clicks.sum())
    bands = int(min(_MAX_BANDS, max(1.0, total // _BAND_CLICKS)))
    levels, of_level = np.unique(height, return_inverse=True)
    per_level = sums_by(of_level.reshape(-1), clicks, len(levels))
    middle = np.cumsum(per_level) - per_level / 2.0  # pairs of one height are never parted
    band_of_level = np.minimum((middle / total * bands).astype(np.int64), bands - 1)
    numbered: NDArray[np.int64] = band_of_level[of_level.reshape(-1)]
    return numbered


def _band_rates(bands: NDArray[np.int64], clicks: Floats, exposure: Floats) -> Floats:
    """The click rate of each pair's band, drawn to that of all by ten clicks."""
    mean = float(clicks.sum() / exposure.sum())
    n = int(bands.max()) + 1
    rates = (sums_by(bands, clicks, n) + 10.0) / (sums_by(bands, exposure, n) + 10.0 / mean)
    taken: Floats = np.clip(rates, 1e-6, 1.0 - 1e-6)[bands]
    return taken
