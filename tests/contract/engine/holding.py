"""Products asked for by the values that they hold in a keyword field, each value with a weight."""

from __future__ import annotations

import pytest

from multirecall.core.errors import InvalidFilter, InvalidQuery, UnsupportedFeature
from multirecall.core.filters import Range, Term
from multirecall.core.query import Facet, Sort
from multirecall.engines.base import MAX_VALUES, Engine, Holding
from tests.contract.asking import found, ids, search
from tests.contract.shop import CROWD

__all__ = ["HoldingContract"]

COLOURS = Holding(field="attributes.colour", weights={"Black": 0.5, "White": 2.0, "no such": 9.0})
PATHS = {"Office": 1.0, "Printers": 2.0, "Cables": 2.5}


class HoldingContract:
    def test_products_that_hold_a_value_score_its_weight(self, shop: Engine) -> None:
        result = search(shop, COLOURS)
        assert [(hit.id, hit.score) for hit in result.hits] == [("p01", 2.0), ("p02", 0.5), ("p05", 0.5)]
        assert result.total == 3

    def test_weights_of_several_values_are_added_or_the_best_taken(self, shop: Engine) -> None:
        summed = search(shop, Holding(field="category", weights=PATHS), 3)
        assert [(hit.id, hit.score) for hit in summed.hits] == [("p01", 3.0), ("p05", 2.5), ("p02", 1.0)]
        best = search(shop, Holding(field="category", weights=PATHS, best=True), 3)
        assert [(hit.id, hit.score) for hit in best.hits] == [("p05", 2.5), ("p01", 2.0), ("p02", 1.0)]
        assert summed.total == best.total == 6

    def test_given_products_can_be_asked_for(self, shop: Engine) -> None:
        asked = Holding(field="id", weights={"p09": 1.0, "p03": 3.0, "gone": 5.0, "p01": 2.0})
        assert found(shop, asked) == ["p03", "p01", "p09"]
        assert found(shop, asked, filter=Term(field="brand", value="HP")) == ["p01"]
        assert found(shop, Holding(field="id", weights={"gone": 1.0})) == []

    def test_equal_weights_come_in_id_order_also_at_the_cut(self, crowd: Engine) -> None:
        result = search(crowd, Holding(field="brand", weights={"Common": 1.0}), 7)
        assert ids(result) == [f"c{n:05d}" for n in range(7)]
        assert result.total == CROWD - CROWD // 100

    def test_as_many_values_as_are_allowed(self, crowd: Engine) -> None:
        weights = {f"c{n:05d}": float(n + 1) for n in range(MAX_VALUES)}
        for best in (False, True):
            result = search(crowd, Holding(field="id", weights=weights, best=best), 2)
            assert ids(result) == [f"c{MAX_VALUES - 1:05d}", f"c{MAX_VALUES - 2:05d}"]
            assert result.total == MAX_VALUES

    def test_filter_facets_order_and_stored_values_as_for_any_search(self, shop: Engine) -> None:
        clause = Holding(field="category", weights={"Office": 1.0})
        cheap = Range(field="price_minor", lt=10_000)
        result = search(shop, clause, filter=cheap, facets=(Facet(field="brand"),), fields=("price_minor",))
        assert ids(result) == ["p02", "p08", "p11"]
        assert [(c.value, c.count) for c in result.facets[0].counts] == [("Bosch", 1), ("HP", 1), ("Lenovo", 1)]
        assert [hit.fields["price_minor"] for hit in result.hits] == [8950, 0, 1250]
        by_price = search(shop, clause, 2, filter=cheap, sort=(Sort(field="price_minor"),))
        assert ids(by_price) == ["p08", "p11"]
        assert search(shop, clause, 0).total == 5

    @pytest.mark.parametrize("value", ["*", "a\ud800", 'x" OR 1', "n" * 400])
    def test_a_value_is_data(self, shop: Engine, value: str) -> None:
        assert found(shop, Holding(field="brand", weights={value: 1.0, "Bosch": 2.0})) == ["p06", "p10", "p11"]

    def test_what_cannot_be_asked_is_refused(self, shop: Engine) -> None:
        with pytest.raises(UnsupportedFeature, match="no keywords"):
            search(shop, Holding(field="price_minor", weights={"1": 1.0}))
        with pytest.raises(InvalidFilter, match="nonsense"):
            search(shop, Holding(field="nonsense", weights={"1": 1.0}))
        for weights in ({}, {"a": 0.0}, {"a": float("nan")}, {str(n): 1.0 for n in range(MAX_VALUES + 1)}):
            with pytest.raises(InvalidQuery):
                Holding(field="id", weights=weights)
