"""Every feature against its formula on pools small enough to compute by hand."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest

from multirecall.core.errors import InvalidInput, InvalidSettings
from multirecall.core.ranking import RouteStatus
from multirecall.engines.analysis import terms
from multirecall.fusion.features.base import Column
from multirecall.fusion.features.feature_set import FeatureSet
from multirecall.fusion.features.pool import Pool
from multirecall.fusion.features.term_statistics import TermStatistics
from tests.support.pools import TERMS, pool, product, ranking

PRODUCTS = {
    "a": product(
        "black toner 4250", brand="HP", attributes=("colour", "yield"), codes=("4250", "lj4250"), price_minor=5_000
    ),
    "b": product(
        "cyan toner",
        brand="HP",
        attributes=("colour", "yield"),
        codes=("4251",),
        other="black printer",
        price_minor=6_000,
    ),
    "c": product("laser printer", brand="Brother", attributes=("speed",), price_minor=20_000, in_stock=True),
    "d": product("paper"),
}
LEXICAL = ranking("lexical", {"a": 12.0, "b": 9.0, "c": 3.0}, PRODUCTS, total=7)
DENSE = ranking("dense", {"b": 0.9, "d": 0.8, "a": 0.5}, PRODUCTS)
SET = FeatureSet(routes=("lexical", "dense"))


def columns(of: Pool) -> dict[str, Column]:
    return dict(zip(SET.names, SET.matrix(of).T, strict=True))


@pytest.fixture(scope="module")
def found() -> dict[str, Column]:
    return columns(pool("hp black toner", [LEXICAL, DENSE]))  # rows: a, b, c, d


def same(column: Column, expected: list[float]) -> None:
    np.testing.assert_allclose(column, expected, atol=1e-12)


nan = math.nan


def test_route_signals(found: dict[str, Column]) -> None:
    same(found["lexical.found"], [1, 1, 1, 0])
    same(found["lexical.rank"], [1, 2, 3, nan])
    same(found["lexical.score"], [12, 9, 3, nan])
    same(found["lexical.normalised"], [1, (9 - 3) / (12 - 3), 0, nan])
    same(found["lexical.margin"], [0, 3, 9, nan])
    same(found["lexical.ratio"], [1, 9 / 12, 3 / 12, nan])
    deviation = math.sqrt(((12 - 8) ** 2 + (9 - 8) ** 2 + (3 - 8) ** 2) / 3)
    same(found["lexical.z"], [4 / deviation, 1 / deviation, -5 / deviation, nan])
    same(found["lexical.total"], [math.log1p(7)] * 4)
    same(found["dense.total"], [nan] * 4)
    same(found["dense.rank"], [3, 1, nan, 2])


def test_a_route_that_did_not_run_is_missing_and_one_that_found_nothing_is_not() -> None:
    failed = columns(pool("toner", [LEXICAL, ranking("dense", {}, {}, status=RouteStatus.FAILED)]))
    empty = columns(pool("toner", [LEXICAL, ranking("dense", {}, {})]))
    absent = columns(pool("toner", [LEXICAL]))
    same(failed["dense.found"], [nan] * 3)
    same(absent["dense.found"], [nan] * 3)
    same(empty["dense.found"], [0.0] * 3)
    same(failed["routes.ran"], [1.0] * 3)
    same(empty["routes.ran"], [2.0] * 3)


def test_agreement(found: dict[str, Column]) -> None:
    low, high = (9 - 3) / 9, (0.8 - 0.5) / 0.4
    blend = [1 / 2, (low + 1) / 2, 0, high / 2]
    same(found["routes.blend"], blend)
    same(found["routes.blend_rank"], [2, 1, 4, 3])
    same(found["routes.rrf"], [1 / 61 + 1 / 63, 1 / 62 + 1 / 61, 1 / 63, 1 / 62])
    same(found["routes.found_by"], [2, 2, 1, 1])
    same(found["routes.overlap"], [2 / 4] * 4)


def test_query_shape(found: dict[str, Column]) -> None:
    idf = {t: math.log1p((1_000 - n + 0.5) / (n + 0.5)) for t, n in TERMS.holding.items()}
    same(found["query.terms"], [3] * 4)
    same(found["query.idf_max"], [idf["toner"]] * 4)
    same(found["query.idf_min"], [idf["black"]] * 4)
    same(found["query.names_brand"], [1] * 4)
    same(found["query.unknown_terms"], [0] * 4)
    same(columns(pool("zzz toner", [LEXICAL]))["query.unknown_terms"], [1 / 2] * 3)


def test_text_match(found: dict[str, Column]) -> None:
    idf = {t: math.log1p((1_000 - n + 0.5) / (n + 0.5)) for t, n in TERMS.holding.items()}
    all_idf = idf["hp"] + idf["black"] + idf["toner"]
    same(found["title.coverage"], [1, 2 / 3, 0, 0])
    same(found["title.idf_coverage"], [1, (idf["hp"] + idf["toner"]) / all_idf, 0, 0])
    same(found["text.coverage"], [1, 1, 0, 0])
    same(found["text.outside_title"], [0, idf["black"] / all_idf, 0, 0])
    same(found["title.missing_idf"], [0, idf["black"], idf["toner"], idf["toner"]])
    same(found["title.rarest"], [1, 1, 0, 0])
    same(found["title.first"], [1, 1, 0, 0])
    same(found["title.last"], [1, 1, 0, 0])
    same(found["title.phrase"], [1 / 2, 0, 0, 0])  # "black toner" of "hp black", "black toner"
    same(found["title.precision"], [2 / 3, 1 / 2, 0, 0])
    same(found["title.first_place"], [0, 1 / 2, nan, nan])
    same(found["title.last_place"], [1 / 3, 1 / 2, nan, nan])
    same(found["title.length"], [3, 2, 2, 1])


def test_a_misspelt_word_is_near_the_word_it_means() -> None:
    near = columns(pool("tonr", [LEXICAL]))["title.near"]  # rows: a, b, c
    grams, others = {"#to", "ton", "onr", "nr#"}, {"#to", "ton", "one", "ner", "er#"}
    assert near[0] == pytest.approx(len(grams & others) / len(grams | others))
    assert near[0] == near[1] > near[2]


def test_numbers_and_codes() -> None:
    found = columns(pool("hp 4250", [LEXICAL, DENSE], codes=("hp", "4250", "hp4250")))
    same(found["numbers.title"], [1, 0, 0, 0])
    same(found["codes.matched"], [1 / 2, 0, 0, 0])
    same(found["codes.longest"], [4 / 6, 0, 0, 0])
    same(found["codes.within"], [1, 0, 0, 0])
    without = columns(pool("hp toner", [LEXICAL, DENSE], codes=("hp", "toner")))
    for name in ("numbers.title", "numbers.codes", "codes.matched", "codes.prefix"):
        same(without[name], [nan] * 4)


def test_a_part_number_of_the_same_family_shares_its_beginning() -> None:
    found = columns(pool("4250", [LEXICAL], codes=("42509",)))
    same(found["codes.prefix"], [4 / 5, 0, 0])  # 4251 begins with 425 only: shorter than four


def test_product_state(found: dict[str, Column]) -> None:
    same(found["brand.named"], [1, 1, 0, 0])
    same(found["price.log"], [math.log1p(5_000), math.log1p(6_000), math.log1p(20_000), nan])
    same(found["price.percentile"], [0, 1 / 2, 1, nan])
    same(found["price.kind_percentile"], [0, 1, nan, nan])
    same(found["stock"], [nan, nan, 1, nan])
    same(found["popularity.log"], [nan] * 4)
    assert np.isnan(columns(pool("toner", [LEXICAL]))["brand.named"]).all()


PAPER = ("Office", "Office > Paper & Toner")
CATEGORIES = {
    "a": product("x", category=PAPER, price_minor=3),
    "b": product("x", category=PAPER, price_minor=4),
    "c": product("x", category=("Office",), price_minor=1),
    "d": product("x", price_minor=2),
}


def test_category_match() -> None:
    found = [ranking("lexical", {"a": 4.0, "b": 3.0, "c": 2.0, "d": 1.0}, CATEGORIES)]
    of = columns(pool("black toner office", found, analyse=partial(terms, language="none")))
    idf = {t: math.log1p((1_000 - n + 0.5) / (n + 0.5)) for t, n in {"black": 300, "toner": 100, "office": 0}.items()}
    asked = sum(idf.values())
    same(of["category.coverage"], [1 / 2, 1 / 2, 1, nan])  # of paper and toner the one, of office itself
    path = (idf["toner"] + idf["office"]) / asked
    same(of["category.idf_coverage"], [path, path, idf["office"] / asked, nan])
    same(of["price.category_percentile"], [0, 1, nan, nan])
    weights = np.array([1 / math.log2(rank + 1) for rank in (1, 2, 3, 4)])
    weights /= weights.sum()
    same(of["like_lexical_10.category"], [weights[1] / (1 - weights[0]), weights[0] / (1 - weights[1]), 0, nan])
    without = columns(pool("", found))
    same(without["category.coverage"], [nan] * 4)
    same(without["category.idf_coverage"], [nan] * 4)


def test_categories_mean_the_same_in_whatever_order_they_come_back() -> None:
    turned = {name: {**fields, "category": fields.get("category", ())[::-1]} for name, fields in CATEGORIES.items()}  # type: ignore[index]
    scores = {"a": 4.0, "b": 3.0, "c": 2.0, "d": 1.0}
    one, other = (SET.matrix(pool("paper", [ranking("lexical", scores, p)])) for p in (CATEGORIES, turned))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("toner schwarz für drucker", "english", 1),
        ("toner schwarz für drucker", "german", 0),
        ("cable for the printer", "english", 0),
        ("hp 504a", "english", nan),  # nothing tells
        ("toner schwarz für drucker", "portuguese", nan),  # it cannot be told from others
        ("toner schwarz für drucker", "none", nan),
    ],
)
def test_a_query_in_another_language_than_the_index_is_foreign(text: str, language: str, expected: float) -> None:
    same(columns(pool(text, [LEXICAL], language=language))["query.foreign"], [expected] * 3)


def test_likeness_leaves_the_candidate_itself_out() -> None:
    weights = np.array([1 / math.log2(2), 1 / math.log2(3), 1 / math.log2(4)])
    weights /= weights.sum()
    brands = columns(pool("toner", [LEXICAL]))["like_lexical_10.brand"]
    # a and b are HP: of what is left without itself, the other one's weight
    same(brands, [weights[1] / (1 - weights[0]), weights[0] / (1 - weights[1]), 0])


def test_kinds(found: dict[str, Column]) -> None:
    low = (9 - 3) / 9
    same(found["kind.size"], [2, 2, 1, 1])
    same(found["kind.best"][:2], [(low + 1) / 2] * 2)
    same(found["kind.mean"], [(low + 1) / 2, 1 / 2, nan, nan])
    same(found["kind.attributes"], [2, 2, 1, 0])
    assert found["asked.lacking_title"][0] == 0.0
    assert found["asked.lacking_title"][2] > found["asked.lacking_title"][1] > 0.0


def test_no_feature_depends_on_the_order_of_the_rankings_or_of_the_routes() -> None:
    one = SET.matrix(pool("hp black toner", [LEXICAL, DENSE]))
    other = FeatureSet(routes=("dense", "lexical"))
    np.testing.assert_array_equal(one, other.matrix(pool("hp black toner", [DENSE, LEXICAL])))
    assert other.names == SET.names
    assert other.fingerprint == SET.fingerprint


def test_no_feature_tells_which_product_or_which_query_it_is() -> None:
    """The leak test: ids renamed in the same order give the same numbers, whatever the ids say."""
    renamed = {"a": "x1 grade=3", "b": "x2", "c": "x3", "d": "x4"}
    products = {renamed[name]: fields for name, fields in PRODUCTS.items()}
    again = [
        ranking("lexical", {renamed[h.id]: h.score for h in LEXICAL.hits}, products, total=7),
        ranking("dense", {renamed[h.id]: h.score for h in DENSE.hits}, products),
    ]
    np.testing.assert_array_equal(
        SET.matrix(pool("hp black toner", [LEXICAL, DENSE])), SET.matrix(pool("hp black toner", again))
    )


@pytest.mark.parametrize("text", ["", "toner", "zzz", "4250 4250"])
def test_strange_queries_and_empty_pools_give_numbers_without_a_warning(text: str) -> None:
    for rankings in ([], [LEXICAL], [ranking("lexical", {"d": 1.0}, {})], [LEXICAL, DENSE]):
        matrix = SET.matrix(pool(text, rankings))
        assert matrix.shape[1] == len(SET.names)
        assert not np.isinf(matrix).any()


def test_names_are_unique_and_described() -> None:
    assert len(set(SET.names)) == len(SET.names)
    assert all(feature.description for feature in SET.features)


def test_the_fingerprint_follows_the_routes() -> None:
    assert FeatureSet(routes=("lexical",)).fingerprint != SET.fingerprint
    with pytest.raises(InvalidSettings):
        FeatureSet(routes=())


def test_term_statistics_forget_what_one_product_holds_and_read_back() -> None:
    found = TermStatistics.of(10, {"often": 9, "twice": 2, "once": 1})
    assert dict(found.holding) == {"often": 9, "twice": 2}
    again = TermStatistics.from_dict(found.to_dict())
    np.testing.assert_array_equal(again.idf(["often", "once", "never"]), found.idf(["often", "once", "never"]))
    assert found.idf(["never"])[0] == pytest.approx(math.log1p(10.5 / 0.5))
    with pytest.raises(InvalidInput):
        TermStatistics.from_dict({"n_products": "ten"})
    with pytest.raises(InvalidInput):
        TermStatistics(n_products=1, holding={"a": 2})
