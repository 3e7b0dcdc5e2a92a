"""Prices as catalogues write them, to a whole number of the currency's smallest unit."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from multirecall.indexer.values import is_missing

__all__ = ["MAX_PRICE_MINOR", "minor_digits", "to_price"]

MAX_PRICE_MINOR = 10**15
"""More is a broken number; it also keeps prices exact in engines that count in floating point."""

_MINOR_DIGITS = {
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF"), 0
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}  # fmt: skip
_SYMBOLS = {
    "€": "EUR", "us$": "USD", "ca$": "CAD", "a$": "AUD", "r$": "BRL", "₹": "INR", "₽": "RUB", "₩": "KRW", "₺": "TRY",
    "₴": "UAH", "zł": "PLN", "kč": "CZK",
}  # fmt: skip
_SHARED_SYMBOLS = {"$": "USD", "£": "GBP", "¥": "JPY"}
"""Several countries write these; the mapping's currency, if given, says which is meant."""

_SYMBOL = re.compile("|".join(re.escape(s) for s in (*_SYMBOLS, *_SHARED_SYMBOLS)), re.IGNORECASE)
_ISO = re.compile(
    r"(?<![a-z])(?:AED|ARS|AUD|BGN|BHD|BRL|CAD|CHF|CLP|CNY|COP|CZK|DKK|EGP|EUR|GBP|HKD|HUF|IDR|ILS|INR|IQD|ISK|JOD|JPY"
    r"|KRW|KWD|LYD|MAD|MXN|MYR|NGN|NOK|NZD|OMR|PEN|PHP|PKR|PLN|PYG|QAR|RON|RSD|RUB|SAR|SEK|SGD|THB|TND|TRY|TWD|UAH|USD"
    r"|UYU|VND|XAF|XOF|ZAR)(?![a-z])",
    re.IGNORECASE,
)
_AMOUNT = re.compile(r"-?\d(?:[\d.,]|['’ \u00a0\u202f](?=\d{3}(?!\d)))*")
_GROUPING = re.compile(r"['’ \u00a0\u202f]")


def minor_digits(currency: str | None) -> int:
    """How many digits of the currency are behind the decimal sign: 2 for most, 0 for JPY, 3 for KWD."""
    return _MINOR_DIGITS.get(currency or "", 2)


def to_price(value: Any, *, unit: str, currency: str | None, decimal: str = "auto") -> tuple[int, str | None] | None:
    """(price in minor units, currency) from `12.5`, `"1299"`, `"12,50 €"`, `"1.299,00"`, `"$1,299.00"`, `"ab 5 EUR"`.

    A text holds exactly one amount; a currency in it goes before `currency`. Half a cent rounds up.
    """
    if is_missing(value):
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise ValueError(f"is a {type(value).__name__}, not a price")
    if isinstance(value, str):
        currency = _currency_of(value, currency)
        amount = _amount_of(value, decimal)
    else:
        amount = Decimal(str(value))
    if not amount.is_finite():
        raise ValueError("is not a finite number")
    if amount < 0:
        raise ValueError("is below zero")
    if unit == "major":
        amount = amount.scaleb(minor_digits(currency))
    if amount > MAX_PRICE_MINOR:
        raise ValueError(f"is above {MAX_PRICE_MINOR:,} in the smallest unit")
    return int(amount.to_integral_value(ROUND_HALF_UP)), currency


def _currency_of(text: str, default: str | None) -> str | None:
    code = _ISO.search(text)
    if code:
        return code.group().upper()
    symbol = _SYMBOL.search(text)
    if symbol is None:
        return default
    found = symbol.group().lower()
    return _SYMBOLS.get(found) or default or _SHARED_SYMBOLS[found]


def _amount_of(text: str, decimal: str) -> Decimal:
    found = [match.group().rstrip(".,") for match in _AMOUNT.finditer(text)]
    if len(found) != 1:
        raise ValueError("holds no amount" if not found else "holds more than one amount")
    digits = _GROUPING.sub("", found[0])
    if decimal == "auto":
        decimal = _decimal_sign(digits)
    grouping = "," if decimal == "." else "."
    try:
        return Decimal(digits.replace(grouping, "").replace(decimal, "."))
    except InvalidOperation:
        raise ValueError("is not a price") from None


def _decimal_sign(digits: str) -> str:
    """The last of two kinds of signs; a sign that repeats, or stands before exactly three digits, groups thousands."""
    last = max(digits.rfind("."), digits.rfind(","))
    if last < 0:
        return "."
    sign = digits[last]
    other = "," if sign == "." else "."
    if other in digits:
        return sign
    whole = digits[:last].lstrip("-")
    groups = digits.count(sign) > 1 or (len(digits) - last - 1 == 3 and len(whole) <= 3 and whole.lstrip("0") != "")
    return other if groups else sign
