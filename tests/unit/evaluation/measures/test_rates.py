import pytest

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.measures import ItemGoodRate, Precision, QueryGoodRate

GRADES = {"a": 3.0, "b": 2.0, "c": 1.0, "d": 0.0}


def test_item_good_rate_is_a_rate_over_the_products_shown() -> None:
    rate = ItemGoodRate(k=3)
    assert rate(["a", "c"], GRADES) == 1 / 2
    assert rate(["x", "b", "a", "d"], GRADES) == 2 / 3
    assert (rate.weight(["a", "c"]), rate.weight(["x", "b", "a", "d"]), rate.weight([])) == (2.0, 3.0, 0.0)
    assert rate([], GRADES) == 0.0
    assert rate.is_defined({"d": 0.0})
    assert not rate.is_defined({})


def test_query_good_rate_asks_for_enough_good_products() -> None:
    assert QueryGoodRate(k=3, n_good=2)(["a", "c", "b"], GRADES) == 1.0
    assert QueryGoodRate(k=3, n_good=2)(["a", "c", "x", "b"], GRADES) == 0.0
    assert QueryGoodRate(k=3, n_good=1, min_grade=3.0)(["c", "b"], GRADES) == 0.0
    assert QueryGoodRate(n_good=3).is_defined(GRADES)
    assert not QueryGoodRate(n_good=3, reachable=True).is_defined(GRADES)
    assert QueryGoodRate(n_good=2, reachable=True).is_defined(GRADES)


def test_precision_divides_by_the_depth_even_if_fewer_are_shown() -> None:
    assert Precision(k=10)(["a", "d"], GRADES) == 1 / 10
    with pytest.raises(InvalidInput, match=r"P\(rel=2\)@10 is not defined"):
        Precision(k=10, min_grade=2.0)(["c"], {"c": 1.0})
