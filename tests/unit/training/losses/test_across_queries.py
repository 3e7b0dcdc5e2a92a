from __future__ import annotations

import pytest

from multirecall.core.errors import InvalidInput
from tests.support.torch_extra import require_torch

torch = require_torch()

from multirecall.training.losses.across_queries import AcrossQueries  # noqa: E402 - it needs torch
from multirecall.training.losses.pairwise import bradley_terry  # noqa: E402
from multirecall.training.losses.plackett_luce import plackett_luce  # noqa: E402

SCORES = torch.tensor([[0.9, 0.6, 0.0], [0.5, 0.0, 0.1]], dtype=torch.float64)
GRADES = torch.tensor([[1, 0, -1], [1, -1, 0]])


def test_pairs_of_different_queries_count_like_those_of_one() -> None:
    """Both queries are in order, but the first one's grade 0 lies above the second one's grade 1."""
    gaps = torch.tensor([0.9 - 0.6, 0.9 - 0.1, 0.5 - 0.6, 0.5 - 0.1], dtype=torch.float64)
    expected = torch.nn.functional.softplus(-gaps / 0.05).mean()
    assert float(AcrossQueries(bradley_terry)(SCORES, GRADES)) == pytest.approx(float(expected))
    assert float(AcrossQueries(bradley_terry)(SCORES, GRADES)) > 100 * float(bradley_terry(SCORES, GRADES))
    ignored = torch.zeros_like(GRADES, dtype=torch.bool)
    ignored[0, 1] = True
    without = torch.nn.functional.softplus(-gaps[[1, 3]] / 0.05).mean()
    assert float(AcrossQueries(bradley_terry)(SCORES, GRADES, ignored=ignored)) == pytest.approx(float(without))


def test_one_query_alone_is_the_loss_itself() -> None:
    for loss in (bradley_terry, plackett_luce):
        assert float(AcrossQueries(loss)(SCORES[:1], GRADES[:1])) == float(loss(SCORES[:1], GRADES[:1]))


def test_rows_that_do_not_fit_are_named() -> None:
    with pytest.raises(InvalidInput) as error:
        AcrossQueries(bradley_terry)(SCORES, GRADES.T)
    assert error.value.data["field"] == "grades"
