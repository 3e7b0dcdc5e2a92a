"""Attributes of a source record: which fields, under which names, with which values."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from typing import Any

from multirecall.core.product import AttributeValue
from multirecall.indexer.clean_text import plain_text
from multirecall.indexer.mapping import AttributeRules
from multirecall.indexer.values import is_missing, to_number

__all__ = ["MAX_ATTRIBUTES", "MAX_ATTRIBUTE_CHARS", "AttributeReader", "attribute_name"]

MAX_ATTRIBUTES = 1_000
MAX_ATTRIBUTE_CHARS = 10_000
"""Longer values are cut: they are descriptions, not attributes."""

_NO_WORD = re.compile(r"[\W_]+")
_UNUSABLE = re.compile(r"[\x00-\x1f\x7f.=\ud800-\udfff]+")  # "." and "=" have a meaning in filter field names
_MAX_NAME_CHARS = 100
_MAX_DEPTH = 4


def attribute_name(name: str, *, clean: bool) -> str:
    """`Screen Size (inch)` as `screen_size_inch` (clean), or only rid of what no field name can hold. May be empty."""
    if clean:
        return _NO_WORD.sub("_", name.lower()).strip("_")[:_MAX_NAME_CHARS]
    return _UNUSABLE.sub("_", name).strip()[:_MAX_NAME_CHARS]


class AttributeReader:
    """Reads attributes by rules; names are worked out once per field name.

    Two fields of one record that come to the same name (`attr_n_height`, `attr_b_height`): the number keeps it,
    before text, before yes/no; the other one goes by its whole field name, so nothing is lost.
    """

    def __init__(self, rules: AttributeRules, numeric: Collection[str], used: Collection[str]) -> None:
        self._rules = rules
        self._numeric = frozenset(numeric)
        self._used = frozenset(name.split(".", 1)[0] for name in used) | frozenset(used)
        self._names: dict[str, str] = {}

    def read(self, record: Mapping[str, Any]) -> tuple[dict[str, AttributeValue], list[str]]:
        """(attributes in the record's order, reasons for what was left out or changed)."""
        found: dict[str, AttributeValue] = {}
        origin: dict[str, str] = {}
        problems: list[str] = []
        names = self._names
        for key, value in record.items():
            name = names.get(key)
            if name is None:
                name = names[key] = self._name(str(key))
            if not name or value is None:
                continue
            for full, leaf in _leaves(name, value, 1):
                if len(found) >= MAX_ATTRIBUTES:
                    problems.append(f"more than {MAX_ATTRIBUTES} attributes, the rest was left out")
                    return found, problems
                try:
                    plain = self._value(full, leaf)
                except ValueError as error:
                    problems.append(str(error))
                    continue
                if plain is None:
                    continue
                if full in found:
                    self._share_name(found, origin, full, plain, str(key), problems)
                else:
                    found[full] = plain
                    origin[full] = str(key)
        return found, problems

    def _name(self, key: str) -> str:
        """The attribute's name; empty if the field is no attribute."""
        rules = self._rules
        if key in rules.exclude:
            return ""
        if key in rules.fields:
            return attribute_name(key, clean=rules.clean_names)
        prefix = next((p for p in sorted(rules.prefixes, key=len, reverse=True) if key.startswith(p)), None)
        if prefix is not None:
            return attribute_name(key[len(prefix) :], clean=rules.clean_names)
        if rules.rest and key not in self._used:
            return attribute_name(key, clean=rules.clean_names)
        return ""

    def _share_name(
        self,
        found: dict[str, AttributeValue],
        origin: dict[str, str],
        name: str,
        value: AttributeValue,
        key: str,
        problems: list[str],
    ) -> None:
        """Gives the name to the better of two values and the whole field name to the other one."""
        loser, loser_key = value, key
        if _rank(value) < _rank(found[name]):
            loser, loser_key = found[name], origin.get(name, name)
            found[name], origin[name] = value, key
        whole = attribute_name(loser_key, clean=self._rules.clean_names)
        if whole in found:
            problems.append("two fields come to one name, the later was left out")
        else:
            found[whole] = loser

    def _value(self, name: str, value: Any) -> AttributeValue | None:
        if isinstance(value, str):
            text = plain_text(value)[:MAX_ATTRIBUTE_CHARS]
            if text and name in self._numeric:
                return _number_if_any(text)
            return text or None
        if isinstance(value, bool):
            return value
        if isinstance(value, int | float | Decimal):
            return _finite(value)
        if isinstance(value, list | tuple):
            texts = (plain_text(str(v))[:MAX_ATTRIBUTE_CHARS] for v in value if not is_missing(v))
            return tuple(t for t in texts if t) or None
        if isinstance(value, dt.date | dt.time):
            return value.isoformat()
        raise ValueError(f"an attribute value of kind {type(value).__name__} was left out")


def _leaves(name: str, value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, Mapping):
        if not (isinstance(value, list | tuple) and any(isinstance(v, Mapping) for v in value)):
            yield name, value
        return
    if depth < _MAX_DEPTH:
        for key, inner in value.items():
            yield from _leaves(f"{name}_{attribute_name(str(key), clean=True)}", inner, depth + 1)


def _finite(value: float | Decimal) -> float | None:
    try:
        number = float(value)
    except OverflowError:  # an integer of hundreds of digits
        return None
    return number if math.isfinite(number) else None


def _rank(value: object) -> int:
    return 2 if isinstance(value, bool) else 0 if isinstance(value, float) else 1


def _number_if_any(text: str) -> float | str:
    try:
        number = to_number(text)
    except ValueError:
        return text
    return text if number is None else number
