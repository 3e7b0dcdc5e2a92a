from __future__ import annotations

import numpy as np
import pytest

from multirecall.training.clicks.shrinkage import MAX_STRENGTH, BetaPrior, fit_beta


def test_the_prior_that_made_the_rates_is_found() -> None:
    generator = np.random.default_rng(1)
    n = generator.integers(1, 40, size=20_000)
    clicks = generator.binomial(n, generator.beta(1.5, 6.0, size=len(n))).astype(float)
    found = fit_beta(clicks, n.astype(float), n.astype(float))
    assert found.mean == pytest.approx(1.5 / 7.5, rel=0.03)
    assert found.strength == pytest.approx(7.5, rel=0.1)
    assert (found.a, found.b) == (found.mean * found.strength, (1 - found.mean) * found.strength)


def test_examination_below_1_is_taken_into_account() -> None:
    generator = np.random.default_rng(2)
    n = generator.integers(1, 60, size=20_000)
    theta = generator.choice([0.2, 0.5, 1.0], size=len(n))
    clicks = generator.binomial(n, theta * generator.beta(1.5, 6.0, size=len(n))).astype(float)
    found = fit_beta(clicks, n * theta, n * theta**2)
    assert found.mean == pytest.approx(0.2, rel=0.03)
    assert found.strength == pytest.approx(7.5, rel=0.15)


def test_rates_that_differ_by_chance_only_give_the_strongest_prior() -> None:
    generator = np.random.default_rng(3)
    n = np.full(500, 20.0)
    found = fit_beta(generator.binomial(20, 0.3, size=500).astype(float), n, n)
    assert found.strength > 100
    alike = fit_beta(np.full(500, 6.0), n, n)
    assert alike == BetaPrior(mean=pytest.approx(0.3), strength=MAX_STRENGTH)
