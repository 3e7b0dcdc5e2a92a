"""What a shop sends becomes an item, or an error that names the field and the fix."""

from __future__ import annotations

from typing import Any

import pytest

from multirecall.core.errors import InvalidInput
from multirecall.engines.schema import Schema
from multirecall.indexer.changes import ChangeReader
from multirecall.indexer.items import DeleteItem, RowItem, UpdateItem
from multirecall.indexer.mapping import Mapping

MAPPING = {
    "id": "sku", "title": "name", "description": "text", "in_stock": "stock", "allow_missing_fields": True,
    "price": {"field": "price", "currency": "EUR"},
}  # fmt: skip


def reader(**mapping: Any) -> ChangeReader:
    made = Mapping.from_dict({**MAPPING, **mapping})
    return ChangeReader(Schema(metadata={"mapping": made.to_dict()}))


CLOCK = reader()
SHOP = reader(version="rev")


def refused(changes: ChangeReader, change: object, field: str, *words: str) -> InvalidInput:
    """The change is refused; message and hint hold the words, and there is a hint."""
    with pytest.raises(InvalidInput) as caught:
        changes.read(change)
    error = caught.value
    assert error.data["field"] == field
    assert error.hint
    for word in words:
        assert word in str(error), str(error)
    return error


def test_who_gives_the_versions() -> None:
    assert not CLOCK.source_versions
    assert SHOP.source_versions


# ---------------------------------------------------------------- forms


@pytest.mark.parametrize("change", ["", "delete 4711", None, 7, ["delete"]])
def test_a_change_is_an_object(change: object) -> None:
    refused(CLOCK, change, "change", "JSON object", '"op"')


@pytest.mark.parametrize(
    ("change", "word"),
    [({}, "no 'op'"), ({"op": "remove"}, "remove"), ({"op": None}, "None"), ({"op": ["delete"]}, "[")],
)
def test_a_change_says_what_it_does(change: dict[str, Any], word: str) -> None:
    refused(CLOCK, change, "op", word, "upsert, update, delete")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"op": "upsert"}, "product"), ({"op": "update", "id": "1"}, "fields"), ({"op": "update", "fields": {}}, "id"),
        ({"op": "delete"}, "id"),
    ],
)  # fmt: skip
def test_what_is_missing_is_named(change: dict[str, Any], field: str) -> None:
    refused(CLOCK, change, field, f"lacks '{field}'")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"op": "delete", "id": "1", "fields": {}}, "fields"), ({"op": "upsert", "product": {}, "id": "1"}, "id"),
        ({"op": "update", "id": "1", "fields": {"price": 1}, "price": 2}, "price"),
        ({"op": "delete", "id": 1, 2: 3}, "2"),
    ],
)  # fmt: skip
def test_what_nothing_reads_is_named(change: dict[str, Any], field: str) -> None:
    refused(CLOCK, change, field, repr(field), "nothing reads")


def test_the_place_goes_before_the_message() -> None:
    with pytest.raises(InvalidInput, match=r"^line 7: A change is") as caught:
        CLOCK.read("x", "line 7")
    assert caught.value.data == {"field": "change"}
    assert caught.value.hint


# ---------------------------------------------------------------- ids


@pytest.mark.parametrize(("sent", "meant"), [("4711", "4711"), (4711, "4711"), (" 4711 ", "4711"), (12.0, "12")])
def test_ids_are_read_as_those_of_rows(sent: object, meant: str) -> None:
    row = CLOCK.read({"op": "upsert", "product": {"sku": sent, "name": "Lamp"}})
    assert row.id == meant
    assert CLOCK.read({"op": "delete", "id": sent}) == DeleteItem(id=meant)
    assert CLOCK.read({"op": "update", "id": sent, "fields": {"in_stock": 0}}).id == meant


@pytest.mark.parametrize("sent", ["", "  ", None, True, {"id": 1}, "a\x00b", "\ud800", "x" * 600, float("inf")])
@pytest.mark.parametrize("op", [{"op": "delete"}, {"op": "update", "fields": {"price": 1}}])
def test_what_is_no_id_is_refused(op: dict[str, Any], sent: object) -> None:
    refused(CLOCK, {**op, "id": sent}, "id", "The id", "in the catalogue")


# ---------------------------------------------------------------- versions


DELETE = {"op": "delete", "id": "1"}
UPDATE = {"op": "update", "id": "1", "fields": {"price": 1}}
UPSERT = {"op": "upsert", "product": {"sku": "1", "name": "Lamp"}}


@pytest.mark.parametrize("change", [DELETE, UPDATE, UPSERT])
def test_without_versions_of_the_shop_the_clock_gives_them(change: dict[str, Any]) -> None:
    assert CLOCK.read(change).version is None  # type: ignore[union-attr]
    refused(CLOCK, {**change, "version": 3}, "version", "indexed without", "Leave 'version' out")


@pytest.mark.parametrize("change", [DELETE, UPDATE])
def test_with_versions_of_the_shop_each_change_has_one(change: dict[str, Any]) -> None:
    refused(SHOP, change, "version", "has no version", "after the change")
    for version in (0, 7, 2**63 - 1):
        assert SHOP.read({**change, "version": version}).version == version  # type: ignore[union-attr]


def test_the_version_of_a_product_stands_in_its_row_or_beside_it() -> None:
    row = {"sku": "1", "name": "Lamp", "rev": "12"}
    assert SHOP.read({"op": "upsert", "product": row}) == RowItem(id="1", row=row, version=12)
    assert SHOP.read({"op": "upsert", "product": row, "version": 13}) == RowItem(id="1", row=row, version=13)
    refused(SHOP, UPSERT, "version", "rev", "no readable version")
    refused(SHOP, {"op": "upsert", "product": {**row, "rev": "new"}}, "version", "rev")


@pytest.mark.parametrize("version", [-1, 2**63, 1.5, "7", True, [7]])
@pytest.mark.parametrize("change", [DELETE, UPDATE, UPSERT])
def test_versions_are_whole_numbers(change: dict[str, Any], version: object) -> None:
    refused(SHOP, {**change, "version": version}, "version", "whole number", "quotes")


# ---------------------------------------------------------------- products


def test_a_product_travels_as_it_was_sent() -> None:
    row = {"sku": 7, "name": "Lamp", "colour": "red"}
    assert CLOCK.read({"op": "upsert", "product": row}) == RowItem(id="7", row=row)


@pytest.mark.parametrize(
    ("product", "field", "message"),
    [
        ({"name": "Lamp"}, "id", "The product has no id."),
        ({"sku": "", "name": "Lamp"}, "id", "The product has no id."),
        ({"sku": [], "name": "Lamp"}, "id", "The product has no id."),
        ({"sku": True, "name": "Lamp"}, "id", "The product's id is a bool, not text or a number."),
        ({"sku": "a\tb", "name": "Lamp"}, "id", "The product's id holds a control character."),
        ({"sku": "1", "price": 3}, "title", "The product has neither a title nor a description."),
    ],
)
def test_a_product_that_cannot_be_read_names_the_fields_of_the_mapping(
    product: dict[str, Any], field: str, message: str
) -> None:
    error = refused(CLOCK, {"op": "upsert", "product": product}, field, message)
    places = {"id": "'sku'", "title": "'name', 'text'"}
    assert error.hint == f"By the mapping it stands in {places[field]}."


@pytest.mark.parametrize("product", [None, "lamp", 7, [{"sku": "1"}]])
def test_a_product_is_an_object(product: object) -> None:
    refused(CLOCK, {"op": "upsert", "product": product}, "product", "whole row")


# ---------------------------------------------------------------- updates


@pytest.mark.parametrize(
    ("fields", "made"),
    [
        ({"price": "12,50 €"}, {"price_minor": 1250, "currency": "EUR"}),
        ({"price": 12.5}, {"price_minor": 1250, "currency": "EUR"}),
        ({"price": "9 USD"}, {"price_minor": 900, "currency": "USD"}),
        ({"price": 1250, "currency": "jpy"}, {"price_minor": 1250, "currency": "JPY"}),
        ({"currency": "jpy", "price": 1250}, {"price_minor": 1250, "currency": "JPY"}),
        ({"price": None}, {"price_minor": None}),
        ({"price": ""}, {"price_minor": None}),
        ({"price_minor": 1250}, {"price_minor": 1250}),
        ({"in_stock": "sold out"}, {"in_stock": False}),
        ({"in_stock": 3, "popularity": "2.5"}, {"in_stock": True, "popularity": 2.5}),
        ({"updated_at": "1970-01-02"}, {"updated_at": 86_400.0}),
        ({"popularity": None, "in_stock": None, "updated_at": None}, {
            "popularity": None, "in_stock": None, "updated_at": None,
        }),
    ],
)  # fmt: skip
def test_updates_are_read_as_rows_are(fields: dict[str, Any], made: dict[str, Any]) -> None:
    assert CLOCK.read({"op": "update", "id": "1", "fields": fields}) == UpdateItem(id="1", fields=made)


def test_prices_follow_the_mapping() -> None:
    minor = reader(price={"field": "price", "unit": "minor", "currency": "EUR"})
    assert minor.read(UPDATE | {"fields": {"price": 1250}}).fields == {"price_minor": 1250, "currency": "EUR"}  # type: ignore[union-attr]
    comma = reader(price={"field": "price", "decimal": ","})
    assert comma.read(UPDATE | {"fields": {"price": "1.250"}}).fields == {"price_minor": 125_000}  # type: ignore[union-attr]
    none = reader(price=None)
    assert none.read(UPDATE | {"fields": {"price": "12.50"}}).fields == {"price_minor": 1250}  # type: ignore[union-attr]


def test_where_each_product_has_its_currency_a_price_must_name_it() -> None:
    several = reader(price={"field": "price", "currency": "EUR", "currency_field": "cur"})
    refused(several, UPDATE, "currency", "has no currency", "12.50 EUR")
    for fields in ({"price": "1250 JPY"}, {"price": 1250, "currency": "JPY"}):
        assert several.read(UPDATE | {"fields": fields}).fields == {"price_minor": 1250, "currency": "JPY"}  # type: ignore[union-attr]
    assert several.read(UPDATE | {"fields": {"price": None}}).fields == {"price_minor": None}  # type: ignore[union-attr]


@pytest.mark.parametrize("fields", [None, {}, [], "price=3", 7])
def test_fields_are_an_object_with_something_in_it(fields: object) -> None:
    refused(CLOCK, {"op": "update", "id": "1", "fields": fields}, "fields", "'fields' must be an object")


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"title": "Lamp"}, "title", ("cannot change in an update", "upsert", "in_stock")),
        ({"price": 1, "version": 3}, "version", ("cannot change",)),
        ({"price": "cheap"}, "price", ("holds no amount", "12.50")),
        ({"price": -1}, "price", ("below zero",)),
        ({"price": True}, "price", ("not a price",)),
        ({"price": [1]}, "price", ("not a price",)),
        ({"price": float("nan"), "price_minor": 1}, "price", ("both", "cents")),
        ({"price_minor": "cheap"}, "price_minor", ("holds no amount", "cents")),
        ({"price_minor": -5}, "price_minor", ("below zero",)),
        ({"currency": "euro"}, "currency", ("three letters", "EUR")),
        ({"in_stock": "maybe"}, "in_stock", ("neither yes nor no", "true or false", "null")),
        ({"popularity": "high"}, "popularity", ("not a number",)),
        ({"popularity": -1}, "popularity", ("below zero",)),
        ({"popularity": float("inf")}, "popularity", ("finite",)),
        ({"updated_at": "yesterday"}, "updated_at", ("not a date", "ISO 8601")),
    ],
)
def test_what_cannot_be_set_is_named(fields: dict[str, Any], field: str, words: tuple[str, ...]) -> None:
    refused(CLOCK, {"op": "update", "id": "1", "fields": fields}, field, *words)


def test_long_values_are_cut_in_messages() -> None:
    error = refused(CLOCK, {"op": "update", "id": "1", "fields": {"price": "x" * 10_000}}, "price")
    assert len(str(error)) < 300
