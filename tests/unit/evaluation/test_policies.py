from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multirecall.evaluation.measures import NDCG, ItemGoodRate, open_measure
from multirecall.evaluation.policies import Unjudged, figure_under

NAMES = ["nDCG@4", "nDCG@6", "R@3", "P(rel=2)@4", "RR", "RR@2", "AP", "AP@3", "Bpref", "IGR@4", "QGR(good=2)@4"]
RANKED = ["a", "x", "b", "y", "c", "z"]
GRADES = {"a": 1.0, "b": 0.0, "c": 3.0, "elsewhere": 2.0}


def under(policy: Unjudged, name: str, ranked: list[str], grades: dict[str, float]) -> float:
    return figure_under(policy, open_measure(name), ranked, grades, top_grade=3.0)[0]


def test_condensed_moves_the_judged_up() -> None:
    assert under(Unjudged.CONDENSED, "nDCG@3", RANKED, GRADES) == NDCG(k=3)(["a", "b", "c"], GRADES)
    assert under(Unjudged.IRRELEVANT, "nDCG@3", RANKED, GRADES) == NDCG(k=3)(["a", "-", "b"], GRADES)
    assert figure_under(Unjudged.CONDENSED, ItemGoodRate(k=4), RANKED, GRADES, top_grade=3.0) == (1 / 3, 3.0)
    assert figure_under(Unjudged.IRRELEVANT, ItemGoodRate(k=4), RANKED, GRADES, top_grade=3.0) == (0.0, 4.0)


def test_a_late_product_that_turns_out_best_is_worse_than_an_irrelevant_one() -> None:
    ranked = ["a", *"bcdefghi", "x"]
    grades = dict.fromkeys("bcdefghi", 0.0) | {"a": 3.0}
    assert under(Unjudged.IRRELEVANT, "nDCG@10", ranked, grades) == 1.0
    assert under(Unjudged.WORST, "nDCG@10", ranked, grades) == NDCG(k=10)(ranked, grades | {"x": 3.0}) < 0.9
    assert under(Unjudged.WORST, "AP", ranked, grades) == pytest.approx((1 + 2 / 10) / 2)


@settings(max_examples=150, deadline=None)
@given(
    ranked=st.permutations([*"abcdef", "w", "x", "y"]).flatmap(lambda ids: st.integers(1, 8).map(lambda n: ids[:n])),
    grades=st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from([0.0, 1.0, 2.0, 3.0]), min_size=1),
    name=st.sampled_from(NAMES),
)
def test_bounds_are_the_extremes_over_all_grades(ranked: list[str], grades: dict[str, float], name: str) -> None:
    measure = open_measure(name)
    grades["best"] = 3.0
    unjudged = [product_id for product_id in ranked[: measure.k] if product_id not in grades][:4]
    grades |= dict.fromkeys([p for p in ranked[: measure.k] if p not in grades and p not in unjudged], 0.0)
    figures = [
        measure(ranked, grades | dict(zip(unjudged, given, strict=True)))
        for given in itertools.product((0.0, 1.0, 2.0, 3.0), repeat=len(unjudged))
    ]
    assert under(Unjudged.WORST, name, ranked, grades) == pytest.approx(min(figures), abs=1e-12)
    assert under(Unjudged.BEST, name, ranked, grades) == pytest.approx(max(figures), abs=1e-12)


def test_where_all_is_judged_every_policy_says_the_same() -> None:
    judged = GRADES | {"x": 2.0, "y": 0.0, "z": 1.0}
    for name in NAMES:
        assert len({under(policy, name, RANKED, judged) for policy in Unjudged}) == 1
