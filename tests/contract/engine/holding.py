"""Products asked for by the values that they hold in a keyword field, each with a weight; the labels of models."""

from __future__ import annotations

import pytest

from multirecall.core.errors import InvalidFilter, InvalidQuery, UnsupportedFeature
from multirecall.core.filters import Range, Term, Terms
from multirecall.core.query import Facet, Sort
from multirecall.engines.base import MAX_VALUES, Engine, Everything, Holding, Update
from multirecall.engines.fields import MAX_KEYWORD_CHARS
from multirecall.engines.schema import LabelField
from tests.contract.asking import found, ids, put, search
from tests.contract.shop import CROWD, contract_schema
from tests.support.records import product, upsert

__all__ = ["HoldingContract", "LabelContract"]

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


SID = LabelField(name="sid", labeller="model", fingerprint="0" * 16)
GRAM = LabelField(name="gram", labeller="model", fingerprint="1" * 16)


class LabelContract:
    @pytest.fixture
    def labelled(self, fresh: Engine) -> Engine:
        """Three products with labels of two models, one without any."""
        fresh.swap(fresh.create(contract_schema(fresh.capabilities, labels=(SID, GRAM))))
        too_long = GRAM.value("x" * MAX_KEYWORD_CHARS)
        put(
            fresh,
            product("1", "Lamp", labels=[SID.value("a1 b2"), GRAM.value("acme | lamp"), too_long]),
            product("2", "Lamp", labels=[SID.value("a1 b3"), GRAM.value("lamp"), GRAM.value("acme | lamp")]),
            product("3", "Chair", labels=[SID.value("a7")]),
            product("4", "Chair"),
        )
        return fresh

    def test_labels_are_asked_for_filtered_by_and_come_back_sorted(self, labelled: Engine) -> None:
        assert labelled.info().schema.labels == (SID, GRAM)
        asked = Holding(field="labels", weights={"gram=lamp": 1.0, "gram=acme | lamp": 2.0, "sid=a7": 0.5})
        result = search(labelled, asked, fields=("labels",))
        assert [(hit.id, hit.score) for hit in result.hits] == [("2", 3.0), ("1", 2.0), ("3", 0.5)]
        assert [hit.fields["labels"] for hit in result.hits] == [
            ("gram=acme | lamp", "gram=lamp", "sid=a1 b3"), ("gram=acme | lamp", "sid=a1 b2"), ("sid=a7",)
        ]  # fmt: skip
        assert found(labelled, Everything(), filter=Terms(field="labels", values=("sid=a7", "sid=a1 b2"))) == ["1", "3"]
        assert (
            search(labelled, Everything(), fields=("labels",), filter=Term(field="id", value="4")).hits[0].fields == {}
        )

    def test_labels_outlive_a_new_price_and_go_with_a_new_record(self, labelled: Engine) -> None:
        lamps = Holding(field="labels", weights={"gram=acme | lamp": 1.0})
        put(labelled, Update(id="1", fields={"price_minor": 100}))
        assert found(labelled, lamps) == ["1", "2"]
        put(labelled, upsert("1", "Lamp", labels=[SID.value("a9")]))
        assert found(labelled, lamps) == ["2"]
        assert found(labelled, Holding(field="labels", weights={"sid=a9": 1.0})) == ["1"]

    def test_a_label_of_no_field_of_the_index_is_refused(self, labelled: Engine) -> None:
        [result] = labelled.write([upsert("5", "Lamp", labels=["other=x"])])
        assert (result.ok, result.status) == (False, "rejected")
        assert "it has: sid, gram" in result.error

    def test_an_index_without_labels_says_so(self, shop: Engine) -> None:
        with pytest.raises(InvalidFilter, match="no labels"):
            search(shop, Holding(field="labels", weights={"sid=a7": 1.0}))
