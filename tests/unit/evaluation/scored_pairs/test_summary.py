from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.scored_pairs import (
    ScoredPairs,
    compare_encoders,
    encoder_separation,
    held_out_threshold,
    scored_pairs,
)
from multirecall.evaluation.separation import best_f1
from tests.unit.evaluation.scored_pairs.samples import sample


def test_a_threshold_is_chosen_elsewhere_and_applied_here() -> None:
    validation = scored_pairs(["v"] * 4, [2, 1, 0, 0], [0.9, 0.6, 0.5, 0.1])
    pairs = scored_pairs(["t"] * 5, [2, 1, 1, 0, 0], [0.7, 0.6, 0.3, 0.65, 0.2])
    found = held_out_threshold(pairs, validation=validation)
    assert found.threshold == 0.6
    assert found.called.tolist() == [True, True, False, True, False]
    assert (found.precision, found.recall, found.f1) == (2 / 3, 2 / 3, pytest.approx(2 / 3))
    assert found.best_f1 == best_f1(pairs.scores, pairs.grades >= 1)[0] > found.f1
    assert math.isnan(found.spread)
    strict = held_out_threshold(pairs, validation=validation, relevant_from=2)
    assert strict.threshold == 0.9
    assert strict.f1 == 0.0


def test_no_query_is_judged_by_a_threshold_that_has_seen_it() -> None:
    pairs = sample(n_queries=10)
    found = held_out_threshold(pairs, folds=10)
    for query in range(10):
        others = pairs.queries != query
        threshold = best_f1(pairs.scores[others], pairs.grades[others] >= 1)[1]
        assert found.called[~others].tolist() == (pairs.scores[~others] >= threshold).tolist()
    assert found.f1 <= found.best_f1


def test_precision_is_spread_over_the_categories_that_have_enough() -> None:
    good, bad, few = ["a"] * 20, ["b"] * 20, ["c"] * 3
    grades = [1] * 20 + [1, 0] * 10 + [1, 1, 0]
    pairs = scored_pairs([f"q{at}" for at in range(43)], grades, np.full(43, 0.5), good + bad + few)
    validation = scored_pairs(["v", "v"], [1, 0], [0.5, 0.1])
    found = held_out_threshold(pairs, validation=validation)
    assert dict(found.precisions) == {"a": 1.0, "b": 0.5}
    assert found.spread == 0.25


def test_a_better_encoder_gains_and_the_same_one_does_not() -> None:
    old, better = sample(gap=0.1), sample(gap=0.5)
    seen = [(pairs, encoder_separation(pairs)) for pairs in (old, better)]
    gains = compare_encoders(seen[0], seen[1], rounds=200)
    of_two = [f"{what} {pair}" for pair in ("2>1", "2>0", "1>0") for what in ("AUC", "gap", "overlap")]
    orders = ["order of means", "order of representatives", "order 2>1", "order 1>0"]
    assert list(gains) == ["AUC", *of_two, "F1", "spread", *orders]
    for name, gain in gains.items():
        if name != "spread":
            assert gain.significant, name
            assert (gain.difference < 0) == name.startswith("overlap")
        assert gain.interval.low <= gain.difference <= gain.interval.high
    pair, figures = seen[1][1].separation.of(2, 1), gains
    top = better.grades == 2
    assert figures["AUC"].new == pytest.approx(roc_auc_score(top, better.scores)) == seen[1][1].auc
    assert figures["AUC 2>1"].new == pytest.approx(pair.auc)
    assert figures["overlap 2>1"].new == pytest.approx(pair.overlap)
    assert figures["gap 2>1"].new == pytest.approx(pair.mean_gap)
    assert figures["F1"].new == pytest.approx(seen[1][1].thresholded.f1)
    assert figures["spread"].new == pytest.approx(seen[1][1].thresholded.spread)
    for gain in compare_encoders(seen[0], seen[0], rounds=50).values():
        assert (gain.difference, gain.interval.low, gain.interval.high, gain.significant) == (0.0, 0.0, 0.0, False)


def test_two_encoders_are_compared_on_the_same_pairs_only() -> None:
    pairs = sample()
    turned = scored_pairs(pairs.queries[::-1], pairs.grades[::-1], pairs.scores[::-1], pairs.categories[::-1])
    with pytest.raises(InvalidInput, match="same pairs"):
        compare_encoders((pairs, encoder_separation(pairs)), (turned, encoder_separation(turned)))
    with pytest.raises(InvalidInput, match="relevant"):
        compare_encoders((pairs, encoder_separation(pairs)), (pairs, encoder_separation(pairs, relevant_from=2)))


def test_a_segment_of_the_queries_is_measured_alone() -> None:
    pairs = sample()
    early = pairs.of(pairs.queries < 10)
    assert early.query_ids.tolist() == list(range(100, 110))
    assert early.scores.tolist() == pairs.scores[pairs.queries < 10].tolist()
    assert early.category_ids[early.categories].tolist() == pairs.categories[pairs.queries < 10].tolist()
    assert len(pairs.of(pairs.grades > 0)) == int((pairs.grades > 0).sum())


def some(**changes: object) -> ScoredPairs:
    return scored_pairs(**({"queries": [0, 1], "grades": [0, 1], "scores": [0.1, 0.2]} | changes))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"scores": []}, "scores"),
        ({"scores": [[0.1, 0.2]]}, "scores"),
        ({"scores": [0.1, math.nan]}, "scores"),
        ({"grades": [0]}, "grades"),
        ({"grades": [0, math.inf]}, "grades"),
        ({"queries": ["a"]}, "queries"),
        ({"categories": ["a"]}, "categories"),
    ],
)
def test_pairs_that_are_none_are_named(changes: dict, field: str) -> None:
    with pytest.raises(InvalidInput) as error:
        some(**changes)
    assert error.value.data["field"] == field


def test_a_threshold_that_cannot_be_chosen_is_refused() -> None:
    with pytest.raises(InvalidInput, match="in both sets: 0, 1"):
        held_out_threshold(some(), validation=some())
    with pytest.raises(InvalidInput, match="5 folds"):
        held_out_threshold(some())
    with pytest.raises(InvalidInput, match="relevant and irrelevant"):
        held_out_threshold(some(), validation=some(queries=[7, 8], grades=[1, 1]))
