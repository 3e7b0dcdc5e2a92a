from __future__ import annotations

import math
from decimal import Decimal

import pytest

from multirecall.indexer.prices import MAX_PRICE_MINOR, minor_digits, to_price


@pytest.mark.parametrize(
    ("value", "minor", "currency"),
    [
        ("12,50 €", 1250, "EUR"),
        ("1.299,00", 129900, None),
        ("$1,299.00", 129900, "USD"),
        ("1299", 129900, None),
        (12.5, 1250, None),
        (19.99, 1999, None),  # 19.99 * 100 is 1998.9999999999998 in floating point
        (Decimal("0.005"), 1, None),
        ("EUR 12.50", 1250, "EUR"),
        ("ab 12,50 €", 1250, "EUR"),
        ("1 299,00 €", 129900, "EUR"),
        ("1\u202f299,00 EUR", 129900, "EUR"),
        ("CHF 1'299.00", 129900, "CHF"),
        ("1.299", 129900, None),  # a sign before exactly three digits groups thousands
        ("1,299,000", 129900000, None),
        ("0.299", 30, None),  # nothing before it to group
        ("12.5000", 1250, None),
        ("1299.-", 129900, None),
        ("¥1500", 1500, "JPY"),
        ("KWD 1,250", 1250000, "KWD"),
        (0, 0, None),
        ("5 kr", 500, None),
    ],
)
def test_prices_as_catalogues_write_them(value: object, minor: int, currency: str | None) -> None:
    assert to_price(value, unit="major", currency=None) == (minor, currency)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("free", "holds no amount"), ("10 - 20 €", "more than one amount"), ("-3", "below zero"), (-1, "below zero"),
        (math.inf, "not a finite number"), (True, "is a bool"), ([5], "is a list"),
        (MAX_PRICE_MINOR, "is above"), ("9" * 40, "is above"),
    ],
)  # fmt: skip
def test_what_is_no_price_raises(value: object, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        to_price(value, unit="major", currency=None)


@pytest.mark.parametrize("value", [None, "", "  ", math.nan])
def test_no_price_is_none(value: object) -> None:
    assert to_price(value, unit="minor", currency="EUR") is None


def test_minor_units_are_taken_as_they_are() -> None:
    assert to_price(4995, unit="minor", currency="EUR") == (4995, "EUR")
    assert to_price("4995", unit="minor", currency="JPY") == (4995, "JPY")


def test_a_stated_decimal_sign_decides() -> None:
    assert to_price("1.299", unit="major", currency=None, decimal=".") == (130, None)
    assert to_price("1.299", unit="major", currency=None, decimal=",") == (129900, None)
    assert to_price("1,299", unit="major", currency=None, decimal=",") == (130, None)


def test_currency_of_the_text_goes_first_but_a_shared_symbol_does_not() -> None:
    assert to_price("5 EUR", unit="major", currency="USD") == (500, "EUR")
    assert to_price("$5", unit="major", currency="AUD") == (500, "AUD")
    assert to_price("$5", unit="major", currency=None) == (500, "USD")


def test_minor_digits() -> None:
    assert [minor_digits(c) for c in ("EUR", "JPY", "KWD", None)] == [2, 0, 3, 2]
