import pytest

from multirecall.core.errors import InvalidFilter
from multirecall.core.filters import And, Exists, Not, Range, Term, Terms
from multirecall.core.query import Facet, Sort
from multirecall.search.filter_syntax import parse_facet, parse_filter, parse_filters, parse_sort


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("brand=HP", Term(field="brand", value="HP")),
        (" brand = StarTech.com ", Term(field="brand", value="StarTech.com")),
        ("brand=A|B", Terms(field="brand", values=("A", "B"))),
        ("brand!=HP", Not(part=Term(field="brand", value="HP"))),
        ("brand=*", Exists(field="brand")),
        ("price=*", Exists(field="price_minor")),
        ("price<=100", Range(field="price_minor", lte=10_000.0)),
        ("price>12.5", Range(field="price_minor", gt=1_250.0)),
        ("price=19.99", Term(field="price_minor", value=1_999.0)),
        ("popularity>=3", Range(field="popularity", gte=3.0)),
        ("in_stock=yes", Term(field="in_stock", value=True)),
        ("attributes.width<20", Range(field="attributes.width", lt=20.0)),
        ("attributes.colour=Black", Term(field="attributes.colour", value="Black")),
        ("category=A > B", Term(field="category", value="A > B")),
    ],
)
def test_expressions(text: str, expected: object) -> None:
    assert parse_filter(text) == expected


def test_price_uses_the_digits_of_the_currency() -> None:
    assert parse_filter("price<=100", minor_units=0) == Range(field="price_minor", lte=100.0)


def test_several_expressions_must_all_hold() -> None:
    assert parse_filters([]) is None
    assert parse_filters(["brand=HP", "price<1"]) == And(
        parts=(Term(field="brand", value="HP"), Range(field="price_minor", lt=100.0))
    )


@pytest.mark.parametrize(
    "text", ["brand", "=HP", "brand=", "price<=ten", "price<=nan", "price=inf", "in_stock=maybe", "", "brand=|"]
)
def test_unreadable_expressions_say_what_is_read(text: str) -> None:
    with pytest.raises(InvalidFilter) as caught:
        parse_filter(text)
    assert caught.value.message


def test_facets() -> None:
    assert parse_facet("brand") == Facet(field="brand")
    assert parse_facet("brand:25") == Facet(field="brand", size=25)
    assert parse_facet("price:10,50") == Facet(field="price_minor", edges=(1_000.0, 5_000.0))
    assert parse_facet("attributes.width:1,2") == Facet(field="attributes.width", edges=(1.0, 2.0))
    for wrong in ("", "price", "brand:x"):
        with pytest.raises(InvalidFilter):
            parse_facet(wrong)


def test_sorts() -> None:
    assert parse_sort(["price", "popularity:desc"]) == (
        Sort(field="price_minor"),
        Sort(field="popularity", descending=True),
    )
    with pytest.raises(InvalidFilter):
        parse_sort(["price:up"])
