"""Batches of graded groups: what is drawn, what is known of every pair, and that a step depends on its number alone."""

from __future__ import annotations

import numpy as np
import pytest

from multirecall.core.errors import InvalidInput
from multirecall.training.graded.groups import GradedGroup
from tests.support.torch_extra import require_torch

require_torch()

from multirecall.training.dense.group_batches import GroupBatches  # noqa: E402 - it needs torch

A = GradedGroup(query="a", qid="1", products=("p1", "p2", "p3", "p4"), grades=(2, 0, 0, 0))
B = GradedGroup(query="b", qid="2", products=("p1", "p5", "p6"), grades=(0, 2, 1))


def test_each_level_gives_so_many_products_and_all_judgments_are_known() -> None:
    batch = GroupBatches([A, B], batch=2, per_level=1, seed=3).batch(0)
    of = {
        query: dict(zip(batch.products, row, strict=True))
        for query, row in zip(batch.queries, batch.levels, strict=True)
    }
    assert sorted(batch.queries) == ["a", "b"]
    assert batch.own.sum() == 2 + 3  # a product of each level of each query
    assert of["a"]["p1"] == 2
    assert of["b"]["p1"] == 0  # drawn by one query, judged for the other as well
    assert of["a"]["p5"] == -1
    assert of["b"]["p5"] == 2
    assert not batch.ignored.any()


def test_a_near_duplicate_of_an_answer_says_nothing() -> None:
    kinds = {"p1": "printer", "p5": "printer", "p6": "paper"}
    batch = GroupBatches([A, B], batch=2, per_level=9, seed=3, kinds=kinds).batch(0)
    row, columns = batch.queries.index("a"), {product: at for at, product in enumerate(batch.products)}
    assert batch.ignored[row, columns["p5"]]
    assert not batch.ignored[row, columns["p6"]]
    assert not batch.ignored[batch.queries.index("b")].any()  # what is judged is known, duplicate or not


def test_more_judgments_of_a_drawn_query_are_known() -> None:
    mined = GradedGroup(query="a", qid="1", products=("p1", "p2"), grades=(2, 0))
    batch = GroupBatches([mined, B], batch=2, per_level=9, seed=3, judged=[A]).batch(0)
    assert "p3" not in batch.products
    with_p3 = GradedGroup(query="b", qid="2", products=("p3", "p5"), grades=(0, 2))
    batch = GroupBatches([mined, with_p3], batch=2, per_level=9, seed=3, judged=[A]).batch(0)
    assert batch.levels[batch.queries.index("a"), batch.products.index("p3")] == 0


def test_what_is_less_than_sure_is_drawn_less_often() -> None:
    of = {"p1": 1.0, "p2": 0.25, "p3": 0.0}
    group = GradedGroup(query="a", qid="1", products=tuple(of), grades=(2, 0, 0), weights=tuple(of.values()))
    batches = GroupBatches([group], batch=1, per_level=2, seed=1)
    n = 400
    drawn = [product for step in range(n) for product in batches.batch(step).products]
    assert (drawn.count("p1"), drawn.count("p3")) == (n, 0)
    assert drawn.count("p2") == pytest.approx(0.25 * n, abs=4 * (n * 0.25 * 0.75) ** 0.5)
    unsure = GradedGroup(query="a", qid="1", products=("p1", "p2"), grades=(1, 0), weights=(0.0, 0.0))
    assert GroupBatches([unsure], batch=1, per_level=2, seed=1).batch(0).products == ["p1", "p2"]


def test_a_step_is_a_function_of_seed_and_step() -> None:
    groups = [
        GradedGroup(query=f"q{i}", qid=str(i), products=tuple(f"p{i}{k}" for k in range(6)), grades=(1, 1, 1, 0, 0, 0))
        for i in range(7)
    ]
    straight = GroupBatches(groups, batch=3, per_level=2, seed=1)
    steps = [straight.batch(step) for step in range(8)]
    again = GroupBatches(groups, batch=3, per_level=2, seed=1).batch(6)
    assert (again.queries, again.products) == (steps[6].queries, steps[6].products)
    np.testing.assert_array_equal(again.levels, steps[6].levels)
    assert [batch.products for batch in steps] != [
        GroupBatches(groups, batch=3, per_level=2, seed=2).batch(step).products for step in range(8)
    ]
    first_round = [query for batch in steps[:7] for query in batch.queries][:7]
    assert sorted(first_round) == sorted(group.query for group in groups)
    assert straight.steps(2.0) == round(2 * 7 / 3)


@pytest.mark.parametrize(("groups", "batch", "per_level"), [([], 2, 1), ([A], 0, 1), ([A], 1, 0)])
def test_what_cannot_be_had_is_refused(groups: list[GradedGroup], batch: int, per_level: int) -> None:
    with pytest.raises(InvalidInput):
        GroupBatches(groups, batch=batch, per_level=per_level, seed=1)
