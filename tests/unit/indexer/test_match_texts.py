from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multirecall.core.match_text import MAX_MATCH_TEXT_CHARS, MatchText
from multirecall.core.product import Product
from multirecall.engines.analysis import terms
from multirecall.engines.schema import LANGUAGES
from multirecall.indexer.match_texts import match_text
from multirecall.indexer.projection import to_record
from multirecall.indexer.texts import TextTemplate

LAMP = Product(
    id="1",
    title="Desk lamps & desk lights LX-200",
    brand="Société Lux Lux",
    category_path=("Home", "Lamps"),
    attributes={"Screen size": 17.0, "lit": True, "colour": ("Warm white", "red")},
    description="Lighting for desks. Red lamps, warm lamps.",
    identifiers=("LX-200",),
    price_minor=990,
)


def made(product: Product, language: str = "english") -> MatchText:
    record, _ = to_record(product, template=TextTemplate(), language=language)
    return MatchText.of(record["match_text"])


def test_the_words_of_a_product_each_in_its_part() -> None:
    record, _ = to_record(LAMP, template=TextTemplate(), language="english")
    assert MatchText.of(record["match_text"]) == MatchText(
        title=("desk", "lamp", "desk", "light", "lx", "200"),
        brand=("societ", "lux"),
        attribute_names=("Screen_size", "colour", "lit"),
        codes=tuple(record["codes"]),
        other=("home", "lit", "warm", "white", "red", "for"),
    )
    assert "lx200" in record["codes"]


def test_terms_are_those_of_the_language() -> None:
    german = made(LAMP, "german")
    assert german.title == tuple(terms(LAMP.title, "german")) != made(LAMP).title
    assert made(LAMP, "none").brand == ("societe", "lux")


def test_price_and_stock_are_no_words() -> None:
    other = Product(**{f: getattr(LAMP, f) for f in LAMP.__slots__} | {"price_minor": 5, "in_stock": False})
    assert made(other) == made(LAMP)


def test_a_long_description_is_cut_and_the_codes_stay() -> None:
    product = Product(id="1", title="Lamp LX-200", description=" ".join(f"word{n}" for n in range(5_000)))
    record, _ = to_record(product, template=TextTemplate(), language="none")
    found = MatchText.of(record["match_text"])
    assert found.codes == tuple(record["codes"])
    assert len(record["match_text"]) <= MAX_MATCH_TEXT_CHARS
    assert found.other == tuple(f"word{n}" for n in range(len(found.other)))


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@pytest.mark.parametrize("language", LANGUAGES)
@given(title=texts, brand=texts, name=texts, value=texts, description=texts)
def test_whatever_a_product_says_can_be_read_back(
    language: str, title: str, brand: str, name: str, value: str, description: str
) -> None:
    product = Product(id="1", title=title, brand=brand, attributes={name: value}, description=description)
    found = match_text(product, codes=("lx200",), spoken=[value], language=language)
    assert MatchText.of(found.to_text()) == found
    assert not set(found.other) & {*found.title, *found.brand}
