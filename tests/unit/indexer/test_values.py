from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal

import pytest

from multirecall.indexer.values import is_missing, to_bool, to_number, to_timestamp


@pytest.mark.parametrize("value", [None, "", " \n", math.nan])
def test_missing_values_are_none_everywhere(value: object) -> None:
    assert is_missing(value)
    assert to_number(value) is None
    assert to_bool(value) is None
    assert to_timestamp(value) is None


@pytest.mark.parametrize(("value", "number"), [(3, 3.0), (" 2.5 ", 2.5), (Decimal("0.1"), 0.1), ("1e3", 1000.0)])
def test_numbers(value: object, number: float) -> None:
    assert to_number(value) == number


@pytest.mark.parametrize("value", [True, "12 cm", "1_000", math.inf, "inf", [1], "١x"])
def test_what_is_no_number_raises(value: object) -> None:
    with pytest.raises(ValueError, match="number"):
        to_number(value)


@pytest.mark.parametrize(
    ("value", "yes"),
    [
        (True, True), (1, True), (0, False), ("0", False), ("25", True), ("In Stock", True), ("in_stock", True),
        ("https://schema.org/OutOfStock", False), ("out of stock", False), ("preorder", False), ("backorder", True),
        ("ja", True), ("Nicht lieferbar", False), (2.5, True), ("-3", False),
    ],
)  # fmt: skip
def test_stock_words_and_quantities(value: object, yes: bool) -> None:
    assert to_bool(value) is yes


@pytest.mark.parametrize("value", ["maybe", [True]])
def test_what_is_neither_yes_nor_no_raises(value: object) -> None:
    with pytest.raises(ValueError, match="yes"):
        to_bool(value)


MOMENT = dt.datetime(2024, 12, 31, tzinfo=dt.UTC).timestamp()


@pytest.mark.parametrize(
    "value",
    [
        "2024-12-31", "2024-12-31T00:00:00Z", "2024-12-31T01:00:00+01:00", "2024-12-31 00:00:00", "31.12.2024",
        "2024/12/31", MOMENT, str(int(MOMENT)), MOMENT * 1_000, dt.date(2024, 12, 31), dt.datetime(2024, 12, 31),
    ],
)  # fmt: skip
def test_dates_of_all_forms_are_the_same_second(value: object) -> None:
    assert to_timestamp(value) == MOMENT


@pytest.mark.parametrize("value", ["yesterday", "12/31/2024", -5, True, "9" * 30])
def test_what_is_no_date_raises(value: object) -> None:
    with pytest.raises(ValueError, match="is not a date"):
        to_timestamp(value)
