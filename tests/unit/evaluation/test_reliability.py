from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss
from sklearn.metrics import log_loss as sklearn_log_loss

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.reliability import brier_score, expected_calibration_error, log_loss, reliability


def drawn(seed: int, n: int = 2000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    p = generator.beta(1, 4, size=n)
    return p, (generator.random(n) < p).astype(float), generator.choice([0.5, 1.0, 4.0], size=n)


def test_scores_equal_those_of_sklearn() -> None:
    p, y, w = drawn(1)
    assert brier_score(p, y) == pytest.approx(brier_score_loss(y, p), abs=1e-12)
    assert brier_score(p, y, w) == pytest.approx(brier_score_loss(y, p, sample_weight=w), abs=1e-12)
    assert log_loss(p, y, w) == pytest.approx(sklearn_log_loss(y, p, sample_weight=w), abs=1e-9)


def test_equal_width_is_the_usual_calibration_error() -> None:
    p, y, _ = drawn(2)
    observed, predicted = calibration_curve(y, p, n_bins=10)
    counts = np.histogram(p, bins=10, range=(0, 1))[0]
    expected = (counts[counts > 0] * np.abs(observed - predicted)).sum() / len(p)
    assert expected_calibration_error(p, y, binning="width") == pytest.approx(expected, abs=1e-12)


def test_bins_of_equal_mass_hold_equally_many() -> None:
    p, y, _ = drawn(3)
    found = reliability(p, y)
    assert [one.n for one in found.bins] == [200] * 10
    edges = [(one.low, one.high) for one in found.bins]
    assert edges == sorted(edges)
    assert found.ece == pytest.approx(sum(abs(one.observed - one.predicted) for one in found.bins) / 10)
    assert found.base_rate == y.mean()


def test_equal_probabilities_are_never_parted() -> None:
    found = reliability([0.1] * 70 + [0.9] * 30, [0] * 60 + [1] * 10 + [1] * 30)
    assert [(one.n, one.observed) for one in found.bins] == [(70, 1 / 7), (30, 1.0)]
    assert found.ece == pytest.approx(0.7 * (1 / 7 - 0.1) + 0.3 * 0.1)


def test_intervals_are_wilsons() -> None:
    (only,) = reliability([0.3] * 40, [1] * 9 + [0] * 31).bins
    oracle = binomtest(9, 40).proportion_ci(method="wilson")
    assert (only.observed_low, only.observed_high) == pytest.approx((oracle.low, oracle.high), abs=1e-12)


def test_true_probabilities_are_within_the_bound_of_the_docstring_and_shifted_ones_are_not() -> None:
    p, y, _ = drawn(4, n=20_000)
    noise = 10 * 0.1 * math.sqrt(2 * 0.25 / (math.pi * 2000))  # at most: p (1 - p) <= 1/4
    assert expected_calibration_error(p, y) < 2 * noise
    assert expected_calibration_error(np.clip(p + 0.2, 0, 1), y) == pytest.approx(0.2, abs=2 * noise)


def test_a_weight_counts_as_so_many_results() -> None:
    p, y, w = [0.2, 0.2, 0.7], [0, 1, 1], [2, 1, 3]
    repeated = reliability(np.repeat(p, w), np.repeat(y, w), bins=2)
    weighted = reliability(p, y, w, bins=2)
    assert (weighted.ece, weighted.brier, weighted.log_loss) == pytest.approx(
        (repeated.ece, repeated.brier, repeated.log_loss)
    )


def test_certainty_that_is_wrong_costs_infinitely_much() -> None:
    assert log_loss([1.0, 0.0], [1, 0]) == 0.0
    assert log_loss([1.0], [0]) == math.inf


@pytest.mark.parametrize(
    ("p", "y", "w"),
    [([], [], None), ([0.5], [1, 0], None), ([1.2], [1], None), ([0.5], [np.nan], None), ([0.5], [1], [0.0])],
)
def test_values_that_make_no_sense_are_refused(p: list, y: list, w: object) -> None:
    with pytest.raises(InvalidInput):
        reliability(p, y, w)


def test_no_bins_are_refused() -> None:
    with pytest.raises(InvalidInput, match="bins must be"):
        reliability([0.5], [1], bins=0)
