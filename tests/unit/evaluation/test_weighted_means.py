from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.paired_test import randomisation_test
from multirecall.evaluation.weighted_means import (
    paired_p_value,
    percentile_interval,
    resampled_means,
    weighted_means,
)

DRAW = np.random.default_rng(5)
VALUES = DRAW.random((60, 2))
WEIGHTS = DRAW.integers(0, 11, (60, 2)).astype(np.float64)


def test_means_are_ratios_of_sums_and_0_where_nothing_weighs() -> None:
    weights = WEIGHTS * [1.0, 0.0]
    expected = [np.average(VALUES[:, 0], weights=WEIGHTS[:, 0]), 0.0]
    assert weighted_means(VALUES, weights) == pytest.approx(expected)


def test_resampled_means_give_the_interval_that_scipy_gives() -> None:
    ours = percentile_interval(resampled_means(VALUES, WEIGHTS, rounds=20_000)[:, 0], 0.95)
    theirs = stats.bootstrap(
        (VALUES[:, 0], WEIGHTS[:, 0]),
        lambda v, w, axis: (v * w).sum(axis) / w.sum(axis),
        paired=True,
        vectorized=True,
        method="percentile",
        n_resamples=20_000,
        rng=np.random.default_rng(1),
    ).confidence_interval
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.003)
    assert ours.low < weighted_means(VALUES, WEIGHTS)[0] < ours.high


def test_resampling_is_repeated_by_its_seed_and_takes_any_number_of_queries(monkeypatch: pytest.MonkeyPatch) -> None:
    once = resampled_means(VALUES, WEIGHTS, rounds=50, seed=3)
    monkeypatch.setattr("multirecall.evaluation.weighted_means._CHUNK_CELLS", 7 * len(VALUES))
    assert resampled_means(VALUES, WEIGHTS, rounds=50, seed=3) == pytest.approx(once)
    assert not np.allclose(resampled_means(VALUES, WEIGHTS, rounds=50, seed=4), once)
    one = resampled_means(np.array([[0.25]]), np.ones((1, 1)), rounds=3)
    assert one.tolist() == [[0.25]] * 3


def test_with_equal_weights_the_p_value_is_that_of_the_differences() -> None:
    first, second = VALUES[:, 0], VALUES[:, 1]
    ones = np.ones(60)
    expected = randomisation_test(first - second, rounds=5_000, seed=7).p_two_sided
    assert paired_p_value((first, second), (ones, ones), rounds=5_000) == expected
    assert paired_p_value((first, first + 1e-15), (ones, ones)) == 1.0


def test_with_unequal_weights_both_sums_are_exchanged() -> None:
    # Two queries: all 4 exchanges by hand. (good, shown): A (1, 1) and (4, 10), B (0, 2) and (1, 10).
    values = (np.array([1.0, 0.4]), np.array([0.0, 0.1]))
    weights = (np.array([1.0, 10.0]), np.array([2.0, 10.0]))
    observed = 5 / 11 - 1 / 12
    exchanged = [5 / 11 - 1 / 12, 4 / 12 - 2 / 11]  # and the negatives of both
    assert [abs(value) >= observed for value in exchanged] == [True, False]
    assert paired_p_value(values, weights, rounds=40_000) == pytest.approx(0.5, abs=0.02)


def test_a_rate_that_shows_other_numbers_of_products_but_is_alike_is_seldom_significant() -> None:
    draw = np.random.default_rng(11)
    small = 0
    for seed in range(100):
        shown = draw.integers(1, 11, (2, 40)).astype(np.float64)
        good = draw.binomial(shown.astype(int), 0.5) / shown
        small += paired_p_value((good[0], good[1]), (shown[0], shown[1]), rounds=400, seed=seed) < 0.05
    assert small <= stats.binom.ppf(0.999, 100, 0.05)


def test_nothing_to_resample_and_a_strange_confidence_are_refused() -> None:
    with pytest.raises(InvalidInput, match="needs a query"):
        resampled_means(np.empty((0, 2)), np.empty((0, 2)))
    with pytest.raises(InvalidInput, match="confidence"):
        percentile_interval(np.ones(3), 1.0)
