from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import log_loss

from multirecall.core.errors import InvalidInput
from multirecall.fusion.calibration import Isotonic, Platt, choose


def examples(seed: int, queries: int, curve: object) -> tuple[np.ndarray, np.ndarray, list[str]]:
    generator = np.random.default_rng(seed)
    x = generator.uniform(-3, 3, size=queries * 20)
    y = (generator.random(len(x)) < curve(x)).astype(float)
    return x, y, [f"q{at // 20}" for at in range(len(x))]


def logistic(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-1.5 * x))


def steps(x: np.ndarray) -> np.ndarray:
    return np.where(x < -1, 0.05, np.where(x < 2, 0.4, 0.95))


def test_platt_is_chosen_where_the_log_odds_are_a_straight_line() -> None:
    x, y, queries = examples(1, 40, logistic)
    choice = choose(x, y, queries)
    assert choice.kind == "platt"
    assert isinstance(choice.calibration, Platt)
    assert choice.log_loss["platt"] <= choice.log_loss["isotonic"]
    assert choice.calibration == Platt.fit(x, y)


def test_isotonic_is_chosen_where_they_are_not() -> None:
    x, y, queries = examples(1, 200, steps)
    choice = choose(x, y, queries)
    assert choice.kind == "isotonic"
    assert choice.calibration == Isotonic.fit(x, y)
    assert choice.margin > choice.margin_error
    assert "more than one standard error" in choice.reason


def test_probabilities_out_of_fold_come_from_fits_without_the_query() -> None:
    x, y, queries = examples(2, 30, logistic)
    choice = choose(x, y, queries, folds=30)  # each query is its own fold
    held = np.array(queries) == "q3"
    assert choice.out_of_fold[held] == pytest.approx(Platt.fit(x[~held], y[~held])(x[held]), abs=0)
    assert choice.log_loss["platt"] == pytest.approx(log_loss(y, choice.out_of_fold))


def test_same_seed_same_choice_and_weights_of_zero_do_not_count() -> None:
    x, y, queries = examples(3, 30, logistic)
    w = (np.arange(len(x)) % 7 != 0).astype(float)
    first, second = choose(x, y, queries, w), choose(x, y, queries, w)
    assert first.to_dict() == second.to_dict()
    assert first.calibration == Platt.fit(x[w > 0], y[w > 0])


def test_one_query_cannot_be_held_out() -> None:
    with pytest.raises(InvalidInput, match="cannot be held out"):
        choose([1, 2], [0, 1], ["q", "q"])


def test_queries_that_do_not_match_are_refused() -> None:
    with pytest.raises(InvalidInput, match="3 queries for scores"):
        choose([1, 2], [0, 1], ["a", "b", "c"])
