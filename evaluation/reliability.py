"""Do probabilities mean what they say? Reliability bins, calibration error, Brier score and log loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from multirecall.core.errors import InvalidInput

__all__ = [
    "Binning",
    "Reliability",
    "ReliabilityBin",
    "brier_score",
    "expected_calibration_error",
    "log_loss",
    "reliability",
]

Binning = Literal["mass", "width"]

Floats = NDArray[np.float64]

_Z = 1.959963984540054  # of 95%


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityBin:
    """The results with a probability from `low` to `high`.

    `predicted` is their mean probability, `observed` the share that was relevant, `observed_low` to `observed_high`
    its 95% interval (Wilson; products of one query resemble each other, so it is rather too narrow). `n` counts them,
    `weight` is the sum of their weights.
    """

    low: float
    high: float
    predicted: float
    observed: float
    observed_low: float
    observed_high: float
    n: int
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """Bins by rising probability, empty ones left out, and the figures over all results; see the functions here."""

    bins: tuple[ReliabilityBin, ...]
    ece: float
    ece_equal_width: float
    brier: float
    log_loss: float
    n: int
    base_rate: float


def reliability(
    probabilities: ArrayLike, relevant: ArrayLike, weights: ArrayLike | None = None, *, bins: int = 10
) -> Reliability:
    """The reliability of the probabilities, in bins of equal mass; shapes (n,), `relevant` 0 or 1 (or between).

    Raises InvalidInput for no result, shapes that differ, values out of range, or fewer than one bin.
    """
    p, y, w = _checked(probabilities, relevant, weights)
    found = _bins(p, y, w, bins, "mass")
    return Reliability(
        bins=tuple(found),
        ece=_gap(found),
        ece_equal_width=_gap(_bins(p, y, w, bins, "width")),
        brier=brier_score(p, y, w),
        log_loss=log_loss(p, y, w),
        n=len(p),
        base_rate=float(np.average(y, weights=w)),
    )


def expected_calibration_error(
    probabilities: ArrayLike,
    relevant: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    bins: int = 10,
    binning: Binning = "mass",
) -> float:
    """`sum over bins of weight x |observed - predicted|`, weights adding up to 1: 0 is perfect, 1 the worst.

    Bins of equal mass hold (nearly) equal weight, and equal probabilities are never parted; bins of equal width are
    those of Naeini, Cooper and Hauskrecht, AAAI 2015, the usual ones, of which most are nearly empty where relevant
    results are rare. With finitely many results it is above 0 even for perfect probabilities, by about
    `sum over bins of weight x sqrt(2 p (1 - p) / (pi n))`. Raises InvalidInput as `reliability` does.
    """
    return _gap(_bins(*_checked(probabilities, relevant, weights), bins, binning))


def brier_score(probabilities: ArrayLike, relevant: ArrayLike, weights: ArrayLike | None = None) -> float:
    """The weighted mean of `(probability - relevant)^2`: 0 is perfect, the base rate b for all gives b (1 - b)."""
    p, y, w = _checked(probabilities, relevant, weights)
    return float(np.average((p - y) ** 2, weights=w))


def log_loss(probabilities: ArrayLike, relevant: ArrayLike, weights: ArrayLike | None = None) -> float:
    """The weighted mean of `-(y ln p + (1 - y) ln(1 - p))`, in nats; infinite if a certainty was wrong."""
    p, y, w = _checked(probabilities, relevant, weights)
    with np.errstate(divide="ignore"):
        of_relevant = np.where(y > 0.0, np.log(np.where(y > 0.0, p, 1.0)), 0.0)
        of_others = np.where(y < 1.0, np.log1p(-np.where(y < 1.0, p, 0.0)), 0.0)
    return float(np.average(-(y * of_relevant + (1.0 - y) * of_others), weights=w))


def _checked(probabilities: ArrayLike, relevant: ArrayLike, weights: ArrayLike | None) -> tuple[Floats, Floats, Floats]:
    p, y = np.asarray(probabilities, dtype=np.float64), np.asarray(relevant, dtype=np.float64)
    w = np.ones(p.shape) if weights is None else np.asarray(weights, dtype=np.float64)
    if p.ndim != 1 or not len(p) or y.shape != p.shape or w.shape != p.shape:
        raise InvalidInput(
            f"Probabilities, relevance and weights have shapes {p.shape}, {y.shape} and {w.shape}.",
            hint="Each result needs one of each, and there must be one at least.",
            field="probabilities",
        )
    for name, values in (("probabilities", p), ("relevant", y)):
        if not ((values >= 0.0) & (values <= 1.0)).all():  # NaN fails too
            raise InvalidInput(f"{name}: a value lies outside 0 to 1.", field=name)
    if not (np.isfinite(w) & (w >= 0.0)).all() or not w.sum() > 0.0:
        raise InvalidInput("Weights must be finite, 0 or more, and not all 0.", field="weights")
    return p, y, w


def _bins(p: Floats, y: Floats, w: Floats, bins: int, binning: Binning) -> list[ReliabilityBin]:
    if bins < 1:
        raise InvalidInput(f"bins must be 1 or more, got {bins}.", field="bins")
    of_level = np.unique(p, return_inverse=True)[1].reshape(-1)
    if binning == "mass":
        mass = np.bincount(of_level, weights=w)
        middle = (np.cumsum(mass) - mass / 2.0) / mass.sum()
        of_bin = np.minimum((middle * bins).astype(np.int64), bins - 1)[of_level]
    else:
        of_bin = np.minimum((p * bins).astype(np.int64), bins - 1)
    return [_bin(p[at], y[at], w[at]) for number in range(bins) if (at := of_bin == number).any() and w[at].sum() > 0.0]


def _bin(p: Floats, y: Floats, w: Floats) -> ReliabilityBin:
    observed = float(np.average(y, weights=w))
    low, high = _wilson(observed, float(w.sum() ** 2 / (w**2).sum()))
    return ReliabilityBin(
        low=float(p.min()),
        high=float(p.max()),
        predicted=float(np.average(p, weights=w)),
        observed=observed,
        observed_low=low,
        observed_high=high,
        n=len(p),
        weight=float(w.sum()),
    )


def _wilson(share: float, n: float) -> tuple[float, float]:
    """The 95% interval of a share of n (Wilson, JASA 1927); with weights, n is Kish's effective number."""
    z2 = _Z * _Z / n
    centre = (share + z2 / 2.0) / (1.0 + z2)
    half = _Z * np.sqrt(share * (1.0 - share) / n + z2 / (4.0 * n)) / (1.0 + z2)
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


def _gap(bins: list[ReliabilityBin]) -> float:
    total = sum(one.weight for one in bins)
    return sum(one.weight * abs(one.observed - one.predicted) for one in bins) / total
