"""The figures that the methods' descriptions print, to the digits printed, and the formulas behind them."""

from __future__ import annotations

import math
from functools import partial

import pytest

from tests.support.torch_extra import require_torch

torch = require_torch()

from multirecall.evaluation.separation import circle_loss  # noqa: E402 - it needs torch
from multirecall.training.losses.circle import binary_circle, circle  # noqa: E402
from multirecall.training.losses.false_negatives import false_negative_mask  # noqa: E402
from multirecall.training.losses.info_nce import info_nce, info_nce_of_scores  # noqa: E402
from multirecall.training.losses.odds_ratio import log_odds_gaps, odds_ratio  # noqa: E402
from multirecall.training.losses.pairwise import bradley_terry  # noqa: E402
from multirecall.training.losses.plackett_luce import plackett_luce  # noqa: E402
from multirecall.training.losses.preference import direct_preference  # noqa: E402
from multirecall.training.losses.rows import UNLABELLED, even_weights  # noqa: E402
from multirecall.training.losses.supervised_contrastive import supervised_contrastive  # noqa: E402


def row(*values: float) -> torch.Tensor:
    return torch.tensor([values], dtype=torch.float64)


def of(*grades: int) -> torch.Tensor:
    return torch.tensor([grades])


def test_supervised_contrastive_is_the_formula() -> None:
    scores, grades = row(0.8, 0.6, 0.5, 0.2), of(2, 2, 1, 0)
    loss = float(supervised_contrastive(scores, grades, temperature=0.1))
    assert loss == pytest.approx(0.213048, abs=5e-7)
    top = [math.log1p((math.exp(5) + math.exp(2)) / math.exp(s)) for s in (8, 6)]
    middle = math.log1p(math.exp(2) / math.exp(5))
    assert loss == pytest.approx(sum(top) / 2 + 0.5 * middle)


def test_an_unlabelled_product_is_wrong_for_every_grade_unless_it_is_ignored() -> None:
    loss = partial(supervised_contrastive, temperature=0.1)
    three, grades = row(0.8, 0.5, 0.2), of(2, 1, 0)
    four, unlabelled = row(0.8, 0.5, 0.2, 0.4), of(2, 1, 0, UNLABELLED)
    assert float(loss(four, unlabelled)) == pytest.approx(float(loss(four, of(2, 1, 0, 0))))
    out = torch.tensor([[False, False, False, True]])
    assert float(loss(four, unlabelled, ignored=out)) == pytest.approx(float(loss(three, grades)))


def test_supervised_contrastive_takes_any_number_of_grades() -> None:
    loss = float(supervised_contrastive(row(0.9, 0.6, 0.3), of(3, 2, 0), temperature=0.3, weights=even_weights(3)))
    top = math.log1p((math.exp(2) + math.exp(1)) / math.exp(3))
    assert loss == pytest.approx(top + 2 / 3 * math.log1p(math.exp(1 - 2)))


@pytest.mark.parametrize(
    ("scores", "grades", "expected"),
    [
        ((0.8, 0.5, 0.2), (2, 1, 0), (0.074462, 0.074462, 0.074462)),
        ((0.5, 0.5, 0.5), (2, 1, 0), (8.960128, 20.48, 8.960128)),
        ((0.2, 0.5, 0.8), (2, 1, 0), (43.52, 89.6, 43.52)),
        ((0.75, 0.55, 0.55, 0.15, 0.3), (2, 2, 1, 0, 0), (5.763607, 7.045511, 0.424941)),
    ],
)
def test_circle_has_the_golden_values(scores: tuple, grades: tuple, expected: tuple) -> None:
    pairs = ((2, 1), (2, 0), (1, 0))
    for pair, value in zip(pairs, expected, strict=True):
        only = {other: float(other == pair) for other in pairs}
        loss = 3 * float(circle(row(*scores), of(*grades), weights=only))
        assert loss == pytest.approx(value, abs=5e-7 if value < 40 else 5e-5)
    reference = circle_loss(scores, grades)
    assert float(circle(row(*scores), of(*grades))) == pytest.approx(sum(reference.values()) / 3, rel=1e-9)


def test_circle_takes_any_number_of_grades() -> None:
    g, h, centres = 40.0, 0.05, (0.1, 0.4, 0.6, 0.9)
    loss = circle(row(*reversed(centres)), of(3, 2, 1, 0), centres=centres, half_width=h, gamma=g)
    assert float(loss) == pytest.approx(math.log1p(math.exp(-2 * g * h * h)))
    assert float(circle(row(0.96, 0.04), of(3, 0), centres=centres, half_width=h)) == 0.0  # past their optima


def test_a_side_past_its_optimum_stops_the_other_unless_it_is_one_sided() -> None:
    scores, grades = row(0.95, 0.9).requires_grad_(), of(2, 0)
    assert float(circle(scores.detach(), grades)) == 0.0
    loss = circle(scores, grades, one_sided=True)
    assert float(loss.detach()) == pytest.approx(128 * 0.8 * 0.6)  # ln(1 + e^x), x = gamma (s - On) (s - Dn)
    loss.backward()
    assert scores.grad[0, 0] == 0 < scores.grad[0, 1]
    assert float(circle(row(0.95, 0.05), grades, one_sided=True)) == 0.0  # nobody is left
    assert float(circle(row(0.9, 0.8), of(2, UNLABELLED), one_sided=True)) == 0.0
    both = row(0.75, 0.55, 0.55, 0.15, 0.3), of(2, 2, 1, 0, 0)
    assert float(circle(*both, one_sided=True)) == float(circle(*both))  # where both sides have some, it is the same


def test_binary_circle_has_the_golden_value() -> None:
    loss = binary_circle(row(0.8, 0.6, 0.3, 0.1), of(1, 1, 0, 0), gamma=80.0, margin=0.25)
    assert float(loss) == pytest.approx(10.001773, abs=5e-7)


def test_binary_circle_draws_the_middle_grade_both_ways_and_circle_does_not() -> None:
    scores = row(0.8, 0.5, 0.2).requires_grad_()
    (plain,) = torch.autograd.grad(binary_circle(scores, of(2, 1, 0)), scores)
    alone = [torch.autograd.grad(binary_circle(scores, of(*g)), scores)[0][0, 1] for g in ((2, 1, -1), (-1, 1, 0))]
    assert alone[0] > 0 > alone[1]  # down for the grade above, up for the one below: equally strong at .5
    assert float(plain[0, 1]) == pytest.approx(0.0, abs=1e-9)
    for at, sign in ((0.62, 1), (0.38, -1)):
        off = row(0.8, at, 0.2).requires_grad_()
        (anchored,) = torch.autograd.grad(circle(off, of(2, 1, 0)), off)
        assert sign * float(anchored[0, 1]) > 0  # towards its centre


ROAR = [
    ((0.8, 0.7, 0.5, 0.2), 1.0, (0.142451, 0.269186, 0.375343), 0.571675),
    ((0.8, 0.7, 0.5, 0.2), 0.1, (1.918101, 2.264126, 3.033940), 0.094307),
    ((0.8, 0.7, 0.5, 0.2), 0.05, (3.984287, 4.124452, 6.002175), 0.012316),
    ((0.5, 0.7, 0.8, 0.2), 0.1, (-2.264126, -1.918101, 7.216167), 1.472960),
    ((0.5, 0.7, 0.8, 0.2), 0.01, None, 13.333348),
]


@pytest.mark.parametrize(("scores", "temperature", "gaps", "loss"), ROAR)
def test_odds_ratio_has_the_golden_values(scores: tuple, temperature: float, gaps: tuple | None, loss: float) -> None:
    grades = of(3, 2, 1, 0)
    found, steps = log_odds_gaps(row(*scores), grades, temperature=temperature)
    assert steps.tolist() == [1, 1, 1]
    if gaps is not None:
        assert found.tolist() == pytest.approx(gaps, abs=5e-7)
    assert float(odds_ratio(row(*scores), grades, temperature=temperature)) == pytest.approx(loss, abs=5e-7)


def test_the_gap_of_two_products_alone_is_twice_that_of_their_scores() -> None:
    for tau in (0.01, 0.05, 1.0):
        found, _ = log_odds_gaps(row(0.7, 0.4), of(1, 0), temperature=tau)
        assert float(found) == pytest.approx(2 * 0.3 / tau)
    crowd = torch.full((1, 1000), 0.7, dtype=torch.float64)
    crowd[0, 1] = 0.4
    grades = torch.full((1, 1000), UNLABELLED)
    grades[0, :2] = torch.tensor([1, 0])
    found, _ = log_odds_gaps(crowd, grades, temperature=0.05)
    assert float(found) == pytest.approx(0.3 / 0.05, rel=1e-3)  # among many strong ones: once


def test_the_margin_is_per_step_of_grade() -> None:
    gap = 2 * 0.1 / 0.05
    for low, steps in ((2, 1), (0, 3)):
        loss = float(odds_ratio(row(0.6, 0.5), of(3, low), margin=1.5))
        assert loss == pytest.approx(math.log1p(math.exp(1.5 * steps - gap)))


def test_the_mask_has_the_golden_values() -> None:
    scores = torch.tensor([[0.80, 0.85, 0.95], [0.10, 0.60, 0.65], [0.2, 0.3, 0.7]], dtype=torch.float64)
    own = torch.arange(3)
    mask = false_negative_mask(scores, own, delta=0.1)
    assert mask.nonzero().tolist() == [[0, 2]]
    losses = [
        float(info_nce_of_scores(scores[i : i + 1], own[i : i + 1], ignored=mask[i : i + 1], temperature=0.1))
        for i in range(3)
    ]
    assert losses == pytest.approx([0.974077, 0.976618, 0.024745], abs=5e-7)
    assert float(info_nce_of_scores(scores, own, ignored=mask, temperature=0.1)) == pytest.approx(0.658480, abs=5e-7)
    assert float(info_nce_of_scores(scores, own, temperature=0.1)) == pytest.approx(0.988577, abs=5e-7)


def test_info_nce_masks_what_scores_far_above_the_positive() -> None:
    queries = torch.tensor([[1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    products = torch.tensor([[0.6, 0.8], [0.0, 1.0], [1.0, 0.0]], dtype=torch.float64)
    tau = 0.5  # the third product is the first query's by .4 more than its own
    first, second = (math.exp(s / tau) for s in (0.6, 0.0)), [math.exp(s / tau) for s in (1.0, 0.8, 0.0)]
    positive, other = first
    expected = (math.log((positive + other) / positive) + math.log(sum(second) / second[0])) / 2
    assert float(info_nce(queries, products, temperature=tau, delta=0.1)) == pytest.approx(expected)
    without = float(info_nce(queries, products, temperature=tau))
    assert float(info_nce(queries, products, temperature=tau, delta=0.5)) == pytest.approx(without)
    assert without > expected


def test_the_baselines_are_their_formulas() -> None:
    scores, grades, tau = row(0.6, 0.4, 0.5, 0.9), of(2, 1, 1, UNLABELLED), 0.2
    gaps = [0.2, 0.1]
    assert float(bradley_terry(scores, grades, temperature=tau)) == pytest.approx(
        sum(math.log1p(math.exp(-gap / tau)) for gap in gaps) / 2
    )
    reference = row(0.5, 0.1, 0.5, 0.0)
    gained = [0.2 - 0.4, 0.1 - 0.0]
    assert float(direct_preference(scores, grades, reference=reference, temperature=tau, beta=0.5)) == pytest.approx(
        sum(math.log1p(math.exp(-0.5 * gap / tau)) for gap in gained) / 2
    )
    left = math.exp(0.4 / tau) + math.exp(0.5 / tau)
    assert float(plackett_luce(scores, grades, temperature=tau)) == pytest.approx(
        math.log1p(left / math.exp(0.6 / tau))
    )


def test_plackett_luce_is_the_likelihood_of_the_order() -> None:
    z = (2.0, 0.5, 1.0)  # grades 2, 0, 1
    likelihood = math.exp(z[0]) / sum(map(math.exp, z)) * math.exp(z[2]) / (math.exp(z[2]) + math.exp(z[1]))
    loss = float(plackett_luce(row(*(v / 10 for v in z)), of(2, 0, 1), temperature=0.1))
    assert loss == pytest.approx(-math.log(likelihood) / 2)
