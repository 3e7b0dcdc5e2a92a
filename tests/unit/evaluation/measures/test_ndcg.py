import math

import ir_measures
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.judgments import Judgments
from multirecall.evaluation.measures import NDCG, judged_share, score_run

GRADES = {"a": 3.0, "b": 1.0, "c": 0.0, "d": 2.0}
INTEGER_GAINS = {grade: 2**grade - 1 for grade in range(6)}


def by_ir_measures(measure: ir_measures.Measure, ranked: list[str], grades: dict[str, float]) -> float:
    # Scores are ranks: its evaluator compares them in single precision and breaks ties by descending id.
    run = {"q": {doc: float(len(ranked) - at) for at, doc in enumerate(ranked)}}
    qrels = {"q": {doc: int(grade) for doc, grade in grades.items()}}
    return next(iter(ir_measures.iter_calc([measure], qrels, run))).value


def test_ndcg_by_hand_with_exponential_gains() -> None:
    ideal = 7 / math.log2(2) + 3 / math.log2(3) + 1 / math.log2(4)
    found = 1 / math.log2(2) + 7 / math.log2(3)  # x has no judgment
    assert NDCG(k=10)(["b", "a", "x"], GRADES) == pytest.approx(found / ideal, rel=1e-12)
    assert NDCG(k=1)(["b", "a"], GRADES) == pytest.approx(1 / 7, rel=1e-12)
    assert NDCG(k=2)(["a", "d", "b"], GRADES) == pytest.approx(1.0, rel=1e-12)
    assert str(NDCG(k=10)) == "nDCG@10"


def test_ir_measures_takes_the_grade_as_the_gain_unless_told() -> None:
    ranked = ["b", "a", "x"]
    linear = (1 + 3 / math.log2(3)) / (3 + 2 / math.log2(3) + 1 / 2)
    assert by_ir_measures(ir_measures.nDCG @ 10, ranked, GRADES) == pytest.approx(linear, rel=1e-12)
    assert by_ir_measures(ir_measures.nDCG(gains=INTEGER_GAINS) @ 10, ranked, GRADES) == pytest.approx(
        NDCG(k=10)(ranked, GRADES), rel=1e-12
    )


@settings(max_examples=200, deadline=None)
@given(
    ranked=st.lists(st.integers(0, 40).map(str), unique=True, min_size=1, max_size=30),
    grades=st.dictionaries(st.integers(0, 40).map(str), st.integers(0, 5).map(float), min_size=1),
    k=st.integers(1, 25),
)
def test_random_rankings_agree_with_ir_measures(ranked: list[str], grades: dict[str, float], k: int) -> None:
    grades["best"] = 4.0
    expected = by_ir_measures(ir_measures.nDCG(gains=INTEGER_GAINS) @ k, ranked, grades)
    assert NDCG(k=k)(ranked, grades) == pytest.approx(expected, abs=1e-9)
    assert judged_share(ranked, grades, k) == pytest.approx(by_ir_measures(ir_measures.Judged @ k, ranked, grades))


def test_fractional_grades_have_gains_too() -> None:
    ideal = (2**1.5 - 1) + (2**0.5 - 1) / math.log2(3)
    found = (2**0.5 - 1) + (2**1.5 - 1) / math.log2(3)
    assert NDCG()(["h", "w"], {"w": 1.5, "h": 0.5}) == pytest.approx(found / ideal, rel=1e-12)


def test_what_has_no_figure_raises() -> None:
    with pytest.raises(InvalidInput, match="'a' occurs twice"):
        NDCG()(["a", "b", "a"], GRADES)
    with pytest.raises(InvalidInput, match="not defined"):
        NDCG()(["a"], {"a": 0.0})
    with pytest.raises(InvalidInput, match="k must be"):
        NDCG(k=0)


def test_a_query_without_an_answer_counts_0_and_one_without_a_relevant_product_is_left_out() -> None:
    judgments = Judgments(
        grades={"q1": {"a": 1.0}, "q2": {"a": 2.0}, "q3": {"a": 0.0}, "q5": {"a": 1.0}, "q9": {"a": 1.0}}
    )
    run = {"q1": ["a", "z"], "q2": [], "q3": ["a"], "q4": ["a"]}
    figures = score_run(run, judgments, ["q1", "q2", "q3", "q4", "q5"], NDCG(k=10))
    assert figures.values == {"q1": 1.0, "q2": 0.0, "q5": 0.0}
    assert figures.without_relevant == ("q3", "q4")
    assert figures.judged == {"q1": 0.5}
    assert judged_share([], {"a": 1.0}, 10) is None
