import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multirecall.core.errors import InvalidInput
from multirecall.core.ranking import Hit, Ranking, ScoreKind, ranked_hits


def test_ties_are_ordered_by_id() -> None:
    hits = ranked_hits([("b", 1.0), ("a", 1.0), ("c", 2.0)])
    assert [(h.id, h.rank) for h in hits] == [("c", 1), ("a", 2), ("b", 3)]


@given(
    st.lists(st.tuples(st.text(min_size=1), st.floats(allow_nan=False, allow_infinity=False)), unique_by=lambda x: x[0])
)
def test_ranked_hits_always_make_a_valid_ranking(scored: list[tuple[str, float]]) -> None:
    ranking = Ranking(route="r", kind=ScoreKind.BM25, hits=ranked_hits(scored))
    assert {h.id for h in ranking.hits} == {i for i, _ in scored}


@pytest.mark.parametrize(
    "hits",
    [
        (Hit(id="a", score=1.0, rank=2),),
        (Hit(id="a", score=1.0, rank=1), Hit(id="b", score=2.0, rank=2)),
        (Hit(id="b", score=1.0, rank=1), Hit(id="a", score=1.0, rank=2)),
        (Hit(id="a", score=1.0, rank=1), Hit(id="a", score=0.5, rank=2)),
        (Hit(id="a", score=math.nan, rank=1),),
    ],
)
def test_rankings_that_break_the_order_rule_are_refused(hits: tuple[Hit, ...]) -> None:
    with pytest.raises(InvalidInput):
        Ranking(route="r", kind=ScoreKind.BM25, hits=hits)
