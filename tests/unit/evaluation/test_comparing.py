from __future__ import annotations

import pytest

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.comparing import ShownProduct, compare
from multirecall.evaluation.judgments import Judgments
from multirecall.evaluation.queries import JudgedQuery

QUERIES = [JudgedQuery(qid=f"q{at}", text=f"text {at}") for at in range(5)]
JUDGMENTS = Judgments(grades={f"q{at}": {"good": 3.0, "fair": 1.0, "bad": 0.0} for at in range(4)})
A = {"q0": ("good", "fair"), "q1": ("bad", "good"), "q2": ("bad",), "q3": ("good", "fair"), "q4": ("good",)}
B = {"q0": ("good", "fair"), "q1": ("good", "new"), "q2": ("good",), "q3": (), "q4": ("bad",)}


def test_the_queries_that_moved_most_come_first_with_both_lists() -> None:
    found = compare(("a", A), ("b", B), QUERIES, JUDGMENTS)
    assert (found.a, found.b, found.measure) == ("a", "b", "nDCG@10")
    assert (found.comparison.wins, found.comparison.losses, found.comparison.ties) == (2, 1, 1)
    assert [query.qid for query in found.moved] == ["q3", "q2", "q1"]
    assert [query.difference for query in found.moved] == pytest.approx([q.b - q.a for q in found.moved])
    assert found.comparison.difference == pytest.approx(sum(q.difference for q in found.moved) / 4)
    q1 = found.moved[2]
    assert q1.text == "text 1"
    assert q1.shown_a == (
        ShownProduct(product_id="bad", grade=0.0, other_rank=None),
        ShownProduct(product_id="good", grade=3.0, other_rank=1),
    )
    assert q1.shown_b == (
        ShownProduct(product_id="good", grade=3.0, other_rank=2),
        ShownProduct(product_id="new", grade=None, other_rank=None),
    )
    assert found.moved[0].shown_b == ()


def test_as_many_queries_and_products_as_asked_for() -> None:
    found = compare(("a", A), ("b", B), QUERIES, JUDGMENTS, "RR", n_moved=1, depth=1)
    assert found.measure == "RR"
    assert len(found.moved) == 1
    assert all(len(query.shown_a) <= 1 for query in found.moved)
    assert compare(("a", A), ("b", A), QUERIES, JUDGMENTS).moved == ()


def test_two_runs_of_one_name_are_refused() -> None:
    with pytest.raises(InvalidInput, match="Both runs are called 'a'"):
        compare(("a", A), ("a", B), QUERIES, JUDGMENTS)
