"""The price in a suggested mapping: which field, cents or not, which decimal sign, which currency."""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from multirecall.indexer.field_stats import FieldStats
from multirecall.indexer.mapping import PriceField
from multirecall.indexer.prices import to_price
from multirecall.indexer.values import to_number

__all__ = ["SuggestedPrice", "suggest_price"]

_NAMES = (
    "price", "sale price", "selling price", "current price", "final price", "variant price", "special price",
    "offers price", "price (?:amount|value|gross|eur|usd|gbp)", "regular price", "list price", "retail price",
    "product price", "unit price", "price (?:cents|minor|in cents)", "variants price", "preis", "prix",
    "precio", "prezzo", ".*price",
)  # fmt: skip
_CURRENCY_NAMES = ("currency", "price currency", "currency code", "offers price currency", "währung")
_MINOR_NAMES = re.compile(r".*\b(?:cents?|minor|pennies)\b.*")
_CODE_IN_NAME = re.compile(r".*\b(eur|usd|gbp)\b.*")
_CHARM = (0, 45, 49, 50, 90, 94, 95, 98, 99)
"""Last two digits of shop prices in cents: 12.95, 12.99, 12.50, and 12.44 seldom."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestedPrice:
    field: PriceField
    reason: str
    warnings: tuple[str, ...] = ()


def suggest_price(stats: Mapping[str, FieldStats]) -> SuggestedPrice | None:
    """The first field that is named like a price and holds prices in 80 % of the records that have it."""
    found = next(
        (
            s for pattern in _NAMES for s in sorted(stats.values(), key=lambda s: -s.filled)
            if re.fullmatch(pattern, s.words) and s.prices >= 0.8
        ),
        None,
    )  # fmt: skip
    if found is None:
        return None
    unit, how, doubt = _unit(found)
    currency, currency_field, currency_doubt = _currency(found, stats)
    field = PriceField(
        field=(found.name,),
        unit="minor" if unit == "minor" else "major",
        currency=currency,
        currency_field=currency_field,
        decimal=_decimal(found),
    )
    return SuggestedPrice(
        field=field, reason=f"by name; {how}", warnings=tuple(w for w in (doubt, currency_doubt) if w)
    )


def _unit(stats: FieldStats) -> tuple[str, str, str]:
    """(unit, how it was told, what to check)."""
    if _MINOR_NAMES.fullmatch(stats.words):
        return "minor", "in the smallest unit by its name", ""
    if stats.numbers < 1 or any(number != int(number) for number in _numbers(stats)):
        return "major", "in whole units, as some have a fraction or a currency sign", ""
    if any(isinstance(v, float) or (isinstance(v, str) and ("." in v or "," in v)) for v in stats.values):
        return "major", "in whole units, as they are written with a decimal sign", ""
    numbers = [int(n) for n in _numbers(stats) if n > 0]
    if not numbers:
        return "major", "in whole units, for want of evidence", ""
    median = statistics.median(numbers)
    charm = sum(n % 100 in _CHARM for n in numbers) / len(numbers)
    top = Counter(n % 100 for n in numbers).most_common(1)[0]
    ending = f"{top[1] / len(numbers):.0%} end in {top[0]:02d}"
    minor = median >= 1_000 and charm >= 0.5
    unit, meant = ("minor", "cents") if minor else ("major", "whole units")
    other = "major" if minor else "minor"
    how = f"all are whole numbers (median {median:,.0f}, {ending}), read as {meant}"
    return unit, how, (
        f"price: {stats.name!r} holds whole numbers only, so cents or whole units is a guess: read as {meant} "
        f'(median {median:,.0f}, {ending}). If that is wrong, set unit = "{other}".'
    )  # fmt: skip


def _numbers(stats: FieldStats) -> list[float]:
    found = []
    for value in stats.values:
        try:
            number = to_number(value)
        except ValueError:
            continue
        if number is not None:
            found.append(number)
    return found


def _decimal(stats: FieldStats) -> Literal["auto", ".", ","]:
    """The decimal sign where the texts prove one: a sign before one, two or four digits at the end."""
    texts = [v for v in stats.values if isinstance(v, str)]
    point, comma = (any(re.search(rf"\d{sign}(?:\d{{1,2}}|\d{{4}})(?!\d)", t) for t in texts) for sign in (r"\.", ","))
    if point == comma:
        return "auto"
    return "." if point else ","


def _currency(found: FieldStats, stats: Mapping[str, FieldStats]) -> tuple[str | None, str | None, str]:
    """(currency, field that holds it, what to check)."""
    for pattern in _CURRENCY_NAMES:
        for candidate in stats.values():
            codes = [v for v in candidate.values if isinstance(v, str) and re.fullmatch(r"[A-Za-z]{3}", v.strip())]
            if re.fullmatch(pattern, candidate.words) and len(codes) > 0.8 * len(candidate.values):
                return None, candidate.name, ""
    named = _CODE_IN_NAME.fullmatch(found.words)
    if named:
        return named.group(1).upper(), None, ""
    texts = [v for v in found.values if isinstance(v, str)]
    told = Counter(price[1] for v in texts if (price := _price(v)) is not None and price[1] is not None)
    if told:
        return None, None, ""
    return None, None, f'price: {found.name!r} does not say its currency; set price.currency (for example "EUR").'


def _price(text: str) -> tuple[int, str | None] | None:
    try:
        return to_price(text, unit="major", currency=None)
    except ValueError:
        return None
