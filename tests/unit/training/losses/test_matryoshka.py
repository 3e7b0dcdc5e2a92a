from __future__ import annotations

import pytest

from multirecall.core.errors import InvalidInput
from tests.support.torch_extra import require_torch

torch = require_torch()

from multirecall.training.losses.circle import circle  # noqa: E402 - it needs torch
from multirecall.training.losses.matryoshka import cosines, matryoshka  # noqa: E402
from multirecall.training.losses.odds_ratio import odds_ratio  # noqa: E402

GRADES = torch.tensor([[2, 0, 1], [0, 1, 2]])


def vectors(n: int, seed: int) -> torch.Tensor:
    return torch.randn(n, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_it_is_the_mean_of_the_loss_over_the_cut_vectors() -> None:
    queries, products = vectors(2, 1), vectors(3, 2)
    expected = 0.0
    for dim in (2, 4, 6):
        q, p = queries[:, :dim], products[:, :dim]
        scores = (q / q.norm(dim=1, keepdim=True)) @ (p / p.norm(dim=1, keepdim=True)).T
        expected += float(circle(scores, GRADES)) / 3
    found = matryoshka(queries, products, lambda scores: circle(scores, GRADES), dims=(2, 4, 6))
    assert float(found) == pytest.approx(expected)
    whole = matryoshka(queries, products, lambda scores: circle(scores, GRADES), dims=(6,))
    assert float(whole) == pytest.approx(float(circle(cosines(queries, products), GRADES)))


def test_gradients_agree_with_finite_differences() -> None:
    queries, products = vectors(2, 3).requires_grad_(), vectors(3, 4).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda q, p: matryoshka(q, p, lambda s: odds_ratio(s, GRADES, temperature=0.3), dims=(2, 6)),
        (queries, products),
    )


@pytest.mark.parametrize("dims", [(7,), (), (0,)])
def test_widths_that_are_not_there_are_named(dims: tuple) -> None:
    with pytest.raises(InvalidInput) as error:
        matryoshka(vectors(2, 1), vectors(3, 2), torch.sum, dims=dims)
    assert error.value.data["field"] == "dims"


def test_vectors_of_two_widths_are_named() -> None:
    with pytest.raises(InvalidInput) as error:
        cosines(vectors(2, 1), vectors(3, 2)[:, :5])
    assert error.value.data["field"] == "products"
