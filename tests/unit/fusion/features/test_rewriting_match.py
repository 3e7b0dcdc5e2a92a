"""What the blender sees of a product beside the query's rewritings."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from multirecall.core.codes import query_codes
from multirecall.core.query import Query
from multirecall.core.rewriting import Rewriting
from multirecall.fusion.features.base import Column
from multirecall.fusion.features.feature_set import FeatureSet
from multirecall.fusion.features.pool import Pool
from multirecall.fusion.features.product_words import ProductWords
from multirecall.fusion.features.rewriting_match import N_REWRITINGS
from tests.support.pools import TERMS, pool, product, ranking
from tests.support.rewriters import rewriting

PRODUCTS = {
    "a": product("black toner 4250", brand="HP", codes=("4250",)),
    "b": product("cyan toner", brand="HP", other="black printer"),
    "c": product("laser printer", brand="Brother"),
}
LEXICAL = ranking("lexical", {"a": 12.0, "b": 9.0, "c": 3.0}, PRODUCTS)
SET = FeatureSet(routes=("lexical",), rewritings=True)
IDF = {t: math.log1p((1_000 - n + 0.5) / (n + 0.5)) for t, n in TERMS.holding.items()}
nan = math.nan


def columns(text: str, *said: Rewriting, features: FeatureSet = SET) -> dict[str, Column]:
    query = Query(raw=text, text=text, rewritings=said)
    made = Pool(query, [LEXICAL], routes=("lexical",), analyse=str.split, words=ProductWords(TERMS))
    return dict(zip(features.names, features.matrix(made).T, strict=True))


def same(column: Column, expected: list[float]) -> None:
    np.testing.assert_allclose(column, expected, atol=1e-12)


def test_a_product_is_compared_with_what_was_meant() -> None:
    found = columns("schwarz", rewriting("black toner"))  # rows: a, b, c
    both = IDF["black"] + IDF["toner"]
    same(found["title.coverage"], [0, 0, 0])
    same(found["rewritten.title.coverage"], [1, 1 / 2, 0])
    same(found["rewritten.title.idf_coverage"], [1, IDF["toner"] / both, 0])
    same(found["rewritten.text.coverage"], [1, 1, 0])
    same(found["rewritten.text.idf_coverage"], [1, 1, 0])
    same(found["rewritten.title.phrase"], [1, 0, 0])
    same(found["rewritten.title.precision"], [2 / 3, 1 / 2, 0])


def test_the_rewriting_that_fits_a_product_best_counts_for_it() -> None:
    found = columns("schwarz", rewriting("black toner", 0.9), rewriting("laser printer", 0.5))
    same(found["rewritten.title.coverage"], [1, 1 / 2, 1])
    same(found["rewritten.text.coverage"], [1, 1, 1])
    same(found["rewritten.title.precision"], [2 / 3, 1 / 2, 1])
    one_word = columns("schwarz", rewriting("toner", 0.9), rewriting("laser printer", 0.5))
    same(one_word["rewritten.title.phrase"], [0, 0, 1])  # a single word has no pair: what the other says stands
    same(columns("schwarz", rewriting("toner"))["rewritten.title.phrase"], [nan] * 3)


def test_only_the_surest_are_looked_at() -> None:
    said = [rewriting("paper", 0.9 - 0.1 * at) for at in range(N_REWRITINGS)]
    same(columns("schwarz", *said, rewriting("toner", 0.1))["rewritten.title.coverage"], [0, 0, 0])
    same(columns("schwarz", *said[1:], rewriting("toner", 0.1))["rewritten.title.coverage"], [1, 1, 0])


def test_without_a_rewriting_all_of_it_is_missing() -> None:
    found = columns("toner")
    of_rewritings = [name for name in SET.names if name.startswith("rewritten.")]
    assert of_rewritings
    for name in of_rewritings:
        same(found[name], [nan] * 3)


def test_the_other_features_do_not_see_rewritings() -> None:
    plain, reworded = columns("black toner"), columns("black toner", rewriting("laser printer"))
    for name in FeatureSet(routes=("lexical",)).names:
        np.testing.assert_array_equal(plain[name], reworded[name])


def test_sets_with_and_without_have_different_fingerprints() -> None:
    plain = FeatureSet(routes=("lexical",))
    assert plain.fingerprint != SET.fingerprint
    assert [name for name in SET.names if not name.startswith("rewritten.")] == list(plain.names)


def test_a_reworded_pool_is_a_pool_of_that_query() -> None:
    """All features were worked out before: nothing of the old query is left in the new one's."""
    features = FeatureSet(routes=("lexical",))
    typed, meant = "hp toner 4250", "black brother printer a3"
    before = pool(typed, [LEXICAL], codes=query_codes(typed))
    of_before = features.matrix(before)
    after, fresh = before.reworded(meant), pool(meant, [LEXICAL], codes=query_codes(meant))
    np.testing.assert_array_equal(features.matrix(after), features.matrix(fresh))
    assert after.codes == fresh.codes
    assert replace(after.query, codes=()) == replace(fresh.query, raw=typed, codes=())
    assert after.texts is before.texts
    np.testing.assert_array_equal(features.matrix(before), of_before)
