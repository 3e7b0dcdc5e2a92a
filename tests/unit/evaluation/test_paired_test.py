import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.paired_test import EXACT_UP_TO, bootstrap_interval, randomisation_test

SIXTEENTHS = st.integers(-16, 16).map(lambda n: n / 16)  # sums of these are exact, so ties are ties


@settings(max_examples=100, deadline=None)
@given(st.lists(SIXTEENTHS, min_size=1, max_size=9))
def test_few_differences_agree_with_every_sign_tried_one_by_one(differences: list[float]) -> None:
    observed = sum(differences)
    sums = [sum(s * d for s, d in zip(signs, differences, strict=True))
            for signs in itertools.product((1, -1), repeat=len(differences))]  # fmt: skip
    test = randomisation_test(np.array(differences))
    assert test.exact
    assert test.p_fall == sum(s <= observed for s in sums) / len(sums)
    assert test.p_rise == sum(s >= observed for s in sums) / len(sums)
    assert test.p_two_sided == sum(abs(s) >= abs(observed) for s in sums) / len(sums)
    assert test.difference == pytest.approx(observed / len(differences))


@pytest.mark.parametrize("n", [4, 5, EXACT_UP_TO])
def test_equal_falls_give_the_binomial_formula(n: int) -> None:
    test = randomisation_test(np.full(n, -0.1))
    assert (test.p_fall, test.p_two_sided, test.p_rise) == (2.0**-n, 2.0 ** (1 - n), 1.0)


def test_no_difference_is_no_evidence() -> None:
    test = randomisation_test(np.zeros(300))
    assert (test.difference, test.p_fall, test.p_rise, test.p_two_sided, test.exact) == (0.0, 1.0, 1.0, 1.0, True)


def test_many_equal_differences_agree_with_the_binomial_formula() -> None:
    # 100 differences of one size, 60 of them falls: P(60 or more of 100 fair coins).
    differences = np.array([-0.5] * 60 + [0.5] * 40)
    expected = sum(math.comb(100, k) for k in range(60, 101)) / 2**100
    test = randomisation_test(differences)
    assert not test.exact
    assert test.rounds == 20_000
    error = 4 * math.sqrt(expected * (1 - expected) / test.rounds)
    assert test.p_fall == pytest.approx(expected, abs=error)
    assert test.p_two_sided == pytest.approx(2 * expected, abs=2 * error)


def test_random_signs_are_seeded_and_p_is_never_0() -> None:
    differences = np.full(40, -1.0)
    assert randomisation_test(differences, rounds=999).p_fall == 1 / 1000
    noisy = np.random.default_rng(3).normal(-0.05, 0.3, size=200)
    assert randomisation_test(noisy) == randomisation_test(noisy)
    assert randomisation_test(noisy, seed=1) != randomisation_test(noisy, seed=2)


def test_exact_and_drawn_signs_agree() -> None:
    differences = np.random.default_rng(5).normal(-0.1, 0.3, size=EXACT_UP_TO + 1)
    sums = np.zeros(1)
    for value in differences:
        sums = np.concatenate([sums + value, sums - value])
    exact = float(np.mean(sums <= differences.sum() + 1e-12))
    drawn = randomisation_test(differences)
    assert not drawn.exact
    assert drawn.p_fall == pytest.approx(exact, abs=4 * math.sqrt(exact * (1 - exact) / 20_000))


def test_under_the_null_one_test_in_twenty_is_significant() -> None:
    draws = np.random.default_rng(11).normal(size=(1000, 12))
    rejected = sum(randomisation_test(row).p_fall < 0.05 for row in draws)
    assert rejected == pytest.approx(50, abs=4 * math.sqrt(1000 * 0.05 * 0.95))


def test_the_bootstrap_interval_agrees_with_the_normal_one_on_many_queries() -> None:
    differences = np.random.default_rng(2).normal(-0.05, 0.2, size=2000)
    interval = bootstrap_interval(differences)
    half = 1.959964 * differences.std() / math.sqrt(len(differences))
    assert interval.low == pytest.approx(differences.mean() - half, abs=half * 0.06)
    assert interval.high == pytest.approx(differences.mean() + half, abs=half * 0.06)
    assert interval == bootstrap_interval(differences)
    assert bootstrap_interval(np.full(5, 0.25)).low == 0.25


@pytest.mark.parametrize("wrong", [[], [math.nan], [math.inf, 1.0], [[1.0]]])
def test_what_cannot_be_tested_raises(wrong: list[float]) -> None:
    for test in (randomisation_test, bootstrap_interval):
        with pytest.raises(InvalidInput, match="at least one"):
            test(np.array(wrong))
    with pytest.raises(InvalidInput, match="confidence"):
        bootstrap_interval(np.ones(2), confidence=1.0)
    with pytest.raises(InvalidInput, match="rounds"):
        randomisation_test(np.ones(2), rounds=0)
