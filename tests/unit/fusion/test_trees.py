"""The trees score as LightGBM itself does, to the last bit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import lightgbm
import numpy as np
import pytest
from numpy.typing import NDArray

from multirecall.core.errors import InvalidInput, InvalidSettings
from multirecall.fusion.trees import MAX_LEAVES, Trees

Floats = NDArray[np.float64]


def rows(seed: int, n: int) -> Floats:
    """Columns of every kind: dense, with gaps, counted, nearly always missing, never anything, with infinities."""
    random = np.random.default_rng(seed)
    matrix = random.normal(size=(n, 8))
    matrix[random.random((n, 8)) < [0, 0.3, 0, 0.6, 0.95, 0, 0.1, 0.5]] = np.nan
    matrix[:, 2] = random.integers(0, 3, n)
    matrix[:, 3] = np.round(matrix[:, 3])
    matrix[:, 5] = np.nan
    matrix[:, 6] = np.where(random.random(n) < 0.05, random.choice([-np.inf, np.inf], n), matrix[:, 6])
    return matrix


def grown(seed: int, categories: Sequence[int] = (), **settings: Any) -> lightgbm.Booster:
    matrix = rows(seed, 1200)
    random = np.random.default_rng(seed + 1)
    known = np.nan_to_num(matrix, posinf=3.0, neginf=-3.0)
    signal = known[:, 0] + np.isnan(matrix[:, 1]) + known[:, 2] * known[:, 3] + known[:, 6]
    grades = np.digitize(signal + random.normal(size=len(signal)), [0.0, 1.5])
    parameters = {"objective": "lambdarank", "verbose": -1, "num_threads": 1, "min_data_in_leaf": 5, "seed": seed}
    data = lightgbm.Dataset(matrix, grades, group=[60] * 20, params={"verbose": -1}, categorical_feature=[*categories])
    return lightgbm.train({**parameters, **settings}, data, num_boost_round=20)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "settings",
    [
        {"num_leaves": 15, "feature_fraction": 0.5},
        {"num_leaves": MAX_LEAVES, "min_data_in_leaf": 1},
        {"num_leaves": 2},
        {"num_leaves": 15, "use_missing": False},
    ],
    ids=["as grown by default", "all leaves", "stumps", "missing is 0"],
)
def test_scores_are_those_of_lightgbm_to_the_last_bit(seed: int, settings: dict[str, Any]) -> None:
    booster = grown(seed, **settings)
    trees = Trees.of(booster.model_to_string())
    seen, unseen = rows(seed, 1200), rows(seed + 100, 300)
    on_a_threshold = unseen.copy()
    on_a_threshold[: min(300, len(trees.thresholds)), trees.features[0]] = trees.thresholds[:300]
    for matrix in (seen, unseen, np.asfortranarray(unseen), on_a_threshold, np.full((2, 8), np.nan), unseen[:0]):
        expected = booster.predict(matrix, num_threads=1) if len(matrix) else np.empty(0)
        np.testing.assert_array_equal(trees.scores(matrix), expected)


def test_trees_of_one_leaf_score_what_it_holds() -> None:
    booster = grown(0, min_data_in_leaf=100_000)
    scores = Trees.of(booster.model_to_string()).scores(rows(1, 5))
    np.testing.assert_array_equal(scores, booster.predict(rows(1, 5), num_threads=1))


@pytest.mark.parametrize(
    "settings",
    [{"num_leaves": MAX_LEAVES + 1, "min_data_in_leaf": 1}, {"categories": [2]}, {"zero_as_missing": True}],
    ids=["too many leaves", "categories", "0 is missing"],
)
def test_trees_that_no_blender_grows_are_refused(settings: dict[str, Any]) -> None:
    text = grown(0, **settings).model_to_string()
    with pytest.raises(InvalidSettings, match="not the trees of a blender"):
        Trees.of(text)


def test_other_features_than_those_of_the_trees_are_refused() -> None:
    trees = Trees.of(grown(0).model_to_string())
    with pytest.raises(InvalidInput, match="need 8 features"):
        trees.scores(np.zeros((3, 7)))
