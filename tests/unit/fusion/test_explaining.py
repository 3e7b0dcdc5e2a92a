"""Explanations add up to what they explain: scores of real trees, sums over routes, differences of two products."""

from __future__ import annotations

import math

import lightgbm
import numpy as np
import pytest

from multirecall.core.errors import InvalidInput, NotFound
from multirecall.core.query import Query
from multirecall.core.ranking import Fused, Ranking, ScoreKind, ranked_hits
from multirecall.fusion import RRF, Fusion, WeightedSum
from multirecall.fusion.blender import Blender
from multirecall.fusion.blender_model import BlenderModel
from multirecall.fusion.explaining import ExplainsItself, explained_by_features, explained_by_routes, why
from multirecall.fusion.features.feature_set import FeatureSet
from multirecall.fusion.features.pool import Pool
from multirecall.fusion.features.product_words import ProductWords
from multirecall.fusion.features.term_statistics import TermStatistics

WORDS = ("usb", "cable", "printer", "black", "toner", "hp", "19", "lamp")
QUERY = Query(raw="black usb cable", text="black usb cable", codes=("usb",))
EXACT = 1e-6  # the promise of Explanation


def rankings(seed: int, n: int = 30) -> list[Ranking]:
    """Two routes over 40 products of random words; some have no price."""
    generator = np.random.default_rng(seed)
    titles = [" ".join(generator.choice(WORDS, size=4)) for _ in range(40)]
    made = []
    for route, kind in (("lexical", ScoreKind.BM25), ("dense", ScoreKind.COSINE)):
        picked = generator.choice(40, size=n, replace=False)
        fields = {
            int(at): {"match_text": f"{titles[at]}\thp\tcolour\t\t", "brand": "HP"}
            | ({"price_minor": int(at) * 100} if at % 3 else {})
            for at in picked
        }
        drawn = generator.random(n)
        scored = [(f"p{at:02}", float(score), fields[int(at)]) for at, score in zip(picked, drawn, strict=True)]
        made.append(Ranking(route=route, kind=kind, hits=ranked_hits(scored), total=n))
    return made


@pytest.fixture(scope="module")
def blender() -> Blender:
    """Trees that learned a random mixture of features: what they learned does not matter, that they split does."""
    features = FeatureSet(routes=("dense", "lexical"))
    terms = TermStatistics(n_products=100, holding={word: 20 for word in WORDS})
    untrained = [rankings(seed) for seed in range(8)]
    pools = [Pool(QUERY, r, routes=features.routes, analyse=str.split, words=ProductWords(terms)) for r in untrained]
    matrices = [features.matrix(pool) for pool in pools]
    generator = np.random.default_rng(3)
    weights = generator.normal(size=len(features.names))
    signal = np.nan_to_num(np.concatenate(matrices)) @ weights
    labels = np.digitize(signal, np.quantile(signal, (0.5, 0.8))).astype(np.int32)
    booster = lightgbm.train(
        {
            "objective": "lambdarank",
            "num_leaves": 7,
            "min_data_in_leaf": 5,
            "verbosity": -1,
            "num_threads": 1,
            "seed": 1,
        },
        lightgbm.Dataset(
            np.concatenate(matrices), labels, group=[len(m) for m in matrices], feature_name=list(features.names)
        ),
        25,
    )
    model = BlenderModel(features=features, booster=booster, terms=terms, language="en")
    return Blender(model=model, analyse=str.split, name="test")


@pytest.mark.parametrize("seed", range(20, 25))
def test_what_features_add_is_the_score(blender: Blender, seed: int) -> None:
    found = rankings(seed)
    fused = blender(found, 100, QUERY)
    explanations = blender.explain(found, QUERY, [hit.id for hit in fused.hits])
    assert [e.product_id for e in explanations] == [hit.id for hit in fused.hits]
    assert len({round(e.score, 6) for e in explanations}) > 3  # the trees did split
    for hit, e in zip(fused.hits, explanations, strict=True):
        assert e.by == "features"
        assert e.score == pytest.approx(hit.score, abs=1e-12)
        assert e.base + math.fsum(share.contribution for share in e.shares) == pytest.approx(hit.score, abs=EXACT)
        assert {share.name for share in e.shares} == set(blender.model.features.names)
        sizes = [abs(share.contribution) for share in e.shares]
        assert sizes == sorted(sizes, reverse=True)
        shares, others = e.top(5)
        assert len(shares) == 5
        assert e.base + sum(s.contribution for s in shares) + others == pytest.approx(hit.score, abs=EXACT)


def test_a_missing_value_is_shown_as_missing_and_never_as_0(blender: Blender) -> None:
    found = rankings(20)
    without_price = next(hit.id for hit in found[0].hits if "price_minor" not in hit.fields)
    (explanation,) = blender.explain(found, QUERY, [without_price])
    values = {share.name: share.value for share in explanation.shares}
    assert values["price.log"] is None
    described = {feature.name: feature.description for feature in blender.model.features.features}
    assert all(share.description == described[share.name] for share in explanation.shares)
    assert all(value is None or math.isfinite(value) for value in values.values())


def test_differences_of_two_products_add_up_to_the_difference_of_their_scores(blender: Blender) -> None:
    found = rankings(21)
    ids = [hit.id for hit in blender(found, 100, QUERY).hits]
    a, b = blender.explain(found, QUERY, [ids[0], ids[-1]])
    between = why(a, b)
    assert between.difference == a.score - b.score > 0
    assert math.fsum(share.difference for share in between.shares) == pytest.approx(between.difference, abs=EXACT)
    shares, others = between.top(4)
    assert sum(share.difference for share in shares) + others == pytest.approx(between.difference, abs=EXACT)
    sizes = [abs(share.difference) for share in between.shares]
    assert sizes == sorted(sizes, reverse=True)
    back = {share.name: share.difference for share in why(b, a).shares}
    assert back == {share.name: -share.difference for share in between.shares}


def test_a_product_that_no_route_found_has_nothing_to_explain(blender: Blender) -> None:
    with pytest.raises(NotFound, match="'nowhere' is none of the"):
        blender.explain(rankings(20), QUERY, ["nowhere"])


def test_only_the_blender_explains_itself(blender: Blender) -> None:
    assert isinstance(blender, ExplainsItself)
    assert not isinstance(WeightedSum(), ExplainsItself)


@pytest.mark.parametrize("fusion", [WeightedSum(), WeightedSum(weights={"dense": 3.0}), RRF()], ids=repr)
def test_what_routes_add_is_the_score_of_a_sum_over_routes(fusion: Fusion) -> None:
    fused: Fused = fusion(rankings(22), 100)
    explanations = [explained_by_routes(hit) for hit in fused.hits]
    for hit, e in zip(fused.hits, explanations, strict=True):
        assert (e.by, e.base) == ("routes", 0.0)
        assert math.fsum(share.contribution for share in e.shares) == pytest.approx(hit.score, abs=1e-12)
        assert {share.name: share.value for share in e.shares} == {s.route: s.rank for s in hit.sources}
    only_one = next(e for e in explanations if len(e.shares) == 1)
    both = next(e for e in explanations if len(e.shares) == 2)
    between = why(both, only_one)
    assert math.fsum(share.difference for share in between.shares) == pytest.approx(both.score - only_one.score)
    missing = next(share for share in between.shares if share.name != only_one.shares[0].name)
    assert missing.value_b is None


def test_products_of_two_rankings_cannot_be_compared() -> None:
    a = explained_by_features("a", 1.0, {"x": "an x"}, [2.0], [0.5, 0.5])
    b = explained_by_features("b", 1.0, {"x": "an x"}, [2.0], [0.75, 0.25])
    with pytest.raises(InvalidInput, match="same ranking"):
        why(a, b)
