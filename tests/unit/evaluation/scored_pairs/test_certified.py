from __future__ import annotations

import math

import numpy as np
import pytest

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.scored_pairs import ScoredPairs, certified_thresholds, scored_pairs

SHARE = 0.1


def drawn(seed: int, n_queries: int, *, categories: bool = False) -> ScoredPairs:
    """Scores of 0 to 1; a pair is relevant with a chance that rises with its score, and together with its query."""
    generator = np.random.default_rng(seed)
    queries = np.repeat(np.arange(n_queries), 6)
    luck = generator.normal(0.0, 1.0, n_queries)[queries]
    scores = generator.random(len(queries))
    relevant = generator.random(len(queries)) < 1.0 / (1.0 + np.exp(-(10.0 * (scores - 0.4) + luck)))
    return scored_pairs(queries, relevant.astype(int), scores, queries % 2 if categories else None)


def irrelevant_share(pairs: ScoredPairs, threshold: float) -> float:
    """The mean over queries that have called pairs."""
    called = pairs.scores >= threshold
    n_called = np.bincount(pairs.queries[called], minlength=pairs.n_queries)
    wrong = np.bincount(pairs.queries[called & (pairs.grades == 0)], minlength=pairs.n_queries)
    return float((wrong[n_called > 0] / n_called[n_called > 0]).mean()) if called.any() else 0.0


def lowest_that_keeps(pairs: ScoredPairs) -> float:
    return min(t for t in np.linspace(0.3, 1.0, 71) if irrelevant_share(pairs, t) <= SHARE)


@pytest.fixture(scope="module")
def true() -> float:
    return lowest_that_keeps(drawn(99, 20_000))


def test_the_promise_is_kept_as_often_as_is_said(true: float) -> None:
    samples = [drawn(seed, 250) for seed in range(100)]
    thresholds = np.array([certified_thresholds(pairs, share=SHARE).overall for pairs in samples])
    assert np.mean(thresholds < true) <= 0.05
    assert np.mean([lowest_that_keeps(pairs) < true for pairs in samples]) > 0.35  # chosen and promised on the same
    assert np.isfinite(thresholds).mean() > 0.9
    assert np.median(thresholds) < true + 0.15


def test_more_queries_bring_it_nearer_to_the_true_one(true: float) -> None:
    few, many = (certified_thresholds(drawn(5, n), share=SHARE).overall for n in (150, 5_000))
    assert true <= many < few
    assert many < true + 0.05


def test_a_category_with_little_evidence_takes_the_overall_threshold() -> None:
    pairs = drawn(3, 1_200, categories=True)
    found = certified_thresholds(pairs, share=SHARE)
    assert set(found.of_category) == {0, 1}
    assert found.of(0) == found.of_category[0]
    few = np.where(np.arange(len(pairs)) < 6, 2, pairs.categories)
    lone = certified_thresholds(scored_pairs(pairs.queries, pairs.grades, pairs.scores, few), share=SHARE)
    assert 2 not in lone.of_category
    assert lone.of(2) == lone.overall == found.overall


def test_what_cannot_be_promised_calls_nothing_relevant() -> None:
    generator = np.random.default_rng(1)
    noise = scored_pairs(np.repeat(np.arange(200), 5), generator.integers(0, 2, 1000), generator.random(1000))
    assert certified_thresholds(noise, share=SHARE).overall == math.inf
    assert certified_thresholds(scored_pairs([0], [1], [0.5])).overall == math.inf


@pytest.mark.parametrize(("field", "value"), [("share", 0.0), ("share", 1.0), ("confidence", 1.0)])
def test_shares_out_of_range_are_named(field: str, value: float) -> None:
    with pytest.raises(InvalidInput) as error:
        certified_thresholds(drawn(1, 10), **{field: value})
    assert error.value.data["field"] == field
