"""Source row to Product, or the reason why not.

Policy: a row without a usable id, or with neither title nor description, is rejected. Any other value that cannot be
read costs only itself; it is left out and counted as a warning with an example. Nothing goes missing silently.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeVar

from multirecall.core.product import Product
from multirecall.indexer import mapping as mappings
from multirecall.indexer.attributes import AttributeReader
from multirecall.indexer.clean_text import plain_text
from multirecall.indexer.prices import to_price
from multirecall.indexer.records import values_at
from multirecall.indexer.sources.base import BrokenRow, Row, SourceRow
from multirecall.indexer.values import to_bool, to_currency, to_number, to_popularity, to_timestamp

__all__ = ["MAX_DESCRIPTION_CHARS", "MAX_ID_BYTES", "MAX_TITLE_CHARS", "Reject", "RowReader", "Warnings", "to_id"]

MAX_ID_BYTES = 512
MAX_TITLE_CHARS = 2_000
MAX_DESCRIPTION_CHARS = 100_000
"""Longer descriptions are cut: no query means the words behind, and one of them must not slow every search."""

_MAX_IDENTIFIERS = 200
_MAX_IDENTIFIER_CHARS = 128
_MAX_URL_CHARS = 2_048
_MAX_LEVELS = 20
_MAX_REJECT_CHARS = 2_000
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_SCHEME = re.compile(r"(?:https?:)?//|/|[^:]*$", re.IGNORECASE)
_MISSING_REASON = "missing"

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """A row that did not become a product. `field` is the mapping's role (empty: the whole row); `record` is cut."""

    file: str
    row: int
    line: int | None
    field: str
    reason: str
    record: str

    @classmethod
    def of(cls, row: Row, field: str, reason: str) -> Reject:
        """The reject of a row, its record as JSON."""
        text = row.text if isinstance(row, BrokenRow) else json.dumps(row.record, default=str)
        return cls(
            file=row.file, row=row.row, line=row.line, field=field, reason=reason, record=text[:_MAX_REJECT_CHARS]
        )


@dataclass(slots=True)
class Warnings:
    """How often a value could not be used, by kind, with the first example of each."""

    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)

    def add(self, kind: str, row: Row, value: object = "") -> None:
        if kind not in self.counts:
            self.counts[kind] = 0
            place = f"line {row.line}" if row.line is not None else f"row {row.row}"
            self.examples[kind] = f"{row.file}, {place}" + (f": {_short(value)}" if value != "" else "")
        self.counts[kind] += 1

    def merge(self, later: Warnings) -> None:
        """Adds those of later rows."""
        for kind, n in later.counts.items():
            self.counts[kind] = self.counts.get(kind, 0) + n
            self.examples.setdefault(kind, later.examples[kind])


class RowReader:
    """Makes Products by a mapping; `warnings` collects what had to be left out. Not for several threads."""

    def __init__(self, mapping: mappings.Mapping) -> None:
        self.mapping = mapping
        self.warnings = Warnings()
        used = [name for role, name in mapping.roles() if role != "attributes"]
        self._attributes = AttributeReader(mapping.attributes, mapping.numeric_attributes, used)

    def id_of(self, row: SourceRow) -> str | Reject:
        """The id alone, or why there is none: a twentieth of the work of `read`."""
        try:
            return to_id(values_at(row.record, self.mapping.id[0]) or self._values(row, self.mapping.id[1:]))
        except ValueError as error:
            return Reject.of(row, "id", str(error))

    def read(self, row: Row) -> Product | Reject:
        """The product of a row, or why it has none."""
        if isinstance(row, BrokenRow):
            return Reject.of(row, "", row.reason)
        product_id = self.id_of(row)
        if isinstance(product_id, Reject):
            return product_id
        title = self._text(row, "title", self.mapping.title, MAX_TITLE_CHARS, " ")
        description = self._text(row, "description", self.mapping.description, MAX_DESCRIPTION_CHARS, ". ")
        if not title:
            if not description:
                return Reject.of(row, "title", "neither title nor description")
            self.warnings.add("title: missing", row)
        price = self._price(row)
        attributes, problems = self._attributes.read(row.record)
        for problem in problems:
            self.warnings.add(f"attributes: {problem}", row)
        return Product(
            id=product_id,
            title=title,
            description=description,
            brand=self._first(row, "brand", self.mapping.brand, _text_value),
            category_path=self._category(row),
            attributes=attributes,
            identifiers=self._identifiers(row),
            price_minor=price[0] if price else None,
            currency=price[1] if price else None,
            in_stock=self._first(row, "in_stock", self.mapping.in_stock, to_bool),
            popularity=self._first(row, "popularity", self.mapping.popularity, to_popularity),
            updated_at=self._first(row, "updated_at", self.mapping.updated_at, to_timestamp),
            version=self._first(row, "version", self.mapping.version, _version),
            url=self._first(row, "url", self.mapping.url, _url),
            image_url=self._first(row, "image_url", self.mapping.image_url, _url),
        )

    @staticmethod
    def _values(row: SourceRow, names: tuple[str, ...]) -> list[Any]:
        """The values of the first field that has any."""
        return next((found for name in names if (found := values_at(row.record, name))), [])

    def _first(self, row: SourceRow, role: str, names: tuple[str, ...], read: Callable[[Any], T | None]) -> T | None:
        """The first readable value of the role's fields."""
        for name in names:
            for value in values_at(row.record, name):
                try:
                    found = read(value)
                except ValueError as error:
                    self.warnings.add(f"{role}: {error}", row, value)
                else:
                    if found is not None:
                        return found
        return None

    def _text(self, row: SourceRow, role: str, names: tuple[str, ...], limit: int, joint: str) -> str:
        parts: list[str] = []
        for name in names:
            for value in values_at(row.record, name):
                try:
                    text = _text_value(value)
                except ValueError as error:
                    self.warnings.add(f"{role}: {error}", row, value)
                else:
                    if text and text not in parts:
                        parts.append(text)
        joined = parts[0] if len(parts) == 1 else joint.join(parts)
        if len(joined) > limit:
            self.warnings.add(f"{role}: longer than {limit:,} characters, cut", row)
            return joined[:limit].rstrip()
        return joined

    def _price(self, row: SourceRow) -> tuple[int, str | None] | None:
        rules = self.mapping.price
        if rules is None:
            return None
        currency = rules.currency
        if rules.currency_field:
            named = self._first(row, "currency", (rules.currency_field,), to_currency)
            currency = named or currency

        def read(value: Any) -> tuple[int, str | None] | None:
            return to_price(value, unit=rules.unit, currency=currency, decimal=rules.decimal)

        return self._first(row, "price", rules.field, read)

    def _category(self, row: SourceRow) -> tuple[str, ...]:
        rules = self.mapping.category
        if rules is None:
            return ()
        levels: list[str] = []
        for name in rules.field:
            values = values_at(row.record, name)
            if rules.separator is not None:
                values = values[:1]  # a list of whole paths: the first counts
            for value in values:
                if not isinstance(value, str | int | float):
                    self.warnings.add(f"category: is a {type(value).__name__}, not text", row, value)
                    continue
                text = str(value)
                if rules.paths_separator is not None:
                    text = text.split(rules.paths_separator, 1)[0]
                parts = text.split(rules.separator) if rules.separator is not None else [text]
                levels.extend(level for part in parts if (level := plain_text(part)))
        return tuple(levels[:_MAX_LEVELS])

    def _identifiers(self, row: SourceRow) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for name in self.mapping.identifiers:
            for value in values_at(row.record, name):
                try:
                    text = _text_value(value)
                except ValueError as error:
                    self.warnings.add(f"identifiers: {error}", row, value)
                    continue
                if text and len(text) > _MAX_IDENTIFIER_CHARS:
                    self.warnings.add("identifiers: longer than 128 characters, left out", row, value)
                elif text:
                    found.setdefault(text)
        if len(found) > _MAX_IDENTIFIERS:
            self.warnings.add(f"identifiers: more than {_MAX_IDENTIFIERS}, the rest was left out", row)
        return tuple(found)[:_MAX_IDENTIFIERS]


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "…"


def _whole(value: float | Decimal) -> str:
    """Whole numbers as they were before a data frame made them floats: 12.0 as 12. Raises ValueError for infinity."""
    try:
        return str(int(value)) if value == int(value) else str(value)
    except OverflowError:
        raise ValueError("is not a finite number") from None


def to_id(values: list[Any]) -> str:
    """The first value as a product's id: whole numbers as text, no blanks around it. Raises ValueError."""
    if not values:
        raise ValueError(_MISSING_REASON)
    value = values[0]
    if isinstance(value, str):
        text = value.strip()
    else:
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            raise ValueError(f"is a {type(value).__name__}, not text or a number")
        text = _whole(value)
    if len(text.encode("utf-8", "surrogatepass")) > MAX_ID_BYTES:
        raise ValueError(f"is longer than {MAX_ID_BYTES} bytes")
    if _CONTROL.search(text):
        raise ValueError("holds a control character")
    if _SURROGATE.search(text):
        raise ValueError("holds a lone surrogate, which is no text")
    return text


def _text_value(value: Any) -> str | None:
    if isinstance(value, str):
        return plain_text(value) or None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError(f"is a {type(value).__name__}, not text")
    return _whole(value)


def _version(value: Any) -> int | None:
    if isinstance(value, str) and value.strip().isdecimal() and len(value) < 20:
        value = int(value)  # exact, where to_number would go through floating point
    number = value if isinstance(value, int) and not isinstance(value, bool) else to_number(value)
    if number is None:
        return None
    if number != int(number) or not 0 <= number < 1 << 63:
        raise ValueError("is not a whole number of 0 or more")
    return int(number)


def _url(value: Any) -> str | None:
    if not isinstance(value, str):
        raise ValueError(f"is a {type(value).__name__}, not an address")
    text = value.strip()
    if _CONTROL.search(text) or _SURROGATE.search(text) or len(text) > _MAX_URL_CHARS or not _SCHEME.match(text):
        raise ValueError("is not a web address")
    return text
