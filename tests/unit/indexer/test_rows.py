"""A row becomes a product or says why not; a bad value costs only itself and is counted."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pytest

from multirecall.core.product import Product
from multirecall.indexer.mapping import Mapping
from multirecall.indexer.rows import MAX_DESCRIPTION_CHARS, Reject, RowReader
from multirecall.indexer.sources import BrokenRow, SourceRow

MAPPING = Mapping.from_dict(
    {
        "id": "id",
        "title": "title",
        "description": ["short", "long"],
        "brand": ["brand", "maker.name"],
        "category": {"field": "category", "separator": ">"},
        "price": {"field": ["sale", "price"], "currency": "EUR", "currency_field": "cur"},
        "identifiers": ["mpn", "ean"],
        "image_url": "image",
        "url": "url",
        "in_stock": "stock",
        "popularity": "sales",
        "updated_at": "changed",
        "version": "version",
        "attributes": {"prefixes": ["attr_"], "fields": ["colour", "specs"]},
        "numeric_attributes": ["width"],
    }
)


def _row(**record: Any) -> SourceRow:
    return SourceRow(file="shop.json", row=3, line=7, record=record)


def _product(reader: RowReader, **record: Any) -> Product:
    product = reader.read(_row(**{"id": "1", "title": "Lamp", **record}))
    assert isinstance(product, Product)
    return product


def test_a_full_row_becomes_a_product() -> None:
    reader = RowReader(MAPPING)
    product = reader.read(
        _row(
            id=" A-1 ", title="Lamp &amp; Shade", short="Bright<br />warm", long="Lasts long", maker={"name": "Acme"},
            category="Home > Light &amp; Lamps", sale="", price="12,50", cur="usd", mpn="LJ-4250",
            ean=["4006381333931", 4006381333931, ""], image="http://x/y.jpg", url="/lamp", stock="in stock", sales="17",
            changed="2024-12-31", version="3", attr_width="17.5", attr_kind="desk", colour=["red", "blue"],
            specs={"Power (W)": 5, "Cable": {"Length": "2 m"}}, other="not mapped",
        )
    )  # fmt: skip
    assert product == Product(
        id="A-1",
        title="Lamp & Shade",
        description="Bright warm. Lasts long",
        brand="Acme",
        category_path=("Home", "Light & Lamps"),
        attributes={
            "width": 17.5, "kind": "desk", "colour": ("red", "blue"), "specs_power_w": 5.0, "specs_cable_length": "2 m",
        },
        identifiers=("LJ-4250", "4006381333931"),
        price_minor=1250,
        currency="USD",
        in_stock=True,
        popularity=17.0,
        updated_at=dt.datetime(2024, 12, 31, tzinfo=dt.UTC).timestamp(),
        version=3,
        url="/lamp",
        image_url="http://x/y.jpg",
    )  # fmt: skip
    assert reader.warnings.counts == {}


@pytest.mark.parametrize(
    ("value", "product_id"), [(17, "17"), (17.0, "17"), (" x y ", "x y"), ("é" * 256, "é" * 256), (Decimal(9), "9")]
)
def test_ids_are_texts(value: object, product_id: str) -> None:
    assert _product(RowReader(MAPPING), id=value).id == product_id


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "missing"), ("  ", "missing"), (float("nan"), "missing"), ([], "missing"),
        ("é" * 257, "longer than 512"),
        ("a\x00b", "control character"), ("a\ud800", "lone surrogate"), (True, "is a bool"), ({"a": 1}, "is a dict"),
        (float("inf"), "not a finite number"),
    ],
)  # fmt: skip
def test_rows_without_a_usable_id_are_rejected(value: object, reason: str) -> None:
    reject = RowReader(MAPPING).read(_row(id=value, title="Lamp"))
    assert isinstance(reject, Reject)
    assert (reject.file, reject.row, reject.line, reject.field) == ("shop.json", 3, 7, "id")
    assert reason in reject.reason
    assert json.loads(reject.record)["title"] == "Lamp"


def test_rows_with_neither_title_nor_description_are_rejected() -> None:
    reader = RowReader(MAPPING)
    reject = reader.read(_row(id="1", title="<br />", short=" "))
    assert isinstance(reject, Reject)
    assert (reject.field, reject.reason) == ("title", "neither title nor description")
    product = reader.read(_row(id="1", short="A lamp"))
    assert isinstance(product, Product)
    assert (product.title, product.description) == ("", "A lamp")
    assert reader.warnings.counts == {"title: missing": 1}


@pytest.mark.parametrize(
    ("field", "value", "role", "reason"),
    [
        ("price", "ask us", "price", "holds no amount"),
        ("price", -5, "price", "is below zero"),
        ("cur", "euros", "currency", "is not a currency code of three letters"),
        ("stock", "perhaps", "in_stock", "is neither yes nor no nor a quantity"),
        ("sales", "many", "popularity", "is not a number"),
        ("sales", -1, "popularity", "is below zero"),
        ("changed", "yesterday", "updated_at", "is not a date (ISO 8601 or seconds since 1970)"),
        ("version", 1.5, "version", "is not a whole number of 0 or more"),
        ("url", "javascript:alert(1)", "url", "is not a web address"),
        ("image", 5, "image_url", "is a int, not an address"),
        ("brand", True, "brand", "is a bool, not text"),
        ("mpn", "x" * 129, "identifiers", "longer than 128 characters, left out"),
    ],
)
def test_a_bad_optional_value_costs_only_itself(field: str, value: object, role: str, reason: str) -> None:
    reader = RowReader(MAPPING)
    product = _product(reader, **{field: value})
    assert product == Product(id="1", title="Lamp")
    assert reader.warnings.counts == {f"{role}: {reason}": 1}
    assert reader.warnings.examples[f"{role}: {reason}"].startswith("shop.json, line 7: ")


def test_the_next_field_of_a_role_is_tried_after_a_bad_one() -> None:
    reader = RowReader(MAPPING)
    assert _product(reader, sale="soon", price=5).price_minor == 500
    assert reader.warnings.counts == {"price: holds no amount": 1}


def test_a_description_of_two_megabytes_is_cut_and_counted() -> None:
    reader = RowReader(MAPPING)
    assert len(_product(reader, long="word " * 400_000).description) <= MAX_DESCRIPTION_CHARS
    assert list(reader.warnings.counts) == ["description: longer than 100,000 characters, cut"]


def test_nul_bytes_and_lone_surrogates_in_texts_are_replaced() -> None:
    product = _product(RowReader(MAPPING), title="La\x00mp \udc80", attr_a="x\x00", brand="B\ud800")
    assert (product.title, product.attributes["a"], product.brand) == ("La mp \ufffd", "x", "B\ufffd")


def test_broken_rows_keep_their_reason() -> None:
    broken = BrokenRow(file="a.csv", row=2, line=3, reason="2 fields where the header has 3", text="1,2")
    reject = RowReader(MAPPING).read(broken)
    assert reject == Reject(
        file="a.csv", row=2, line=3, field="", reason="2 fields where the header has 3", record="1,2"
    )


def test_the_first_of_several_paths_is_the_category() -> None:
    mapping = Mapping.from_dict(
        {"id": "id", "title": "title", "category": {"field": "c", "separator": "/", "paths_separator": ","}}
    )
    product = _product(RowReader(mapping), c="Gear/Bags,Gear/New")
    assert product.category_path == ("Gear", "Bags")


def test_levels_may_be_fields_or_a_list() -> None:
    levels = Mapping.from_dict({"id": "id", "title": "title", "category": {"field": ["a", "b"]}})
    assert _product(RowReader(levels), a="Home", b="Lamps").category_path == ("Home", "Lamps")
    assert _product(RowReader(levels), a=["Home", "Lamps"]).category_path == ("Home", "Lamps")
