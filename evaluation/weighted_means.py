"""Means in which a query may weigh more than another: resampled, and compared between two systems."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.paired_test import Interval, randomisation_test

__all__ = ["Floats", "paired_p_value", "percentile_interval", "resampled_means", "weighted_means"]

Floats = NDArray[np.float64]

_CHUNK_CELLS = 2_000_000


def weighted_means(values: Floats, weights: Floats) -> Floats:
    """The mean of each column: `sum of weight * value / sum of weights`; 0 where all weights are 0.

    Shapes: (n, c) both; returns (c,).
    """
    return _ratios((values * weights).sum(axis=0), weights.sum(axis=0))


def resampled_means(values: Floats, weights: Floats, *, rounds: int = 10_000, seed: int = 7) -> Floats:
    """The means of each column over queries drawn again with replacement: the same draw for all columns of a round.

    Shapes: (n, c) both; returns (rounds, c). From a column's quantiles comes its bootstrap interval, from those of the
    difference of two columns the paired one. Costs `rounds * n * c` steps. Raises InvalidInput without a query.
    """
    n = len(values)
    if not n or rounds < 1:
        raise InvalidInput("Resampling needs a query and a round at least.", field="rounds")
    generator = np.random.default_rng(seed)
    weighed = values * weights
    means = np.empty((rounds, values.shape[1]))
    size = max(1, _CHUNK_CELLS // n)
    for start in range(0, rounds, size):
        m = min(size, rounds - start)
        drawn = generator.integers(0, n, size=(m, n)) + np.arange(m)[:, None] * n
        counts = np.bincount(drawn.ravel(), minlength=m * n).reshape(m, n).astype(np.float64)
        means[start : start + m] = _ratios(counts @ weighed, counts @ weights)
    return means


def percentile_interval(means: Floats, confidence: float) -> Interval:
    """The middle share `confidence` of resampled means; shape (rounds,)."""
    if not 0.0 < confidence < 1.0:
        raise InvalidInput(f"confidence must lie between 0 and 1, got {confidence}.", field="confidence")
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(means, (tail, 1.0 - tail))
    return Interval(low=float(low), high=float(high), confidence=confidence)


def paired_p_value(
    values: tuple[Floats, Floats], weights: tuple[Floats, Floats], *, rounds: int = 20_000, seed: int = 7
) -> float:
    """The two-sided p-value of the difference of two systems' means under the paired randomisation test.

    If they were alike, what one gave for a query could as well have come from the other, value and weight together.
    Where the weights of both agree this is `randomisation_test` of the differences; where they do not (a rate over
    products), both sums are exchanged, `rounds` times by `seed`, and `p = (1 + as extreme) / (1 + rounds)`. Shapes:
    (n,) each. Raises InvalidInput without a query.
    """
    (first, second), (first_weights, second_weights) = values, weights
    if np.array_equal(first_weights, second_weights):
        differences = (first - second) * first_weights
        differences = np.where(np.abs(differences) < 1e-12, 0.0, differences)  # rounding is no change
        return randomisation_test(differences, rounds=rounds, seed=seed).p_two_sided
    good, shown = np.stack([first * first_weights, second * second_weights]), np.stack([first_weights, second_weights])
    observed = abs(np.subtract(*_ratios(good.sum(axis=1), shown.sum(axis=1))))
    generator = np.random.default_rng(seed)
    n, extreme = len(first), 0
    size = max(1, _CHUNK_CELLS // n)
    for start in range(0, rounds, size):
        signs = generator.integers(0, 2, size=(min(size, rounds - start), n), dtype=np.int8) * 2.0 - 1.0
        good_moved, shown_moved = signs @ (good[0] - good[1]), signs @ (shown[0] - shown[1])
        one = _ratios(good.sum() + good_moved, shown.sum() + shown_moved)
        other = _ratios(good.sum() - good_moved, shown.sum() - shown_moved)
        extreme += int(np.count_nonzero(np.abs(one - other) >= observed - 1e-12))
    return (1 + extreme) / (1 + rounds)


def _ratios(numerators: Floats, denominators: Floats) -> Floats:
    out = np.zeros_like(numerators, dtype=np.float64)
    np.divide(numerators, denominators, out=out, where=denominators > 0)
    return out
