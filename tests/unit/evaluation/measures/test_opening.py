import pytest

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.measures import (
    MEASURES,
    NDCG,
    AveragePrecision,
    Bpref,
    ItemGoodRate,
    Measure,
    Precision,
    QueryGoodRate,
    Recall,
    ReciprocalRank,
    open_measure,
)


@pytest.mark.parametrize(
    ("text", "measure", "name"),
    [
        ("nDCG@10", NDCG(k=10), "nDCG@10"),
        ("ndcg@5", NDCG(k=5), "nDCG@5"),
        ("R(rel=2)@100", Recall(k=100, min_grade=2.0), "R(rel=2)@100"),
        ("Recall@100", Recall(k=100), "R@100"),
        ("MRR", ReciprocalRank(), "RR"),
        (" RR( rel = 1.5 ) @ 10 ", ReciprocalRank(k=10, min_grade=1.5), "RR(rel=1.5)@10"),
        ("MAP", AveragePrecision(), "AP"),
        ("AP@50", AveragePrecision(k=50), "AP@50"),
        ("P@3", Precision(k=3), "P@3"),
        ("bpref(rel=2)", Bpref(min_grade=2.0), "Bpref(rel=2)"),
        ("ItemGoodRate@10", ItemGoodRate(), "ItemGoodRate@10"),
        ("IGR(rel=3)@50", ItemGoodRate(k=50, min_grade=3.0), "ItemGoodRate(rel=3)@50"),
        ("QGR@10", QueryGoodRate(), "QueryGoodRate@10"),
        (
            "QueryGoodRate(rel=1,good=10,reachable=1)@10",
            QueryGoodRate(min_grade=1.0, n_good=10, reachable=True),
            "QueryGoodRate(rel=1,good=10,reachable=1)@10",
        ),
    ],
)
def test_names_give_measures_and_measures_their_name(text: str, measure: Measure, name: str) -> None:
    assert open_measure(text) == measure
    assert str(measure) == name
    assert open_measure(name) == measure


def test_every_example_opens() -> None:
    for kind in MEASURES.values():
        assert str(open_measure(kind.example)).startswith(kind.example[:3])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ERR@10", r"'ERR@10' is no measure. Measures: nDCG@10, R\(rel=2\)@100, "),
        ("", "is no measure"),
        ("nDCG", "needs a depth. For instance nDCG@10"),
        ("R(rel=2)", "needs a depth"),
        ("Bpref@10", "takes no depth"),
        ("nDCG(rel=2)@10", "no parameter 'rel'. It takes: none"),
        ("P(good=2)@10", "no parameter 'good'. It takes: rel"),
        ("P(rel=high)@10", "rel is 'high', not a number"),
        ("P(rel=0)@10", "rel must be above 0, got 0"),
        ("P(rel=nan)@10", "rel must be above 0"),
        ("QGR(good=2.5)@10", "good must be a whole number"),
        ("QGR(good=11)@10", "asks for 11 good products among the first 10"),
        ("P@0", "k must be 1 or more"),
    ],
)
def test_what_is_no_measure_is_told(text: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        open_measure(text)


def test_a_measure_made_without_its_depth_is_refused() -> None:
    for kind in (Recall, Precision, ItemGoodRate, QueryGoodRate):
        with pytest.raises(InvalidInput):
            kind(k=None)
    with pytest.raises(InvalidInput, match="takes no depth"):
        Bpref(k=10)
