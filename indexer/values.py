"""Source values to typed ones: numbers, yes and no, dates.

Each function returns None for "not said" and raises ValueError with a reason that completes "the value …" for what
cannot be read.
"""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from typing import Any

__all__ = ["is_missing", "to_bool", "to_currency", "to_number", "to_popularity", "to_timestamp"]

_YES = frozenset({
    "true", "yes", "y", "t", "1", "in stock", "in_stock", "instock", "available", "limited availability",
    "limitedavailability", "onlineonly", "backorder", "available for order", "ja", "oui", "si", "sí", "auf lager",
    "lieferbar", "verfügbar", "en stock",
})  # fmt: skip
_NO = frozenset({
    "false", "no", "n", "f", "0", "out of stock", "out_of_stock", "outofstock", "unavailable", "not available",
    "discontinued", "sold out", "soldout", "sold_out", "preorder", "pre-order", "pre_order", "nein", "non",
    "nicht lieferbar", "ausverkauft", "épuisé",
})  # fmt: skip


def is_missing(value: Any) -> bool:
    """Whether the source says nothing: None, NaN (how data frames write it), or a blank text."""
    return value is None or value != value or (isinstance(value, str) and not value.strip())


def to_number(value: Any) -> float | None:
    """A finite number from a number or a plain decimal text."""
    if is_missing(value):
        return None
    if isinstance(value, bool):
        raise ValueError("is true/false, not a number")
    if isinstance(value, int | float | Decimal):
        number = float(value)
    elif isinstance(value, str):
        try:
            number = float(value.strip())
        except ValueError:
            raise ValueError("is not a number") from None
        if "_" in value:  # Python reads 1_000; nobody else writes it
            raise ValueError("is not a number")
    else:
        raise ValueError(f"is a {type(value).__name__}, not a number")
    if not math.isfinite(number):
        raise ValueError("is not a finite number")
    return number


def to_popularity(value: Any) -> float | None:
    """A finite number of 0 or more."""
    number = to_number(value)
    if number is not None and number < 0:
        raise ValueError("is below zero")
    return number


def to_currency(value: Any) -> str | None:
    """Three capital letters."""
    text = value.strip().upper() if isinstance(value, str) else ""
    if len(text) != 3 or not text.isalpha() or not text.isascii():
        raise ValueError("is not a currency code of three letters")
    return text


def to_bool(value: Any) -> bool | None:
    """Yes or no from true/false, a quantity (above 0 is yes), or the words of shops (`in stock`, `ja`, `sold out`).

    A pre-order is not in stock; a back order is.
    """
    if is_missing(value):
        return None
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float | Decimal):
        return value > 0
    if not isinstance(value, str):
        raise ValueError(f"is a {type(value).__name__}, not yes or no")
    word = value.strip().lower().removeprefix("https://schema.org/").removeprefix("http://schema.org/")
    if word in _YES:
        return True
    if word in _NO:
        return False
    try:
        return float(word) > 0
    except ValueError:
        raise ValueError("is neither yes nor no nor a quantity") from None


def to_timestamp(value: Any) -> float | None:
    """Seconds since 1970 from ISO 8601, `31.12.2024`, a date, or a number of seconds (or milliseconds).

    A time without zone is read as UTC.
    """
    if is_missing(value):
        return None
    if isinstance(value, dt.datetime):
        return _seconds(value)
    if isinstance(value, dt.date):
        return _seconds(dt.datetime(value.year, value.month, value.day))
    if isinstance(value, str):
        text = value.strip()
        try:
            return _seconds(dt.datetime.fromisoformat(text))
        except ValueError:
            pass  # not ISO: the next forms are tried, and the last one raises
        for form in ("%d.%m.%Y", "%Y/%m/%d", "%Y-%m-%d %H:%M:%S %Z"):
            try:
                return _seconds(dt.datetime.strptime(text, form))
            except ValueError:
                continue
    try:
        number = to_number(value)
    except ValueError:
        raise ValueError("is not a date (ISO 8601 or seconds since 1970)") from None
    if number is None:
        return None
    seconds = number / 1_000 if abs(number) > 1e11 else number
    if not 0 <= seconds < 4e9:
        raise ValueError("is not a date between 1970 and 2096")
    return seconds


def _seconds(moment: dt.datetime) -> float:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    return aware.timestamp()
