from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from multirecall.core.errors import InvalidInput
from multirecall.training.clicks import estimate_propensities
from multirecall.training.clicks.harvesting import harvest
from tests.unit.training.clicks.logs import click_log, simulated

BIASED = (1.0, 0.6, 0.4, 0.25, 0.2)
FLAT = (1.0,) * 5


def test_harvesting_solves_two_positions_exactly() -> None:
    # Mantel and Haenszel's ratio: sum of c_far n_near / n over sum of c_near n_far / n
    log = click_log([(0, 0, 1, 10, 6), (0, 0, 2, 30, 9), (1, 0, 1, 40, 8), (1, 0, 2, 10, 1)])
    theta = harvest(log, log.pairs()).examination(np.ones(2))
    assert theta[1] == pytest.approx((9 * 10 / 40 + 1 * 40 / 50) / (6 * 30 / 40 + 8 * 10 / 50))


def test_clicks_as_expected_give_the_examination_to_the_last_digit() -> None:
    theta = (1.0, 0.5, 0.25, 0.5)
    seen = {0: (400, 0, 80, 8), 1: (80, 160, 0, 800), 2: (0, 800, 80, 0), 3: (80, 80, 80, 80)}
    attraction = {0: 0.5, 1: 0.1, 2: 0.9, 3: 0.2}
    log = click_log(
        [
            (query, query, at + 1, n, round(n * theta[at] * attraction[query]))
            for query, counts in seen.items()
            for at, n in enumerate(counts)
            if n
        ]
    )
    assert_allclose(harvest(log, log.pairs()).examination(np.ones(4)), theta, rtol=1e-5)
    assert harvest(log, log.pairs()).support.tolist() == log.by_position(log.clicks).tolist()


def test_products_at_one_position_only_have_no_say() -> None:
    rows = [(0, 0, 1, 100, 50), (0, 0, 2, 100, 20)]
    alone = [(1, 0, 1, 900, 1), (1, 1, 2, 900, 800)]
    for log in (click_log(rows), click_log([*rows, *alone])):
        assert_allclose(harvest(log, log.pairs()).examination(np.ones(2)), [1.0, 0.4])


def test_positions_without_a_chain_to_the_first_take_the_value_before() -> None:
    rows = [(0, 0, 1, 100, 50), (0, 0, 2, 100, 25), (1, 0, 3, 100, 10), (1, 0, 4, 100, 40)]
    log = click_log(rows)
    assert_allclose(harvest(log, log.pairs()).examination(np.ones(2)), [1.0, 0.5, 0.5, 0.5])


@pytest.mark.parametrize("seed", range(4))
def test_both_methods_find_the_true_examination(seed: int) -> None:
    log = simulated(BIASED, queries=150, searches=40, seed=seed)
    for method, tolerance in (("harvesting", 0.08), ("position-model", 0.13)):
        found = estimate_propensities(log, method=method, rounds=20)
        assert found.examination[0] == 1.0
        assert_allclose(found.examination, BIASED, atol=tolerance)
        assert found.biased


@pytest.mark.parametrize("seed", range(4))
def test_a_log_without_bias_gives_1_everywhere(seed: int) -> None:
    found = estimate_propensities(simulated(FLAT, queries=150, searches=40, seed=seed))
    assert found.method == "harvesting"
    assert_allclose(found.examination, 1.0, atol=0.12)
    assert not found.biased


def test_standard_errors_cover_the_truth() -> None:
    z = []
    for seed in range(20):
        found = estimate_propensities(simulated(BIASED, queries=60, searches=20, seed=seed), rounds=60)
        assert found.standard_errors[0] == 0.0
        z += ((np.array(found.examination) - BIASED)[1:] / np.array(found.standard_errors)[1:]).tolist()
    assert 0.7 < np.std(z) < 1.4  # 80 of them, of which those of one log hang together
    assert abs(np.mean(z)) < 0.6


def test_good_ranking_is_not_mistaken_for_attention() -> None:
    # Each query has one good product, mostly on top, and nobody cares about positions.
    generator = np.random.default_rng(2)
    rows = []
    for query in range(300):
        for product, rate, at_top in ((0, 0.6, 18), (1, 0.1, 2)):
            for position, n in ((1, at_top), (2, 20 - at_top)):
                rows.append((query, product, position, n, int(generator.binomial(n, rate))))
    log = click_log(rows)
    naive = log.by_position(log.clicks) / log.by_position(log.impressions)
    assert naive[1] / naive[0] < 0.4
    assert estimate_propensities(log).examination[1] == pytest.approx(1.0, abs=0.15)


def test_without_products_that_moved_the_position_model_is_taken() -> None:
    found = estimate_propensities(simulated(BIASED, queries=200, searches=30, seed=1, swaps=False), rounds=5)
    assert found.method == "position-model"
    assert "products that moved have 0 clicks" in found.reason
    # Products stand anywhere by chance here, so that even this log tells, as well as 200 products a position can.
    assert_allclose(found.examination, BIASED, atol=0.2)


def test_the_position_model_is_not_drawn_to_1_by_products_seen_once() -> None:
    log = simulated(BIASED, queries=3000, searches=1, seed=3)
    assert_allclose(estimate_propensities(log, method="position-model", rounds=0).examination, BIASED, atol=0.12)


def test_too_few_clicks_or_positions_correct_nothing() -> None:
    few = estimate_propensities(click_log([(0, 0, 1, 50, 20), (0, 0, 2, 50, 5)]))
    assert (few.method, few.examination) == ("none", (1.0, 1.0))
    assert "25 clicks, fewer than 30" in few.reason
    assert not few.biased
    one = estimate_propensities(click_log([(0, 0, 1, 500, 200)]))
    assert (one.method, one.reason) == ("none", "the log has one position")


def test_deep_positions_share_the_value_of_the_last_that_is_known() -> None:
    rows = [(q, 0, k, 100, c) for q in range(5) for k, c in ((1, 40), (2, 20), (3, 1), (4, 0))]
    found = estimate_propensities(click_log(rows))
    assert found.reach == 2
    assert found.examination == pytest.approx((1.0, 0.5, 0.5, 0.5), abs=0.01)
    assert_allclose(found.at(np.array([1, 2, 9])), [1.0, 0.5, 0.5], atol=0.01)
    assert found.support == (200, 100, 5, 0)


def test_same_seed_same_errors() -> None:
    log = simulated(BIASED, queries=40, searches=20, seed=1)
    assert estimate_propensities(log, seed=3) == estimate_propensities(log, seed=3)
    assert estimate_propensities(log, rounds=0).standard_errors == (0.0,) * 5


def test_values_that_make_no_sense_are_refused() -> None:
    log = click_log([(0, 0, 1, 50, 20)])
    with pytest.raises(InvalidInput, match="rounds"):
        estimate_propensities(log, rounds=-1)
    with pytest.raises(InvalidInput, match="empty"):
        estimate_propensities(click_log([]))
    with pytest.raises(InvalidInput, match="later step"):
        click_log([(0, 0, 1, 1, 2)])
    with pytest.raises(InvalidInput, match="below 1"):
        click_log([(0, 0, 0, 1, 1)])


def test_the_position_model_looks_at_a_sample_of_a_large_log(monkeypatch: pytest.MonkeyPatch) -> None:
    log = simulated(BIASED, queries=600, searches=20, seed=5)
    whole = estimate_propensities(log, method="position-model", rounds=0)
    monkeypatch.setattr("multirecall.training.clicks.propensity.MODEL_ROWS", len(log) // 2)
    half = estimate_propensities(log, method="position-model", rounds=0)
    assert half.examination != whole.examination
    assert_allclose(half.examination, whole.examination, atol=0.1)
