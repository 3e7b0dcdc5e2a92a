from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.isotonic import IsotonicRegression

from multirecall.core.errors import InvalidInput
from multirecall.fusion.calibration import Isotonic, calibration_from
from multirecall.fusion.calibration.isotonic import pool_adjacent_violators

EXAMPLES = st.lists(
    st.tuples(st.integers(-5, 5), st.booleans(), st.sampled_from([0.5, 1.0, 2.0, 7.0])), min_size=2, max_size=60
).filter(lambda rows: len({relevant for _, relevant, _ in rows}) == 2)


def columns(rows: list[tuple[int, bool, float]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x, y, w = zip(*rows, strict=True)
    return np.array(x, dtype=float), np.array(y, dtype=float), np.array(w)


@given(EXAMPLES)
@settings(max_examples=150, deadline=None)
def test_equals_the_regression_of_sklearn_on_the_same_examples_with_the_four_that_are_added(
    rows: list[tuple[int, bool, float]],
) -> None:
    x, y, w = columns(rows)
    ends = [x.min(), x.min(), x.max(), x.max()]
    oracle = IsotonicRegression(out_of_bounds="clip")
    oracle.fit(np.r_[x, ends], np.r_[y, 0, 1, 0, 1], np.r_[w, 1, 1, 1, 1])
    asked = np.linspace(-7, 7, 57)
    assert_allclose(Isotonic.fit(x, y, w)(asked), oracle.predict(asked), atol=1e-9)


@given(EXAMPLES)
@settings(max_examples=100, deadline=None)
def test_never_falls_and_stays_between_0_and_1(rows: list[tuple[int, bool, float]]) -> None:
    p = Isotonic.fit(*columns(rows))(np.linspace(-9, 9, 200))
    assert (np.diff(p) >= 0).all()
    assert 0.0 < p[0] <= p[-1] < 1.0
    assert p.dtype == np.float64


def test_pooling_gives_blocks_whose_means_rise() -> None:
    starts, values, weights = pool_adjacent_violators(np.array([0.2, 0.8, 0.4, 0.9]), np.array([1.0, 1.0, 3.0, 1.0]))
    assert starts.tolist() == [0, 1, 3]
    assert_allclose(values, [0.2, (0.8 + 3 * 0.4) / 4, 0.9])
    assert_allclose(weights, [1, 4, 1])


def test_a_weight_counts_as_so_many_examples() -> None:
    once = Isotonic.fit([1, 2, 2, 2, 3], [0, 1, 1, 0, 1])
    assert_allclose(Isotonic.fit([1, 2, 2, 3], [0, 1, 0, 1], [1, 2, 1, 1])([1, 2, 3]), once([1, 2, 3]))


def test_relevant_examples_alone_at_the_top_follow_the_rule_of_succession() -> None:
    assert Isotonic.fit([0, 0, 1, 1, 1], [0, 0, 1, 1, 1])(1.0) == pytest.approx((3 + 1) / (3 + 2))


def test_falling_relevance_gives_one_flat_probability() -> None:
    assert_allclose(Isotonic.fit([1, 2, 3, 4], [1, 1, 0, 0])([-10, 2.5, 10]), 0.5)


def test_between_the_blocks_runs_a_straight_line() -> None:
    fitted = Isotonic(scores=(0.0, 1.0), probabilities=(0.2, 0.6))
    assert_allclose(fitted([-1, 0, 0.25, 1, 2]), [0.2, 0.2, 0.3, 0.6, 0.6])


def test_is_the_same_after_a_round_trip_through_json() -> None:
    generator = np.random.default_rng(3)
    x = generator.normal(size=500)
    fitted = Isotonic.fit(x, generator.random(500) < 1 / (1 + np.exp(-x)))
    again = calibration_from(json.loads(json.dumps(fitted.to_dict())))
    assert again == fitted
    assert "points" in repr(again)


@pytest.mark.parametrize(
    ("scores", "relevant", "weights", "field"),
    [
        ([1, 2], [0], None, "scores"),
        ([1, np.nan], [0, 1], None, "scores"),
        ([1, 2], [0, 2], None, "relevant"),
        ([1, 2], [0, np.nan], None, "relevant"),
        ([1, 2], [1, 1], None, "relevant"),
        ([1, 2], [0, 1], [1, 0], "relevant"),
        ([1, 2], [0, 1], [1, -1], "weights"),
        ([], [], None, "relevant"),
    ],
)
def test_examples_that_calibrate_nothing_are_refused(scores: list, relevant: list, weights: object, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Isotonic.fit(scores, relevant, weights)
    assert caught.value.data["field"] == field


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "isotonic"},
        {"kind": "isotonic", "scores": [1, 0], "probabilities": [0.1, 0.2]},
        {"kind": "isotonic", "scores": [0, 1], "probabilities": [0.2, 0.1]},
        {"kind": "isotonic", "scores": [0, 1], "probabilities": [0.2, 1.0]},
        {"kind": "isotonic", "scores": [0], "probabilities": [0.2, 0.3]},
        {"kind": "isotonic", "scores": [], "probabilities": []},
        {"kind": "isotonic", "scores": ["a"], "probabilities": [0.5]},
        {"kind": "cubic"},
    ],
)
def test_damaged_files_are_refused(values: dict) -> None:
    with pytest.raises(InvalidInput):
        calibration_from(values)
