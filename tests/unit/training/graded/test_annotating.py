from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, cohen_kappa_score, confusion_matrix

from multirecall.core.errors import InvalidInput
from multirecall.training.graded.annotating import agreement, labels, pairs_of
from tests.unit.training.graded.groups import group


def test_agreement_is_what_scikit_learn_says() -> None:
    random = np.random.default_rng(0)
    true = random.integers(0, 4, 300)
    said = np.clip(true + random.integers(-1, 3, 300), 0, 3)
    found = agreement(true.tolist(), said.tolist(), n_levels=4)
    assert found.kappa == pytest.approx(cohen_kappa_score(true, said, weights="quadratic"))
    assert found.accuracy == pytest.approx(accuracy_score(true, said))
    assert found.within_one == pytest.approx(float((np.abs(true - said) <= 1).mean()))
    assert np.array_equal(found.confusion, confusion_matrix(true, said))


def test_what_was_not_answered_counts_in_no_figure() -> None:
    found = agreement([0, 1, 2, 2], [0, None, 2, None], n_levels=3)
    assert (found.pairs, found.unsaid, found.accuracy, found.kappa) == (2, 2, 1.0, 1.0)
    assert math.isnan(agreement([1, 1], [1, 1], n_levels=3).kappa)
    with pytest.raises(InvalidInput, match="said nothing"):
        agreement([1], [None], n_levels=3)


def test_a_label_needs_a_clear_lead() -> None:
    rows = np.array([[0.1, 0.2, 0.7], [0.46, 0.44, 0.1], [np.nan, np.nan, np.nan]])
    sure, unsure, unknown = labels(rows)
    assert sure is not None
    assert (sure.level, sure.weight) == (2, 0.7)
    assert unsure is None
    assert unknown is None
    (_, forced, _) = labels(rows, least_margin=0.0)
    assert forced is not None
    assert forced.level == 0


def test_pairs_and_levels_stand_in_the_order_of_the_groups() -> None:
    assert pairs_of([group("a", "lamp", 2, 0), group("b", "desk", 1)]) == (
        [("lamp", "a-0"), ("lamp", "a-1"), ("desk", "b-0")],
        [2, 0, 1],
    )
