from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, roc_auc_score

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.separation import auc, best_f1, circle_loss, overlap, separation

SCORES = st.lists(st.integers(0, 8), min_size=1, max_size=30)


@given(SCORES, SCORES)
@settings(max_examples=100, deadline=None)
def test_auc_and_f1_equal_those_of_sklearn(higher: list[int], lower: list[int]) -> None:
    scores, relevant = np.array(higher + lower, dtype=float), np.array([1] * len(higher) + [0] * len(lower))
    assert auc(higher, lower) == pytest.approx(roc_auc_score(relevant, scores), abs=1e-12)
    f1, threshold = best_f1(scores, relevant)
    assert f1 == pytest.approx(max(f1_score(relevant, scores >= t) for t in np.unique(scores)), abs=1e-12)
    assert f1 == pytest.approx(f1_score(relevant, scores >= threshold), abs=1e-12)


def test_overlap_of_two_normal_distributions_is_the_known_area() -> None:
    generator = np.random.default_rng(1)
    a, b = generator.normal(0, 1, 200_000), generator.normal(2, 1, 200_000)
    assert overlap(a, b) == pytest.approx(2 * 0.5 * math.erfc(1 / math.sqrt(2)), abs=0.01)
    assert overlap(a, a) == 1.0
    assert overlap([0.0], [1.0]) == 0.0
    assert overlap([3.0], [3.0]) == 1.0


def test_separation_knows_every_pair_of_grades() -> None:
    found = separation([0.9, 0.8, 0.5, 0.6, 0.1, 0.2, 0.85], [2, 2, 1, 1, 0, 0, 1])
    assert [(p.higher, p.lower) for p in found.pairs] == [(2, 1), (2, 0), (1, 0)]
    assert found.of(2, 1).auc == 5 / 6
    assert found.of(2, 0).auc == found.of(1, 0).auc == 1.0
    assert found.of(2, 0).mean_gap == pytest.approx(0.85 - 0.15)
    assert found.means[1.0] == pytest.approx((0.5 + 0.6 + 0.85) / 3)
    assert dict(found.medians) == {2.0: pytest.approx(0.85), 1.0: 0.6, 0.0: pytest.approx(0.15)}
    assert dict(found.counts) == {2.0: 2, 1.0: 3, 0.0: 2}
    assert (found.f1, found.threshold) == (1.0, 0.5)
    with pytest.raises(InvalidInput, match="grades 3 and 0"):
        found.of(3, 0)


def test_a_ranking_that_is_right_in_every_query_may_separate_nothing() -> None:
    # grade 1 scores above grade 0 within each query, but levels differ from query to query
    scores = [1.0, 0.9, 0.2, 0.1]
    assert separation(scores, [1, 0, 1, 0]).of(1, 0).auc == 3 / 4


@pytest.mark.parametrize(
    ("scores", "grades", "expected"),
    [
        ((0.8, 0.5, 0.2), (2, 1, 0), (0.074462, 0.074462, 0.074462)),
        ((0.5, 0.5, 0.5), (2, 1, 0), (8.960128, 20.48, 8.960128)),
        ((0.2, 0.5, 0.8), (2, 1, 0), (43.52, 89.6, 43.52)),
        ((0.75, 0.55, 0.55, 0.15, 0.3), (2, 2, 1, 0, 0), (5.763607, 7.045511, 0.424941)),
    ],
)
def test_circle_loss_has_the_golden_values(scores: tuple, grades: tuple, expected: tuple) -> None:
    losses = circle_loss(scores, grades)
    assert [losses[2, 1], losses[2, 0], losses[1, 0]] == pytest.approx(expected, abs=1e-6)


def test_circle_loss_at_the_centres_is_the_formula() -> None:
    g, h = 128.0, 0.1
    assert circle_loss([0.8, 0.2], [2, 0])[2, 0] == pytest.approx(math.log1p(math.exp(-2 * g * h * h)))


def test_products_past_their_optimum_cost_nothing() -> None:
    assert circle_loss([0.95, 0.05], [2, 0]) == {(2, 0): 0.0}
    assert circle_loss([0.95, 0.5], [2, 0])[2, 0] == 0.0  # one side is empty


@pytest.mark.parametrize(("scores", "grades"), [([1.0], [1, 2]), ([math.nan, 1.0], [0, 1]), ([1.0, 2.0], [1, 1])])
def test_what_cannot_be_separated_is_refused(scores: list, grades: list) -> None:
    with pytest.raises(InvalidInput):
        separation(scores, grades)
