"""What every fusion method promises, and the formulas of each."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multirecall.core.errors import InvalidInput, InvalidSettings
from multirecall.core.query import Query
from multirecall.core.ranking import Ranking, RouteStatus, ScoreKind, ranked_hits
from multirecall.fusion import RRF, Fusion, WeightedSum, open_fusion

FUSIONS: list[Fusion] = [
    RRF(),
    RRF(k=1, weights={"lexical": 0.3, "dense": 0.7}),
    WeightedSum(),
    WeightedSum(weights={"dense": 3}),
]


def ranking(route: str, scored: dict[str, float], **more: object) -> Ranking:
    return Ranking(route=route, kind=ScoreKind.BM25, hits=ranked_hits(scored.items()), **more)  # type: ignore[arg-type]


LEXICAL = ranking("lexical", {"a": 12.0, "b": 9.0, "c": 3.0})
DENSE = ranking("dense", {"b": 0.9, "d": 0.8, "a": 0.5})


def test_rrf_is_the_sum_of_reciprocal_ranks() -> None:
    fused = RRF(k=60)([LEXICAL, DENSE], 10)
    scores = {hit.id: hit.score for hit in fused.hits}
    assert scores == pytest.approx(
        {"b": 1 / (60 + 2) + 1 / (60 + 1), "a": 1 / (60 + 1) + 1 / (60 + 3), "d": 1 / (60 + 2), "c": 1 / (60 + 3)}
    )
    assert [hit.id for hit in fused.hits] == ["b", "a", "d", "c"]
    assert fused.fusion == "RRF(k=60)"


def test_weighted_rrf_multiplies_each_share() -> None:
    fused = RRF(k=10, weights={"lexical": 2.0, "dense": 0.5})([LEXICAL, DENSE], 10)
    assert {h.id: h.score for h in fused.hits}["a"] == pytest.approx(2.0 / (10 + 1) + 0.5 / (10 + 3))


def test_weighted_sum_is_the_mean_of_min_max_scores() -> None:
    fused = WeightedSum()([LEXICAL, DENSE], 10)
    low, high = (9.0 - 3.0) / (12.0 - 3.0), (0.8 - 0.5) / (0.9 - 0.5)
    assert {h.id: h.score for h in fused.hits} == pytest.approx(
        {"a": (1.0 + 0.0) / 2, "b": (low + 1.0) / 2, "c": 0.0, "d": high / 2}
    )


def test_weighted_sum_shares_the_weights_among_the_routes_that_found_something() -> None:
    empty = ranking("dense", {}, status=RouteStatus.TIMED_OUT)
    fused = WeightedSum(weights={"lexical": 0.2, "dense": 0.8})([LEXICAL, empty], 10)
    assert fused.hits[0].score == pytest.approx(1.0)


def test_weighted_sum_takes_probabilities_as_they_are() -> None:
    unsure = Ranking(route="rewrite", kind=ScoreKind.PROBABILITY, hits=ranked_hits({"x": 0.3, "a": 0.1}.items()))
    fused = WeightedSum()([LEXICAL, unsure], 10)
    assert {h.id: h.score for h in fused.hits} == pytest.approx(
        {"a": (1.0 + 0.1) / 2, "b": (9.0 - 3.0) / (12.0 - 3.0) / 2, "c": 0.0, "x": 0.3 / 2}
    )


def test_weighted_sum_gives_equal_scores_one() -> None:
    fused = WeightedSum()([ranking("lexical", {"x": 4.0, "y": 4.0})], 10)
    assert [(h.id, h.score) for h in fused.hits] == [("x", 1.0), ("y", 1.0)]


def test_sources_explain_the_score() -> None:
    for hit in WeightedSum()([LEXICAL, DENSE], 10).hits:
        assert hit.score == pytest.approx(sum(source.contribution for source in hit.sources))
    b = next(h for h in RRF()([LEXICAL, DENSE], 10).hits if h.id == "b")
    assert [(s.route, s.rank, s.score) for s in b.sources] == [("dense", 1, 0.9), ("lexical", 2, 9.0)]


@pytest.mark.parametrize("fusion", FUSIONS, ids=repr)
def test_empty_failed_and_no_rankings_are_allowed(fusion: Fusion) -> None:
    failed = ranking("dense", {}, status=RouteStatus.FAILED, error="down")
    assert [h.id for h in fusion([LEXICAL, failed], 10).hits] == ["a", "b", "c"]
    assert fusion([failed], 10).hits == ()
    assert fusion([], 10).hits == ()


@pytest.mark.parametrize("fusion", FUSIONS, ids=repr)
def test_the_query_changes_nothing_and_no_values_are_wanted(fusion: Fusion) -> None:
    assert fusion.fields == ()
    assert fusion([LEXICAL, DENSE], 10, Query(raw="red lamp", text="red lamp")) == fusion([LEXICAL, DENSE], 10)


@pytest.mark.parametrize("fusion", FUSIONS, ids=repr)
def test_k_cuts_and_zero_is_allowed_and_less_is_not(fusion: Fusion) -> None:
    assert len(fusion([LEXICAL, DENSE], 2).hits) == 2
    assert fusion([LEXICAL, DENSE], 0).hits == ()
    with pytest.raises(InvalidInput):
        fusion([LEXICAL], -1)


@pytest.mark.parametrize("fusion", FUSIONS, ids=repr)
def test_two_rankings_of_one_route_are_refused(fusion: Fusion) -> None:
    with pytest.raises(InvalidInput, match="same route"):
        fusion([LEXICAL, LEXICAL], 10)


scored_lists = st.dictionaries(st.sampled_from("abcdefgh"), st.floats(-100, 100), max_size=8)


@pytest.mark.parametrize("fusion", FUSIONS, ids=repr)
@given(lists=st.lists(scored_lists, min_size=1, max_size=3), seed=st.integers(0, 99))
def test_the_order_of_the_routes_does_not_matter(fusion: Fusion, lists: list[dict[str, float]], seed: int) -> None:
    rankings = [ranking(name, scored) for name, scored in zip(["lexical", "dense", "rewrite"], lists, strict=False)]
    shuffled = random.Random(seed).sample(rankings, len(rankings))
    assert fusion(rankings, 20) == fusion(shuffled, 20)


@pytest.mark.parametrize("fusion", FUSIONS, ids=repr)
@given(lists=st.lists(scored_lists, min_size=1, max_size=2))
def test_every_product_comes_out_once_in_the_order_rule(fusion: Fusion, lists: list[dict[str, float]]) -> None:
    rankings = [ranking(name, scored) for name, scored in zip(["lexical", "dense"], lists, strict=False)]
    fused = fusion(rankings, 100)
    assert sorted(h.id for h in fused.hits) == sorted({i for scored in lists for i in scored})
    assert [h.rank for h in fused.hits] == list(range(1, len(fused.hits) + 1))
    assert [(-h.score, h.id) for h in fused.hits] == sorted((-h.score, h.id) for h in fused.hits)


@given(scored=st.dictionaries(st.sampled_from("abcdefgh"), st.integers(-50, 50).map(float), min_size=1))
def test_weighted_sum_does_not_depend_on_the_scale_of_a_route(scored: dict[str, float]) -> None:
    scaled = ranking("lexical", {i: 4.0 * s + 8.0 for i, s in scored.items()})
    plain = WeightedSum()([ranking("lexical", scored), DENSE], 20)
    other = WeightedSum()([scaled, DENSE], 20)
    assert {h.id: h.score for h in plain.hits} == pytest.approx({h.id: h.score for h in other.hits})


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("rrf", "RRF(k=60)"),
        ("rrf?k=20&dense=2", "RRF(k=20, weights={'dense': 2.0})"),
        ("weighted_sum", "WeightedSum()"),
        ("weighted_sum?lexical=0.4&dense=0.6", "WeightedSum(weights={'dense': 0.6, 'lexical': 0.4})"),
    ],
)
def test_written_forms_open(spec: str, expected: str) -> None:
    assert repr(open_fusion(spec)) == expected


@pytest.mark.parametrize(
    "spec", ["", "borda", "rrf?k=0", "rrf?k=x", "weighted_sum?dense=-1", "weighted_sum?dense=0", "rrf?k=nan"]
)
def test_wrong_written_forms_name_the_fix(spec: str) -> None:
    with pytest.raises(InvalidSettings):
        open_fusion(spec)
