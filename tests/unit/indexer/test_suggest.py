"""Suggestions for catalogues in the shapes that shops export."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from multirecall.core.errors import InvalidMapping
from multirecall.indexer.mapping import read_mapping
from multirecall.indexer.mapping_toml import to_toml
from multirecall.indexer.suggest import suggest_mapping

TEXT = "The lamp is made of oak and it gives a warm light to the room for all of the family and it is easy to clean."


def _shopify() -> list[dict[str, str]]:
    rows = []
    for i in range(60):
        first = i % 3 == 0
        rows.append(
            {
                "Handle": f"lamp-{i // 3}", "Title": f"Lovely lamp {i}" if first else "",
                "Body (HTML)": f"<p>{TEXT}</p>" if first else "", "Vendor": "Acme" if first else "",
                "Product Category": "Home > Lamps" if first else "", "Type": "Lamp" if first else "",
                "Option1 Name": "Size", "Option1 Value": "SML"[i % 3], "Variant SKU": f"LA-{i}",
                "Variant Inventory Qty": str(i % 4), "Variant Price": "19.99", "Variant Barcode": f"40063813339{i:02d}",
                "Image Src": "https://cdn.example/lamp.jpg", "SEO Title": "Lamp", "Status": "active",
            }
        )  # fmt: skip
    return rows


def test_shopify() -> None:
    suggestion = suggest_mapping(_shopify())
    mapping = suggestion.mapping
    assert (mapping.id, mapping.title, mapping.description) == (("Handle",), ("Title",), ("Body (HTML)",))
    assert mapping.brand == ("Vendor",)
    assert mapping.category is not None
    assert (mapping.category.field, mapping.category.separator) == (("Product Category",), " > ")
    assert mapping.identifiers == ("Variant SKU", "Variant Barcode")
    assert mapping.in_stock == ("Variant Inventory Qty",)
    assert mapping.image_url == ("Image Src",)
    assert mapping.price is not None
    assert (mapping.price.field, mapping.price.unit, mapping.price.decimal) == (("Variant Price",), "major", ".")
    assert set(mapping.attributes.fields) == {"Type", "Option1 Name", "Option1 Value"}
    assert any("only the first is indexed" in w for w in suggestion.warnings)


def test_magento() -> None:
    rows = [
        {
            "sku": f"24-MB{i:02d}", "product_type": "simple", "name": f"Joust Duffle Bag {i}",
            "description": f"<p>{TEXT}</p>",
            "categories": "Default/Gear/Bags,Default/Gear/New", "price": "34.0000", "weight": f"{i}.5",
            "base_image": "/m/b/mb01.jpg", "is_in_stock": "1", "updated_at": "2024-03-01 10:00:00",
        }
        for i in range(40)
    ]  # fmt: skip
    mapping = suggest_mapping(rows).mapping
    assert (mapping.id, mapping.title, mapping.identifiers) == (("sku",), ("name",), ("sku",))
    assert mapping.category is not None
    assert (mapping.category.separator, mapping.category.paths_separator) == ("/", ",")
    assert (mapping.in_stock, mapping.updated_at) == (("is_in_stock",), ("updated_at",))
    assert mapping.price is not None
    assert mapping.price.unit == "major"
    assert mapping.numeric_attributes == ("weight",)


def test_esci() -> None:
    rows = [
        {
            "product_id": f"B00{i:04d}XY", "product_title": f"Great lamp number {i}",
            "product_description": TEXT if i % 2 else None, "product_bullet_point": TEXT, "product_brand": "Acme",
            "product_color": "Red", "product_locale": "us",
        }
        for i in range(40)
    ]  # fmt: skip
    mapping = suggest_mapping(rows).mapping
    assert (mapping.id, mapping.title, mapping.brand) == (("product_id",), ("product_title",), ("product_brand",))
    assert mapping.description == ("product_description", "product_bullet_point")
    assert mapping.attributes.fields == ("product_color",)
    assert mapping.price is None


def test_wands() -> None:
    rows = [
        {
            "product_id": str(i), "product_name": f"solid wood platform bed {i}", "product_class": "Beds",
            "category hierarchy": "Furniture / Bedroom / Beds", "product_description": TEXT,
            "product_features": "width : 64.7|style : modern", "rating_count": "15.0", "review_count": f"{i}.0",
        }
        for i in range(40)
    ]  # fmt: skip
    mapping = suggest_mapping(rows).mapping
    assert (mapping.id, mapping.title) == (("product_id",), ("product_name",))
    assert mapping.category is not None
    assert (mapping.category.field, mapping.category.separator) == (("category hierarchy",), " / ")
    assert mapping.popularity == ("review_count",)
    assert set(mapping.attributes.fields) == {"product_features", "product_class", "rating_count"}


def test_nested_json() -> None:
    rows = [
        {
            "id": i, "title": f"Lamp number {i}", "body_html": TEXT, "vendor": {"name": "Acme"}, "permalink": "https://x/y",
            "images": [{"src": "https://x/y.jpg"}], "attributes": {"colour": "red", "width": i}, "currency": "EUR",
            "price": 12.5,
        }
        for i in range(40)
    ]  # fmt: skip
    mapping = suggest_mapping(rows).mapping
    assert (mapping.brand, mapping.image_url, mapping.url) == (("vendor.name",), ("images.src",), ("permalink",))
    assert mapping.attributes.fields == ("attributes",)
    assert mapping.numeric_attributes == ("attributes_width",)
    assert mapping.price is not None
    assert (mapping.price.unit, mapping.price.currency_field) == ("major", "currency")


@pytest.mark.parametrize(
    ("name", "values", "unit", "decimal", "warned"),
    [
        ("price", [1995, 4995, 12999] * 9, "minor", "auto", True),
        ("price", [12, 25, 99] * 9, "major", "auto", True),
        ("price", [1000003, 2718281, 31415] * 9, "major", "auto", True),  # not one ends like a price in cents
        ("price_cents", [12, 25, 99] * 9, "minor", "auto", False),
        ("price", ["12,50 €", "1.299,00 €", "5,00 €"] * 9, "major", ",", False),
        ("price", ["1299.00", "5.5", "12.50"] * 9, "major", ".", False),
        ("price", [12.5, 13.0, 99.99] * 9, "major", "auto", False),
    ],
)
def test_prices_in_cents_or_whole_units(name: str, values: list[Any], unit: str, decimal: str, warned: bool) -> None:
    suggestion = suggest_mapping([{"id": f"a{i}", "title": f"Lamp number {i}", name: v} for i, v in enumerate(values)])
    assert suggestion.mapping.price is not None
    assert (suggestion.mapping.price.unit, suggestion.mapping.price.decimal) == (unit, decimal)
    assert any("is a guess" in w for w in suggestion.warnings) is warned


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (TEXT, "english"),
        ("Die Lampe ist aus Eiche und gibt ein warmes Licht für das Zimmer und ist nicht zu hell", "german"),
        ("La lampe est dans une boîte et avec un câble pour la maison, sur le bureau ou dans la chambre", "french"),
        ("4711 0815", "english"),
    ],
)
def test_language_by_common_words(text: str, language: str) -> None:
    rows = [{"id": f"a{i}", "title": f"Lamp number {i}", "description": text} for i in range(40)]
    assert suggest_mapping(rows).mapping.language == language


def test_an_id_that_repeats_is_taken_with_a_warning() -> None:
    rows = [{"product_id": i // 2, "title": f"Lamp number {i}"} for i in range(40)]
    suggestion = suggest_mapping(rows)
    assert suggestion.mapping.id == ("product_id",)
    assert "repeats in 50%" in suggestion.warnings[0]


def test_an_id_without_a_name_is_guessed_from_its_values() -> None:
    rows = [{"what": f"Lamp number {i}", "key": f"k{i}"} for i in range(40)]
    suggestion = suggest_mapping(rows)
    assert (suggestion.mapping.id, suggestion.mapping.title) == (("key",), ("what",))
    assert "is a guess" in suggestion.warnings[0]


@pytest.mark.parametrize(
    ("rows", "field"), [([{"a": "x", "b": 1}] * 30, "id"), ([{"id": i, "n": 5} for i in range(30)], "title")]
)
def test_without_any_id_or_title_the_error_lists_the_fields(rows: list[dict[str, Any]], field: str) -> None:
    with pytest.raises(InvalidMapping, match=f"No field can be the product {field}") as error:
        suggest_mapping(rows)
    assert ", ".join(rows[0]) in error.value.hint


def test_toml_reads_back_to_the_same_mapping(tmp_path: Path) -> None:
    odd = {f'attr_"odd"\n{i}\x7f': i for i in range(40)}
    for rows in (_shopify(), [{"id": i, "title": f"Lamp number {i}", "price": 1999, **odd} for i in range(40)]):
        suggestion = suggest_mapping(rows)
        path = tmp_path / "multirecall.toml"
        path.write_text(to_toml(suggestion), encoding="utf-8")
        assert read_mapping(path) == suggestion.mapping
        for warning in suggestion.warnings:
            assert f"# CHECK {warning}" in path.read_text(encoding="utf-8")
