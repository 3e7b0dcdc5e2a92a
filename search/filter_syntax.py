"""Filters, sorts and facets as people write them: `brand=HP`, `price<=100`, `price:asc`, `price:0,50,100`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from multirecall.core.errors import InvalidFilter
from multirecall.core.filters import And, Exists, Filter, FilterValue, Not, Range, Term, Terms
from multirecall.core.query import Facet, Sort

__all__ = ["parse_facet", "parse_filter", "parse_filters", "parse_sort"]

_EXPRESSION = re.compile(r"\s*(?P<field>[^=<>!]+?)\s*(?P<op>!=|<=|>=|=|<|>)\s*(?P<value>.*?)\s*", re.DOTALL)
_NUMERIC = frozenset({"price", "price_minor", "popularity", "updated_at", "version"})
_HINT = "Write field=value, field!=value, field<=number, field>=number, field<number, field>number or field=*."


def _number(field: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise InvalidFilter(f"Filter on {field!r}: {text!r} is no number.", hint=_HINT, field=field) from None
    if number != number or number in (float("inf"), float("-inf")):
        raise InvalidFilter(f"Filter on {field!r}: {text!r} is no finite number.", hint=_HINT, field=field)
    return number


def _stored(field: str, number: float, minor_units: int) -> tuple[str, float]:
    """`price` is what people say, `price_minor` what is stored: 12.5 becomes 1250 with two minor digits."""
    return ("price_minor", round(number * 10**minor_units, 6)) if field == "price" else (field, number)


def _value(field: str, text: str, minor_units: int) -> tuple[str, FilterValue]:
    if field in _NUMERIC:
        return _stored(field, _number(field, text), minor_units)
    if field == "in_stock":
        words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
        if text.lower() not in words:
            raise InvalidFilter(f"Filter on 'in_stock': {text!r} is neither true nor false.", field=field)
        return field, words[text.lower()]
    return field, text


def parse_filter(expression: str, *, minor_units: int = 2) -> Filter:
    """One expression. `a=x|y` means one of them, `a=*` that the field has a value, `a!=x` that it is not x.

    `minor_units` is the number of decimal digits of the currency (2: cents), used for the field `price`.
    Raises InvalidFilter with the accepted forms.
    """
    match = _EXPRESSION.fullmatch(expression)
    if match is None:
        raise InvalidFilter(f"Cannot read the filter {expression!r}.", hint=_HINT, field="filter")
    field, op, text = match["field"], match["op"], match["value"]
    if not text:
        raise InvalidFilter(f"The filter {expression!r} has no value.", hint=_HINT, field=field)
    if op in ("=", "!="):
        positive = _equals(field, text, minor_units)
        return positive if op == "=" else Not(part=positive)
    name, bound = _stored(field, _number(field, text), minor_units)
    match op:
        case "<=":
            return Range(field=name, lte=bound)
        case ">=":
            return Range(field=name, gte=bound)
        case "<":
            return Range(field=name, lt=bound)
        case _:
            return Range(field=name, gt=bound)


def _equals(field: str, text: str, minor_units: int) -> Filter:
    if text == "*":
        return Exists(field="price_minor" if field == "price" else field)
    pairs = [_value(field, part.strip(), minor_units) for part in text.split("|") if part.strip()]
    if not pairs:
        raise InvalidFilter(f"The filter on {field!r} has no value.", hint=_HINT, field=field)
    if len(pairs) == 1:
        return Term(field=pairs[0][0], value=pairs[0][1])
    return Terms(field=pairs[0][0], values=tuple(value for _, value in pairs))


def parse_filters(expressions: Iterable[str], *, minor_units: int = 2) -> Filter | None:
    """All expressions at once: a product must pass each. None for no expression."""
    parts = tuple(parse_filter(e, minor_units=minor_units) for e in expressions)
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else And(parts=parts)


def parse_facet(text: str, *, minor_units: int = 2) -> Facet:
    """`brand` (ten most frequent), `brand:25` (25 of them), `price:10,50,100` (ranges between the numbers)."""
    field, _, tail = text.strip().partition(":")
    if not field:
        raise InvalidFilter(f"Cannot read the facet {text!r}.", hint="Write brand, brand:25 or price:10,50,100.")
    if not tail and field not in _NUMERIC:
        return Facet(field=field)
    if not tail:
        raise InvalidFilter(
            f"The facet {field!r} needs the edges of its ranges.", hint=f"Write {field}:10,50,100.", field=field
        )
    numbers = [_number(field, part) for part in tail.split(",") if part.strip()]
    if field in _NUMERIC or len(numbers) > 1:
        names_and_edges = [_stored(field, number, minor_units) for number in numbers]
        return Facet(field=names_and_edges[0][0], edges=tuple(edge for _, edge in names_and_edges))
    return Facet(field=field, size=int(numbers[0]))


def parse_sort(texts: Sequence[str]) -> tuple[Sort, ...]:
    """`price` or `price:asc` (cheapest first), `popularity:desc`."""
    sorts = []
    for text in texts:
        field, _, direction = text.strip().partition(":")
        if not field or direction not in ("", "asc", "desc"):
            raise InvalidFilter(f"Cannot read the sort {text!r}.", hint="Write price:asc or popularity:desc.")
        sorts.append(Sort(field="price_minor" if field == "price" else field, descending=direction == "desc"))
    return tuple(sorts)
