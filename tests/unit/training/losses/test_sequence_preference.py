"""Preferences of sequences: golden values, gradients by finite differences, and probabilities too small to form."""

from __future__ import annotations

import math
from typing import Any

import pytest

from multirecall.core.errors import InvalidInput
from tests.support.torch_extra import require_torch

torch = require_torch()

from multirecall.training.losses.preference import direct_preference  # noqa: E402 - it needs torch
from multirecall.training.losses.sequence_preference import sequence_preference, shared_log_probs  # noqa: E402


def of(*values: float) -> Any:
    return torch.tensor(values, dtype=torch.float64)


def test_direct_preference_has_the_golden_value() -> None:
    loss = sequence_preference(of(-3.0), of(-2.5), reference=(of(-3.5), of(-2.4)), beta=0.1)
    assert float(loss) == pytest.approx(0.663597, abs=5e-7)
    assert float(loss) == pytest.approx(math.log1p(math.exp(-0.1 * (0.5 + 0.1))))
    assert float(sequence_preference(of(-3.0), of(-9.0), reference=(of(-3.0), of(-9.0)))) == pytest.approx(math.log(2))


def test_it_is_the_loss_over_rows_of_two() -> None:
    better, worse, reference = of(-3.0, -1.0), of(-2.5, -4.0), (of(-3.5, -2.0), of(-2.4, -2.0))
    loss = sequence_preference(better, worse, reference=reference, beta=0.3)
    rows = direct_preference(
        torch.stack((better, worse), 1), torch.tensor([[1, 0], [1, 0]]), reference=torch.stack(reference, 1),
        temperature=1.0, beta=0.3,
    )  # fmt: skip
    assert float(loss) == pytest.approx(float(rows))


def test_co_alignment_has_the_golden_value() -> None:
    def shared(query: float, product: float) -> Any:
        return shared_log_probs(of(math.log(query)), of(math.log(product)))

    better, worse, reference = shared(0.3, 0.1), shared(0.2, 0.05), (shared(0.25, 0.05), shared(0.25, 0.10))
    margin = float((better - reference[0]) - (worse - reference[1]))
    assert margin == pytest.approx(0.624154, abs=5e-7)
    assert margin == pytest.approx(math.log((0.2 / 0.15) / (0.125 / 0.175)))
    loss = sequence_preference(better, worse, reference=reference, beta=1.0)
    assert float(loss) == pytest.approx(0.428996, abs=5e-7)
    uneven = sequence_preference(better, worse, reference=reference, beta=1.0, beta_worse=0.5)
    gained = math.log(0.2 / 0.15) - 0.5 * math.log(0.125 / 0.175)
    assert float(uneven) == pytest.approx(math.log1p(math.exp(-gained)))


def test_weights_are_shares_of_the_mean() -> None:
    better, worse, reference = of(-3.0, -1.0), of(-2.5, -4.0), (of(-3.5, -2.0), of(-2.4, -2.0))
    each = [
        float(sequence_preference(better[i : i + 1], worse[i : i + 1], reference=(reference[0][i : i + 1],
                                                                                 reference[1][i : i + 1])))
        for i in range(2)
    ]  # fmt: skip
    loss = sequence_preference(better, worse, reference=reference, weights=of(3.0, 1.0))
    assert float(loss) == pytest.approx((3 * each[0] + each[1]) / 4)


def test_the_gradient_is_that_of_finite_differences() -> None:
    generator = torch.Generator().manual_seed(1)
    values = [-5 * torch.rand(4, generator=generator, dtype=torch.float64) for _ in range(4)]
    reference = (of(-2.0, -1.0, -3.0, -0.5), of(-1.0, -1.5, -2.0, -4.0))

    def loss(*at: Any) -> Any:
        return sequence_preference(
            shared_log_probs(at[0], at[1]), shared_log_probs(at[2], at[3]), reference=reference, beta=0.7,
            beta_worse=0.4, weights=of(1.0, 2.0, 0.0, 0.5),
        )  # fmt: skip

    assert torch.autograd.gradcheck(loss, [value.requires_grad_() for value in values])


@pytest.mark.parametrize("nats", [200.0, 5_000.0])
def test_sequences_that_have_no_probability_in_32_bits_have_a_loss_and_a_gradient(nats: float) -> None:
    query, product, worse = (torch.tensor([-value]).requires_grad_() for value in (nats, nats + 1, nats + 2))
    shared = shared_log_probs(query, product)
    assert float(shared.detach()) == pytest.approx(-nats + math.log((1 + math.exp(-1)) / 2), rel=1e-6)
    same = shared.detach(), worse.detach()
    loss = sequence_preference(shared, worse, reference=same, beta=0.1)
    assert float(loss.detach()) == pytest.approx(math.log(2))
    loss.backward()
    share = 1 / (1 + math.exp(-1))  # the likelier writer gets the larger part of the gradient
    assert float(query.grad) == pytest.approx(-0.05 * share, rel=1e-3)
    assert float(product.grad) == pytest.approx(-0.05 * (1 - share), rel=1e-3)
    assert float(worse.grad) == pytest.approx(0.05)
    far = sequence_preference(torch.tensor([-nats]), torch.tensor([0.0]), reference=(torch.zeros(1), torch.zeros(1)))
    assert float(far) == pytest.approx(0.1 * nats)


def test_what_cannot_be_is_refused_by_name() -> None:
    one, two = of(-1.0), of(-1.0, -2.0)
    with pytest.raises(InvalidInput, match="worse"):
        sequence_preference(one, two, reference=(one, one))
    with pytest.raises(InvalidInput, match="beta must"):
        sequence_preference(one, one, reference=(one, one), beta=0.0)
    with pytest.raises(InvalidInput, match="pairs"):
        sequence_preference(of(), of(), reference=(of(), of()))
    with pytest.raises(InvalidInput, match="Weights"):
        sequence_preference(one, one, reference=(one, one), weights=of(0.0))
