from __future__ import annotations

import numpy as np
import pytest

from multirecall.evaluation.testbed.draws import Dice, below, draws, share, unit


def test_a_draw_depends_on_seed_name_and_index_only() -> None:
    index = np.arange(1000)
    whole = draws(7, "price", index)
    assert (draws(7, "price", index[500:]) == whole[500:]).all()
    assert (draws(7, "brand", index) != whole).all()
    assert (draws(8, "price", index) != whole).all()


def test_draws_have_not_changed_since_version_1() -> None:
    """Fixed words: a change would give every earlier test bed other bytes."""
    assert draws(7, "type", np.arange(3)).tolist() == [14181762606159801214, 3883526813559867654, 8453052008952403814]
    assert share("split/sofa") == 0.8196915631056698


def test_draws_are_uniform() -> None:
    words = draws(1, "uniform", np.arange(100_000))
    counts = np.bincount(below(words, 10), minlength=10)
    assert counts.min() > 9_600  # 10,000 expected, standard deviation 95
    assert counts.max() < 10_400
    assert unit(words).mean() == pytest.approx(0.5, abs=4 * np.sqrt(1 / 12 / 100_000))


def test_below_stays_below_each_bound() -> None:
    words = draws(1, "bounds", np.arange(10_000))
    bounds = np.arange(10_000) % 7 + 1
    values = below(words, bounds)
    assert (values >= 0).all()
    assert (values < bounds).all()


def test_dice_repeats_itself_and_shuffles_everything() -> None:
    assert [Dice(3, "a").below(100) for _ in range(2)] == [Dice(3, "a").below(100)] * 2
    dice = Dice(3, "a")
    shuffled = dice.shuffled(range(50))
    assert sorted(shuffled) == list(range(50))
    assert shuffled != list(range(50))
    assert sum(Dice(3, str(i)).chance(0.25) for i in range(4000)) == pytest.approx(1000, abs=4 * np.sqrt(750))
