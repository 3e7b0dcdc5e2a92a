from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.calibration import _sigmoid_calibration

from multirecall.core.errors import InvalidInput
from multirecall.fusion.calibration import Platt, calibration_from


def drawn(seed: int, n: int, slope: float, intercept: float) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    x = generator.normal(3.0, 2.0, size=n)
    y = generator.random(n) < 1 / (1 + np.exp(-(slope * x + intercept)))
    return x, y.astype(float)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("weighted", [False, True])
def test_equals_the_sigmoid_of_sklearn(seed: int, weighted: bool) -> None:
    x, y = drawn(seed, 300, 1.3, -4.0)
    w = np.random.default_rng(seed).choice([0.5, 1.0, 3.0], size=300) if weighted else None
    a, b = _sigmoid_calibration(x, y, w)  # P = 1 / (1 + exp(a x + b))
    fitted = Platt.fit(x, y, w)
    assert_allclose(fitted(x), 1 / (1 + np.exp(a * x + b)), atol=2e-5)  # what its solver leaves open


def test_recovers_the_curve_that_made_the_examples() -> None:
    fitted = Platt.fit(*drawn(1, 50_000, 1.3, -4.0))
    assert fitted.slope == pytest.approx(1.3, abs=0.05)
    assert fitted.intercept == pytest.approx(-4.0, abs=0.15)


@given(st.floats(-1e3, 1e3), st.floats(1e-6, 1e6))
@settings(max_examples=50, deadline=None)
def test_moving_and_stretching_the_scores_changes_no_probability(shift: float, scale: float) -> None:
    x, y = drawn(2, 200, 1.0, -3.0)
    moved = (x + shift) * scale
    assert_allclose(Platt.fit(moved, y)(moved), Platt.fit(x, y)(x), atol=1e-8)


def test_is_finite_where_the_two_kinds_do_not_overlap() -> None:
    fitted = Platt.fit([0, 0, 1, 1], [0, 0, 1, 1])
    assert np.isfinite(fitted.slope)
    assert_allclose(fitted([0, 1]), [1 / 4, 3 / 4], atol=1e-9)  # the smoothed targets: 1/(n0+2), (n1+1)/(n1+2)


def test_does_not_fall_where_relevance_falls_with_the_score() -> None:
    fitted = Platt.fit([1, 2, 3, 4], [1, 1, 0, 0])
    assert fitted.slope == 0.0
    assert_allclose(fitted([0, 100]), 0.5)


def test_equal_scores_give_the_mean_target() -> None:
    fitted = Platt.fit([2, 2, 2, 2], [1, 0, 0, 0])
    assert fitted(2.0) == pytest.approx((1 * (2 / 3) + 3 * (1 / 5)) / 4)


def test_stays_between_0_and_1_for_any_score() -> None:
    p = Platt(slope=50.0, intercept=0.0)([-1e300, -100, 0, 100, 1e300])
    assert (np.diff(p) >= 0).all()
    assert p[0] > 0.0
    assert p[-1] < 1.0


def test_is_the_same_after_a_round_trip_through_json() -> None:
    fitted = Platt.fit(*drawn(4, 100, 1.0, -3.0))
    assert calibration_from(json.loads(json.dumps(fitted.to_dict()))) == fitted
    assert repr(fitted).startswith("Platt(slope=")


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "platt"},
        {"kind": "platt", "slope": "steep", "intercept": 0},
        {"kind": "platt", "slope": -1, "intercept": 0},
        {"kind": "platt", "slope": 1, "intercept": float("nan")},
    ],
)
def test_damaged_files_are_refused(values: dict) -> None:
    with pytest.raises(InvalidInput):
        calibration_from(values)


def test_scores_that_are_not_finite_have_no_probability() -> None:
    with pytest.raises(InvalidInput, match="not a finite number"):
        Platt(slope=1.0, intercept=0.0)([1.0, np.inf])
