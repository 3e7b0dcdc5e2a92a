"""How what several rewritings found becomes one list."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multirecall.core.errors import InvalidSettings
from multirecall.core.ranking import Ranking, ScoreKind, ranked_hits
from multirecall.engines.base import EngineHit
from multirecall.recall.merging import MERGES, Found, check_merge, merged
from tests.support.rewriters import rewriting


def hits(**scores: float) -> list[EngineHit]:
    return [EngineHit(id=hit.id, score=hit.score) for hit in ranked_hits(scores.items())]


def scores(*found: Found, merge: str = "max") -> dict[str, float]:
    return {hit.id: hit.score for hit in merged(found, merge=merge, k=100)[0]}


SURE = Found(rewriting=0, confidence=0.8, lists=(hits(a=10.0, b=6.0, c=2.0), hits(b=0.9, d=0.5)))
VAGUE = Found(rewriting=1, confidence=0.4, lists=(hits(c=3.0, e=1.0), hits(c=0.7)))


def test_a_share_is_the_confidence_times_the_mean_of_the_normalised_scores() -> None:
    assert scores(SURE) == pytest.approx(
        {"a": 0.8 * (1.0 + 0.0) / 2, "b": 0.8 * (4.0 / 8.0 + 1.0) / 2, "c": 0.0, "d": 0.0}
    )


@pytest.mark.parametrize(
    ("merge", "expected"),
    [("max", 0.4), ("noisy_or", 1 - (1 - 0.0) * (1 - 0.4)), ("parts", (0.0 + 0.4) / (0.8 + 0.4))],
)
def test_shares_of_several_rewritings(merge: str, expected: float) -> None:
    assert scores(SURE, VAGUE, merge=merge)["c"] == pytest.approx(expected)


def test_each_hit_says_which_rewriting_gave_it_most() -> None:
    found, brought_by = merged([SURE, VAGUE], merge="max", k=3)
    assert [hit.id for hit in found] == ["b", "a", "c"]
    assert brought_by == (0, 0, 1)


def test_of_parts_a_product_that_answers_all_is_best_and_of_alternatives_the_surest() -> None:
    one = Found(rewriting=0, confidence=0.5, lists=(hits(both=5.0, first=10.0, last=0.0),))
    other = Found(rewriting=1, confidence=0.5, lists=(hits(both=9.0, second=10.0, last=0.0),))
    assert max(scores(one, other, merge="parts").items(), key=lambda item: item[1])[0] == "both"
    assert max(scores(one, other, merge="max").items(), key=lambda item: item[1])[0] != "both"


def test_an_unknown_merge_names_those_that_are_known() -> None:
    with pytest.raises(InvalidSettings, match="sum") as caught:
        check_merge("sum")
    assert all(name in caught.value.hint for name in MERGES)


lists = st.dictionaries(st.sampled_from("abcdefgh"), st.floats(-5, 50), max_size=6).map(lambda of: hits(**of))
rewritings = st.lists(st.tuples(st.floats(0, 1), st.lists(lists, min_size=1, max_size=2)), max_size=4)


@pytest.mark.parametrize("merge", MERGES)
@given(found=rewritings, k=st.integers(1, 10))
def test_scores_lie_between_0_and_1_in_the_order_rule(
    merge: str, found: list[tuple[float, list[list[EngineHit]]]], k: int
) -> None:
    all_found = [Found(rewriting=at, confidence=c, lists=tuple(of)) for at, (c, of) in enumerate(found)]
    hits_found, brought_by = merged(all_found, merge=merge, k=k)
    told = tuple(rewriting(f"text {at}", c) for at, (c, _) in enumerate(found))
    # a Ranking refuses another order, doubles and a place that no rewriting has
    Ranking(route="rewrite", kind=ScoreKind.PROBABILITY, hits=hits_found, rewritings=told, brought_by=brought_by)
    assert all(-1e-9 <= hit.score <= 1.0 + 1e-9 for hit in hits_found)
    assert len(hits_found) <= k
