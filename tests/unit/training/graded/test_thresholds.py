from __future__ import annotations

import math

import pytest

from multirecall.core.errors import InvalidInput
from multirecall.training.graded.thresholds import level_thresholds


def test_thresholds_lie_between_the_medians() -> None:
    found = level_thresholds([0, 0, 0, 1, 1, 2, 2], [0.1, 0.2, 0.9, 0.4, 0.6, 0.7, math.nan], n_levels=3)
    assert found.medians == (0.2, 0.5, 0.7)
    assert found.above == (pytest.approx((0.2 + 0.5) / 2), pytest.approx((0.5 + 0.7) / 2))
    assert [found.too_low(level, 0.3) for level in range(3)] == [False, True, True]
    assert [found.too_high(level, 0.62) for level in range(3)] == [True, True, False]


def test_medians_that_do_not_rise_are_pooled() -> None:
    found = level_thresholds([0, 1, 1, 1, 2], [0.1, 0.9, 0.7, 0.8, 0.3], n_levels=3)
    assert found.medians == (0.1, 0.75, 0.75)
    assert found.above == (pytest.approx((0.1 + 0.75) / 2), 0.75)


def test_a_level_without_a_score_is_refused() -> None:
    with pytest.raises(InvalidInput, match="level 1 has a score"):
        level_thresholds([0, 1, 2], [0.1, math.nan, 0.3], n_levels=3)
