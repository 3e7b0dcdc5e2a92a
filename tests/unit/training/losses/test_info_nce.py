"""InfoNCE: golden values by its formula, gradients by finite differences, safety at small temperatures."""

from __future__ import annotations

import math

import pytest

from multirecall.core.errors import InvalidInput
from tests.support.torch_extra import require_torch

torch = require_torch()

from multirecall.training.losses.info_nce import info_nce  # noqa: E402 - it needs torch


def axes(*rows: list[float]) -> torch.Tensor:
    return torch.tensor(rows, dtype=torch.float64)


def test_the_value_is_that_of_the_formula() -> None:
    queries = axes([1.0, 0.0], [0.0, 2.0])  # lengths do not count
    products = axes([3.0, 0.0], [0.6, 0.8])
    tau = 0.5
    first = -math.log(math.exp(1 / tau) / (math.exp(1 / tau) + math.exp(0.6 / tau)))
    second = -math.log(math.exp(0.8 / tau) / (math.exp(0.8 / tau) + math.exp(0.0)))
    assert float(info_nce(queries, products, temperature=tau)) == pytest.approx((first + second) / 2)
    weighted = info_nce(queries, products, temperature=tau, weights=axes([3.0, 1.0])[0])
    assert float(weighted) == pytest.approx((3 * first + second) / 4)


def test_n_equal_answers_cost_log_n() -> None:
    same = torch.ones(8, 4)
    assert float(info_nce(same, same)) == pytest.approx(math.log(8))
    assert float(info_nce(same[:2], same)) == pytest.approx(math.log(8))  # more products than queries


def test_a_known_answer_is_no_wrong_one() -> None:
    queries, products = axes([1.0, 0.0], [0.0, 1.0]), axes([1.0, 0.0], [1.0, 0.1])
    known = torch.tensor([[True, True], [False, True]])
    tau = 0.1
    cosine = 0.1 / math.hypot(1.0, 0.1)
    only_second = -math.log(math.exp(cosine / tau) / (math.exp(0.0) + math.exp(cosine / tau)))
    assert float(info_nce(queries, products, known=known, temperature=tau)) == pytest.approx(only_second / 2)
    all_known = torch.ones(2, 2, dtype=torch.bool)
    assert float(info_nce(queries, products, known=all_known, temperature=tau)) == 0.0


def test_gradients_agree_with_finite_differences() -> None:
    torch.manual_seed(3)
    queries = torch.randn(3, 5, dtype=torch.float64, requires_grad=True)
    products = torch.randn(4, 5, dtype=torch.float64, requires_grad=True)
    known = torch.tensor([[1, 0, 0, 1], [0, 1, 1, 0], [0, 0, 1, 0]], dtype=torch.bool)
    assert torch.autograd.gradcheck(lambda q, p: info_nce(q, p, known=known, temperature=0.2), (queries, products))


def test_the_smallest_temperature_gives_finite_values_and_gradients() -> None:
    torch.manual_seed(4)
    queries = torch.randn(4, 3, requires_grad=True)
    loss = info_nce(queries, torch.randn(4, 3), temperature=1e-6)
    loss.backward()
    assert math.isfinite(loss.item())
    assert bool(torch.isfinite(queries.grad).all())


@pytest.mark.parametrize(
    ("queries", "products", "options", "field"),
    [
        ((2, 3), (2, 4), {}, "products"),
        ((3, 3), (2, 3), {}, "products"),
        ((2, 3), (2, 3), {"temperature": 0.0}, "temperature"),
        ((2, 3), (2, 3), {"known": torch.ones(2, 3, dtype=torch.bool)}, "known"),
        ((2, 3), (2, 3), {"weights": torch.zeros(2)}, "weights"),
    ],
)
def test_what_does_not_fit_is_named(queries: object, products: object, options: dict, field: str) -> None:
    with pytest.raises(InvalidInput) as error:
        info_nce(torch.ones(queries), torch.ones(products), **options)
    assert error.value.data["field"] == field
