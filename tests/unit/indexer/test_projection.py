from __future__ import annotations

from typing import Any

from multirecall.core.product import Product
from multirecall.engines.fields import MAX_KEYWORD_CHARS
from multirecall.indexer import projection
from multirecall.indexer.texts import TextTemplate, text_hash


def to_record(product: Product, numeric_attributes: tuple[str, ...] = ()) -> tuple[dict[str, Any], str]:
    return projection.to_record(
        product, template=TextTemplate(), language="english", numeric_attributes=numeric_attributes
    )


def test_a_bare_product_has_only_the_fields_it_fills() -> None:
    record, text = to_record(Product(id="1", title="Lamp"))
    assert record == {"id": "1", "title": "Lamp", "match_text": "lamp\t\t\t\t", "content_hash": text_hash("Lamp")}
    assert text == "Lamp"


def test_categories_are_all_prefixes_of_the_path() -> None:
    record, _ = to_record(Product(id="1", title="x", category_path=("A", "B", "C")))
    assert record["category"] == ["A", "A > B", "A > B > C"]
    assert record["category_path"] == ["A", "B", "C"]


def test_attributes_are_pairs_names_numbers_and_text() -> None:
    product = Product(
        id="1",
        title="x",
        attributes={
            "width": 17.0,
            "depth": 2.5,
            "wi_fi": True,
            "nfc": False,
            "kind": "desk",
            "colour": ("red", "blue"),
        },
    )
    record, _ = to_record(product, numeric_attributes=("width", "kind"))
    assert record["attribute_pairs"] == [
        "width=17", "depth=2.5", "wi_fi=true", "nfc=false", "kind=desk", "colour=red", "colour=blue",
    ]  # fmt: skip
    assert record["attribute_names"] == ["width", "depth", "wi_fi", "nfc", "kind", "colour"]
    assert record["attribute_numbers"] == {"width": 17.0}
    assert record["attributes_text"] == "wi fi\ndesk\nred\nblue"
    assert record["attributes"]["colour"] == ["red", "blue"]


def test_long_pairs_cannot_be_filtered_but_stay_searchable() -> None:
    long = "x" * MAX_KEYWORD_CHARS
    record, _ = to_record(Product(id="1", title="x", attributes={"a": long, "b": "y"}))
    assert record["attribute_pairs"] == ["b=y"]
    assert record["attributes_text"] == f"{long}\ny"


def test_codes_come_from_identifiers_title_and_attributes_but_not_from_names_in_words() -> None:
    product = Product(
        id="1",
        title="HP LJ-4250 toner",
        identifiers=("CB-436A", "Glamour of the Night 1000 pcs"),
        attributes={"compatibility": "DCP-130C, MFC 230C", "kind": "laser"},
    )
    codes = set(to_record(product)[0]["codes"])
    assert {"cb436a", "lj4250", "dcp130c", "mfc230c"} <= codes
    assert not {"of", "the", "night", "laser"} & codes


def test_the_content_hash_covers_what_the_encoder_reads_and_nothing_else() -> None:
    def content_hash(**fields: object) -> object:
        return to_record(Product(id="1", title="Lamp", **fields))[0]["content_hash"]  # type: ignore[arg-type]

    assert content_hash(price_minor=5, in_stock=True) == content_hash(price_minor=9, brand="Acme")
    assert content_hash(description="a") != content_hash(description="b")
