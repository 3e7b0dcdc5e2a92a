"""Every measure of a draw equals the measure of the pairs drawn, by an outside oracle or the plain function."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.paired_test import bootstrap_interval
from multirecall.evaluation.scored_pairs import ScoredPairs, paired_gains, scored_pairs
from multirecall.evaluation.scored_pairs.resampling import (
    Statistic,
    auc_of,
    f1_of,
    mean_gap_of,
    mean_of,
    overlap_of,
    spread_of,
)
from multirecall.evaluation.separation import overlap
from tests.unit.evaluation.scored_pairs.samples import sample

PAIRS = sample()
COUNTS = np.random.default_rng(5).integers(0, 4, size=(7, PAIRS.n_queries)).astype(float)
WEIGHTS = COUNTS[:, PAIRS.queries]


def test_auc_of_a_draw_is_sklearns_with_weights_ties_included() -> None:
    rounded = scored_pairs(PAIRS.queries, PAIRS.grades, np.round(PAIRS.scores, 1))
    for pairs in (PAIRS, rounded):
        for higher, lower in ((2, 1), (1, 0), (2, 0)):
            taken = (pairs.grades == higher) | (pairs.grades == lower)
            expected = [
                roc_auc_score(pairs.grades[taken] == higher, pairs.scores[taken], sample_weight=weights[taken])
                for weights in WEIGHTS
            ]
            measure = auc_of(pairs, pairs.grades == higher, pairs.grades == lower)
            assert measure(COUNTS) == pytest.approx(expected, abs=1e-12)


def test_f1_and_spread_of_a_draw_are_those_of_the_pairs_drawn() -> None:
    called, relevant = PAIRS.scores > 0.1, PAIRS.grades >= 1
    f1 = [f1_score(relevant, called, sample_weight=weights) for weights in WEIGHTS]
    assert f1_of(PAIRS, called, relevant)(COUNTS) == pytest.approx(f1, abs=1e-12)
    spreads = []
    for weights in WEIGHTS:
        of = [called & (PAIRS.categories == category) for category in range(4)]
        spreads.append(np.std([np.average(relevant[own], weights=weights[own]) for own in of]))
    assert spread_of(PAIRS, called, relevant)(COUNTS) == pytest.approx(spreads, abs=1e-12)


def test_means_and_overlap_of_a_draw_are_those_of_the_pairs_drawn() -> None:
    high, low = PAIRS.grades == 2, PAIRS.grades == 0
    means = [np.average(PAIRS.scores[high], weights=weights[high]) for weights in WEIGHTS]
    assert mean_of(PAIRS, high)(COUNTS) == pytest.approx(means, abs=1e-12)
    once = np.ones((1, PAIRS.n_queries))
    gap = PAIRS.scores[high].mean() - PAIRS.scores[low].mean()
    assert mean_gap_of(PAIRS, 2, 0)(once)[0] == pytest.approx(gap)
    for bins in (5, 50):
        expected = overlap(PAIRS.scores[high], PAIRS.scores[low], bins=bins)
        assert overlap_of(PAIRS, 2, 0, bins=bins)(once)[0] == pytest.approx(expected, abs=1e-12)
    both = np.concatenate([PAIRS.scores[high | low]])
    edges = np.histogram_bin_edges(both, bins=20)
    shares = [
        [np.histogram(PAIRS.scores[of], edges, weights=weights[of])[0] / weights[of].sum() for of in (high, low)]
        for weights in WEIGHTS
    ]
    expected = [np.minimum(*pair).sum() for pair in shares]
    assert overlap_of(PAIRS, 2, 0, bins=20)(COUNTS) == pytest.approx(expected, abs=1e-12)


def test_a_draw_without_one_of_the_grades_has_no_measure() -> None:
    pairs = scored_pairs([0, 0, 1], [1, 0, 0], [0.9, 0.1, 0.2])
    counts = np.array([[0.0, 2.0], [1.0, 1.0]])
    for measure in (
        auc_of(pairs, pairs.grades == 1, pairs.grades == 0),
        overlap_of(pairs, 1, 0),
        mean_gap_of(pairs, 1, 0),
    ):
        assert np.isfinite(measure(counts)).tolist() == [False, True]


def test_the_interval_of_a_mean_over_queries_is_that_of_the_paired_bootstrap() -> None:
    """With one pair per query, a pooled mean is a mean over queries: both draw alike."""
    values = np.random.default_rng(3).normal(0.1, 1.0, size=(2, 60))
    old, new = (scored_pairs(np.arange(60), np.ones(60), one) for one in values)
    every = np.ones(60, dtype=bool)
    gain = paired_gains({"mean": (mean_of(old, every), mean_of(new, every))}, 60, rounds=500, seed=11)["mean"]
    expected = bootstrap_interval(values[1] - values[0], rounds=500, seed=11)
    assert (gain.interval.low, gain.interval.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert gain.difference == pytest.approx((values[1] - values[0]).mean())
    assert gain.relative == pytest.approx(gain.difference / values[0].mean())


def top_auc(pairs: ScoredPairs, grade: float = 2) -> Statistic:
    return auc_of(pairs, pairs.grades == grade, pairs.grades == 0)


def test_the_memory_that_is_planned_with_changes_nothing() -> None:
    measures = {"AUC": (top_auc(PAIRS), top_auc(sample(gap=0.3)))}
    few = paired_gains(measures, PAIRS.n_queries, n_pairs=300_000, rounds=50)
    assert few == paired_gains(measures, PAIRS.n_queries, rounds=50)


def test_what_cannot_be_resampled_is_refused() -> None:
    measures = {"AUC": (top_auc(PAIRS), top_auc(PAIRS))}
    with pytest.raises(InvalidInput, match="two queries"):
        paired_gains(measures, 1)
    with pytest.raises(InvalidInput, match="two queries"):
        paired_gains(measures, PAIRS.n_queries, rounds=0)
    with pytest.raises(InvalidInput, match="AUC does not exist"):
        paired_gains({"AUC": (top_auc(PAIRS, 7), top_auc(PAIRS, 7))}, PAIRS.n_queries, rounds=3)
