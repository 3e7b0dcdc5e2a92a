"""What all losses over rows have in common, held to each of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multirecall.core.errors import InvalidInput
from tests.support.torch_extra import require_torch

torch = require_torch()

from multirecall.training.losses.circle import binary_circle, circle  # noqa: E402 - it needs torch
from multirecall.training.losses.false_negatives import false_negative_mask  # noqa: E402
from multirecall.training.losses.info_nce import info_nce_of_scores  # noqa: E402
from multirecall.training.losses.odds_ratio import drawn_groups, log_odds_gaps, odds_ratio  # noqa: E402
from multirecall.training.losses.pairwise import bradley_terry  # noqa: E402
from multirecall.training.losses.plackett_luce import plackett_luce  # noqa: E402
from multirecall.training.losses.preference import direct_preference  # noqa: E402
from multirecall.training.losses.rows import UNLABELLED, checked_rows, cosines, even_weights  # noqa: E402
from multirecall.training.losses.supervised_contrastive import supervised_contrastive  # noqa: E402


def preferred(scores: torch.Tensor, grades: torch.Tensor, **options: object) -> torch.Tensor:
    return direct_preference(scores, grades, reference=torch.zeros_like(scores), **options)


SMOOTH = {
    "supervised contrastive": supervised_contrastive,
    "odds ratio": odds_ratio,
    "odds ratio with a margin": partial(odds_ratio, margin=2.0),
    "Bradley-Terry": bradley_terry,
    "direct preference": preferred,
    "Plackett-Luce": plackett_luce,
}
CIRCLES = {"circle": circle, "one-sided circle": partial(circle, one_sided=True), "binary circle": binary_circle}
LOSSES = {**SMOOTH, **CIRCLES}
each = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
smooth = pytest.mark.parametrize("loss", SMOOTH.values(), ids=SMOOTH)

SCORES = torch.tensor(
    [[0.8, 0.3, 0.55, 0.1, -0.4], [0.2, 0.35, 0.6, 0.5, 0.9], [0.7, 0.1, 0.2, 0.3, 0.0]], dtype=torch.float64
)
GRADES = torch.tensor([[2, 0, 1, UNLABELLED, UNLABELLED], [0, UNLABELLED, 2, UNLABELLED, 1], [1, -1, -1, -1, -1]])
IGNORED = torch.zeros_like(GRADES, dtype=torch.bool)
IGNORED[0, 3] = IGNORED[1, 4] = IGNORED[2, 1] = True


@smooth
def test_gradients_agree_with_finite_differences(loss: Callable) -> None:
    scores = SCORES.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda s: loss(s, GRADES, ignored=IGNORED, temperature=0.3), (scores,))


@pytest.mark.parametrize("anchored", [True, False])
def test_the_gradient_of_a_circle_holds_its_weights_constant(anchored: bool) -> None:
    """Finite differences of the formula, written out once more with the weights of the point."""
    g, h = 20.0, 0.1
    point = [0.72, 0.55, 0.48, 0.35]  # grades 1, 1, 0, 0
    o_p, d_p, o_n, d_n = (0.5 + h, 0.5 - h, 0.2 - h, 0.2 + h) if anchored else (1.25, 0.75, -0.25, 0.25)
    up = [max(o_p - s, 0.0) for s in point[:2]]
    down = [max(s - o_n, 0.0) for s in point[2:]]

    def value(s: list[float]) -> float:
        pull = sum(math.exp(-g * a * (x - d_p)) for a, x in zip(up, s[:2], strict=True) if a or not anchored)
        push = sum(math.exp(g * a * (x - d_n)) for a, x in zip(down, s[2:], strict=True) if a or not anchored)
        return math.log1p(pull * push)

    scores, grades = torch.tensor([point], dtype=torch.float64, requires_grad=True), torch.tensor([[1, 1, 0, 0]])
    loss = (circle if anchored else binary_circle)(scores, grades, gamma=g)
    assert float(loss.detach()) == pytest.approx(value(point))
    (found,) = torch.autograd.grad(loss, scores)
    for at, step in enumerate([1e-6] * 4):
        moved = [[x + sign * step * (k == at) for k, x in enumerate(point)] for sign in (1, -1)]
        assert float(found[0, at]) == pytest.approx((value(moved[0]) - value(moved[1])) / (2 * step), abs=1e-6)


@each
@pytest.mark.parametrize("temperature", [0.01, 1e-6])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_smallest_temperatures_are_safe(loss: Callable, temperature: float, dtype: torch.dtype) -> None:
    scores = torch.tensor([[1.0, -1.0, 1.0, -1.0], [-1.0, 1.0, 1.0, -1.0]], dtype=dtype, requires_grad=True)
    grades = torch.tensor([[2, 1, 0, UNLABELLED], [2, 1, 0, UNLABELLED]])
    sharp = {"gamma": 1 / temperature} if loss in CIRCLES.values() else {"temperature": temperature}
    value = loss(scores, grades, **sharp)
    value.backward()
    assert value.dtype == torch.float32
    assert bool(torch.isfinite(value))
    assert bool(torch.isfinite(scores.grad).all())


def test_cosines_are_exact_under_mixed_precision() -> None:
    generator = torch.Generator().manual_seed(2)
    queries, products = (torch.randn(n, 64, generator=generator, requires_grad=True) for n in (3, 4))
    exact = torch.nn.functional.cosine_similarity(queries[:, None], products[None], dim=2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = cosines(queries, products)
        assert (queries @ products.T).dtype == torch.bfloat16
    assert found.dtype == torch.float32
    assert torch.allclose(found, exact, atol=1e-6)
    half = cosines(queries.bfloat16(), products.bfloat16())
    assert half.dtype == torch.float32
    assert torch.allclose(half, exact, atol=5e-3)


@each
def test_the_order_of_the_columns_and_of_the_rows_does_not_matter(loss: Callable) -> None:
    columns, rows = torch.tensor([3, 0, 4, 2, 1]), torch.tensor([2, 0, 1])
    expected = float(loss(SCORES, GRADES, ignored=IGNORED))
    turned = [t[rows][:, columns] for t in (SCORES, GRADES, IGNORED)]
    assert float(loss(turned[0], turned[1], ignored=turned[2])) == pytest.approx(expected, rel=1e-12)


@each
def test_an_ignored_entry_is_as_if_it_were_not_there(loss: Callable) -> None:
    scores = SCORES.clone().requires_grad_()
    value = loss(scores, GRADES, ignored=IGNORED)
    (found,) = torch.autograd.grad(value, scores)
    assert bool((found[IGNORED] == 0).all())
    assert bool((found[~IGNORED] != 0).any())
    moved = SCORES.masked_fill(IGNORED, 0.99)
    assert float(loss(moved, GRADES, ignored=IGNORED)) == float(value.detach())
    column = torch.tensor([[True], [False], [False]]).expand(3, 5) & (torch.arange(5) == 3)
    alone = torch.tensor([0, 1, 2, 4])
    row = slice(0, 1)
    assert float(loss(SCORES[row], GRADES[row], ignored=column[row])) == pytest.approx(
        float(loss(SCORES[row][:, alone], GRADES[row][:, alone]))
    )


@each
@pytest.mark.parametrize("grades", [[[UNLABELLED, UNLABELLED]], [[0, UNLABELLED]]])
def test_a_batch_that_says_nothing_costs_nothing(loss: Callable, grades: list) -> None:
    scores = torch.tensor([[0.5, 0.2]], requires_grad=True)
    value = loss(scores, torch.tensor(grades))
    value.backward()
    assert value.item() == 0.0
    assert scores.grad.tolist() == [[0.0, 0.0]]


@each
def test_better_scores_cost_less(loss: Callable) -> None:
    grades = torch.tensor([[2, 1, 0]])
    right, wrong = (torch.tensor([s]) for s in ([0.8, 0.5, 0.2], [0.2, 0.5, 0.8]))
    assert float(loss(right, grades)) < float(loss(wrong, grades))


@given(st.lists(st.floats(-1, 1, width=32), min_size=3, max_size=3, unique=True))
@settings(max_examples=60, deadline=None)
def test_odds_ratio_pulls_what_is_in_the_wrong_order_harder(values: list[float]) -> None:
    """The gradient of a pair in the wrong order is at least half of 1 / tau; it closes the gap."""
    scores = torch.tensor([values], dtype=torch.float64, requires_grad=True)
    gaps, _ = log_odds_gaps(scores, torch.tensor([[2, 1, 0]]), temperature=0.05)
    for at, gap in enumerate(gaps):
        (slope,) = torch.autograd.grad(-torch.nn.functional.logsigmoid(gap), scores, retain_graph=True)
        upper, lower = float(slope[0, at]), float(slope[0, at + 1])
        assert upper <= 0 <= lower  # the better one up, the other down
        if gap <= 0:
            assert lower - upper >= 0.5 / 0.05
        in_order = values[at] > values[at + 1]
        assert (float(gap.detach()) > 0) is in_order or math.isclose(values[at], values[at + 1], abs_tol=1e-9)


def test_groups_hold_one_product_of_each_grade_and_leave_the_others_out() -> None:
    grades = torch.tensor([[2, 2, 2, 1, 0, 0, UNLABELLED], [0, 0, UNLABELLED, UNLABELLED, 1, 1, 1]])
    before = torch.zeros_like(grades, dtype=torch.bool)
    before[0, 0] = True
    seen = set()
    for seed in range(30):
        drawn, ignored = drawn_groups(grades, ignored=before, generator=torch.Generator().manual_seed(seed))
        left = grades.masked_fill(ignored, UNLABELLED)
        assert [sorted(row[row >= 0].tolist()) for row in left] == [[0, 1, 2], [0, 1]]
        assert not bool(ignored[grades == UNLABELLED].any())
        assert bool(ignored[0, 0])
        assert math.isfinite(float(odds_ratio(torch.rand(2, 7), drawn, ignored=ignored)))
        seen.add(tuple(ignored.flatten().tolist()))
    assert len(seen) > 12  # of (2 x 2) x (2 x 3) that there are
    assert before.sum() == 1


def test_the_mask_is_without_gradient_and_spares_the_positive() -> None:
    scores = torch.tensor([[0.1, 0.9, 0.2]], requires_grad=True)
    mask = false_negative_mask(scores, torch.tensor([0]), delta=0.1)
    assert mask.tolist() == [[False, True, False]]
    assert not mask.requires_grad
    assert not false_negative_mask(scores, torch.tensor([1]), delta=0.0).any()


def test_only_a_margin_below_zero_takes_a_copy_of_the_positive() -> None:
    scores = torch.tensor([[0.6, 0.59, 0.5]])  # the positive, a copy of it, another product
    own = torch.tensor([0])
    assert not false_negative_mask(scores, own, delta=0.0).any()
    assert false_negative_mask(scores, own, delta=-0.05).tolist() == [[False, True, False]]


@each
@pytest.mark.parametrize(
    ("scores", "grades", "ignored", "field"),
    [
        (torch.zeros(3), torch.zeros(3, dtype=torch.int64), None, "scores"),
        (torch.zeros(0, 3), torch.zeros(0, 3, dtype=torch.int64), None, "scores"),
        (torch.zeros(1, 2, dtype=torch.int64), torch.zeros(1, 2, dtype=torch.int64), None, "scores"),
        (torch.zeros(1, 2), torch.zeros(2, 1, dtype=torch.int64), None, "grades"),
        (torch.zeros(1, 2), torch.zeros(1, 2), None, "grades"),
        (torch.zeros(1, 2), torch.tensor([[0, -2]]), None, "grades"),
        (torch.zeros(1, 2), torch.tensor([[0, 1]]), torch.zeros(1, 2), "ignored"),
        (torch.zeros(1, 2), torch.tensor([[0, 1]]), torch.zeros(2, 2, dtype=torch.bool), "ignored"),
    ],
)
def test_rows_that_do_not_fit_are_named(loss: Callable, scores, grades, ignored, field: str) -> None:
    with pytest.raises(InvalidInput) as error:
        loss(scores, grades, ignored=ignored)
    assert error.value.data["field"] == field


ROW, THREE = torch.tensor([[0.5, 0.2]]), torch.tensor([[3, 0]])


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: supervised_contrastive(ROW, THREE), "grades"),
        (lambda: circle(ROW, THREE), "grades"),
        (lambda: odds_ratio(ROW, torch.tensor([[1, 1]])), "grades"),
        (lambda: supervised_contrastive(ROW, THREE, weights={0: 1.0, 3: 1.0}), "weights"),
        (lambda: supervised_contrastive(ROW, THREE, weights={}), "weights"),
        (lambda: supervised_contrastive(ROW, THREE, temperature=0.0), "temperature"),
        (lambda: odds_ratio(ROW, THREE, temperature=-1.0), "temperature"),
        (lambda: odds_ratio(ROW, THREE, margin=-1.0), "margin"),
        (lambda: circle(ROW, THREE, centres=(0.5, 0.2)), "centres"),
        (lambda: circle(ROW, THREE, half_width=0.0), "half_width"),
        (lambda: circle(ROW, THREE, gamma=math.nan), "gamma"),
        (lambda: circle(ROW, torch.tensor([[1, 0]]), weights={(0, 1): 1.0}), "weights"),
        (lambda: binary_circle(ROW, THREE, margin=0.0), "margin"),
        (lambda: bradley_terry(ROW, THREE, temperature=math.inf), "temperature"),
        (lambda: plackett_luce(ROW, THREE, temperature=0.0), "temperature"),
        (lambda: direct_preference(ROW, THREE, reference=ROW, beta=0.0), "beta"),
        (lambda: direct_preference(ROW, THREE, reference=ROW[:, :1]), "reference"),
        (lambda: even_weights(0), "highest"),
        (lambda: checked_rows(ROW, THREE, None, highest=2), "grades"),
        (lambda: false_negative_mask(ROW, torch.tensor([2])), "positives"),
        (lambda: false_negative_mask(ROW, torch.tensor([0, 1])), "positives"),
        (lambda: false_negative_mask(ROW, torch.tensor([0]), delta=math.nan), "delta"),
        (lambda: info_nce_of_scores(ROW, torch.tensor([0.0])), "positives"),
        (lambda: info_nce_of_scores(ROW, torch.tensor([0]), ignored=THREE[0] > 0), "ignored"),
    ],
)
def test_hyper_parameters_out_of_range_are_named(call: Callable, field: str) -> None:
    with pytest.raises(InvalidInput) as error:
        call()
    assert error.value.data["field"] == field
