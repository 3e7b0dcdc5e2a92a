"""Filters: a closed union that every engine honours inside its lexical and its vector search alike."""

from __future__ import annotations

import math
from dataclasses import dataclass

from multirecall.core.errors import InvalidFilter

__all__ = ["And", "Exists", "Filter", "FilterValue", "Not", "Or", "Range", "Term", "Terms", "filter_fields"]

_VALUE_TYPES = (str, int, float, bool)
FilterValue = str | int | float | bool


def _check_value(field: str, value: object) -> None:
    if not isinstance(value, _VALUE_TYPES):
        raise InvalidFilter(f"Filter on {field!r}: a value must be text, a number or true/false.", field=field)
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidFilter(f"Filter on {field!r}: {value} is not a finite number.", field=field)


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """Products whose `field` equals `value` (for a field of several values: has it among them)."""

    field: str
    value: FilterValue

    def __post_init__(self) -> None:
        _check_value(self.field, self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Products whose `field` equals one of `values`; no values match nothing."""

    field: str
    values: tuple[FilterValue, ...]

    def __post_init__(self) -> None:
        for value in self.values:
            _check_value(self.field, value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Products whose numeric `field` lies between the bounds; at least one bound is set.

    A product without the field never matches. Dates (`updated_at`) are seconds since 1970, UTC.
    """

    field: str
    gte: float | None = None
    gt: float | None = None
    lte: float | None = None
    lt: float | None = None

    def __post_init__(self) -> None:
        bounds = [b for b in (self.gte, self.gt, self.lte, self.lt) if b is not None]
        if not bounds:
            raise InvalidFilter(f"Range on {self.field!r} needs at least one bound.", field=self.field)
        if (self.gte is not None and self.gt is not None) or (self.lte is not None and self.lt is not None):
            raise InvalidFilter(f"Range on {self.field!r} has two bounds on one side.", field=self.field)
        for bound in bounds:
            if isinstance(bound, bool) or not isinstance(bound, int | float) or math.isnan(bound):
                raise InvalidFilter(f"Range on {self.field!r}: {bound!r} is not a number.", field=self.field)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exists:
    """Products that have a value for `field`."""

    field: str


@dataclass(frozen=True, slots=True, kw_only=True)
class And:
    """Products that match every part; no parts match everything."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Or:
    """Products that match at least one part; no parts match nothing."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Not:
    """Products that do not match `part`."""

    part: Filter


Filter = Term | Terms | Range | Exists | And | Or | Not


def filter_fields(node: Filter) -> frozenset[str]:
    """The names of all fields that the filter reads."""
    match node:
        case Term() | Terms() | Range() | Exists():
            return frozenset({node.field})
        case And() | Or():
            return frozenset().union(*(filter_fields(part) for part in node.parts))
        case Not():
            return filter_fields(node.part)
