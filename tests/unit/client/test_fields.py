"""What Field builds is what the service reads."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multirecall.core.filters import Exists, Not, Range, Term, Terms
from multirecall.core.query import Facet, Sort
from multirecall.search.filter_syntax import parse_facet, parse_filter, parse_sort
from multirecall_client import Bucket, Field, InvalidArgument

brand, price = Field("brand"), Field("price")

SAYABLE = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=30).filter(
    lambda text: text == text.strip() and text != "*" and "|" not in text
)


@given(SAYABLE)
def test_any_text_that_it_takes_is_read_as_that_value(text: str) -> None:
    assert parse_filter(brand == text) == Term(field="brand", value=text)
    assert parse_filter(brand != text) == Not(part=Term(field="brand", value=text))


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_any_number_is_read_as_that_number(number: float) -> None:
    assert parse_filter(Field("popularity") >= number) == Range(field="popularity", gte=number)


def test_each_form_is_read_as_it_is_meant() -> None:
    assert parse_filter(price <= Decimal("12.50")) == Range(field="price_minor", lte=1250.0)
    assert parse_filter(price < 10) == Range(field="price_minor", lt=1000.0)
    assert parse_filter(price > 10.0) == Range(field="price_minor", gt=1000.0)
    assert parse_filter(brand.one_of("HP", "Dell")) == Terms(field="brand", values=("HP", "Dell"))
    assert parse_filter(brand.none_of("a=b", "Dell")) == Not(part=Terms(field="brand", values=("a=b", "Dell")))
    assert parse_filter(brand.exists()) == Exists(field="brand")
    assert parse_filter(brand.missing()) == Not(part=Exists(field="brand"))
    assert parse_filter(Field("in_stock") == True) == Term(field="in_stock", value=True)  # noqa: E712
    assert parse_facet(brand.counts(5)) == Facet(field="brand", size=5)
    assert parse_facet(price.ranges(10, 12.5)) == Facet(field="price_minor", edges=(1000.0, 1250.0))
    assert parse_sort([price.ascending(), Field("popularity").descending()]) == (
        Sort(field="price_minor", descending=False),
        Sort(field="popularity", descending=True),
    )


@pytest.mark.parametrize("value", ["", " HP", "HP ", "*", "a|b", math.nan, math.inf, None, b"HP"])
def test_what_a_filter_cannot_say_is_refused_by_name(value: object) -> None:
    with pytest.raises(InvalidArgument, match="'brand'"):
        brand == value  # noqa: B015


@pytest.mark.parametrize("name", ["", "  ", "a=b", "a<b", "a!"])
def test_a_name_that_a_filter_cannot_say_is_refused(name: str) -> None:
    with pytest.raises(InvalidArgument, match="a name"):
        Field(name)


def test_facets_and_sorts_cannot_say_a_name_with_a_colon_but_filters_can() -> None:
    field = Field("attributes.size: inner")
    assert parse_filter(field == "3") == Term(field="attributes.size: inner", value="3")
    for build in (field.counts, field.ascending, field.descending, lambda: field.ranges(1)):
        with pytest.raises(InvalidArgument, match="colon"):
            build()
    for build in (field.one_of, field.ranges):
        with pytest.raises(InvalidArgument, match="needs"):
            build()


def test_a_field_is_no_key() -> None:
    with pytest.raises(TypeError):
        hash(brand)


@pytest.mark.parametrize(
    ("bucket", "filters"),
    [
        ({"key": "HP", "count": 1}, ["brand=HP"]),
        ({"key": False, "count": 1}, ["brand=false"]),
        ({"from": None, "to": 1000.0, "count": 1}, ["brand<1000"]),
        ({"from": 1000.0, "to": 2550.5, "count": 1}, ["brand>=1000", "brand<2550.5"]),
        ({"from": 1000.0, "to": None, "count": 1}, ["brand>=1000"]),
    ],
)
def test_a_bucket_says_how_it_is_chosen(bucket: dict[str, object], filters: list[str]) -> None:
    assert Bucket.model_validate(bucket).filters("brand") == filters
