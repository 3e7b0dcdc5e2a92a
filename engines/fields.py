"""The fields of an indexed product, and how a filter's field name leads to one of them.

All engines hold the same flat record; `indexer/projection.py` makes it:

    text       title, description, attributes_text     analysed by the schema's language
    text+key   brand, category                          searched as text, filtered and counted as exact values
    codes      codes                                    normalised part numbers and sizes, space-free tokens
    keyword    id, currency, attribute_pairs ("name=value"), attribute_names
               labels ("<label field>=<label>")         what models say of a product; only where the schema names any
    number     price_minor, popularity, updated_at, version, attribute_numbers.<name>
    boolean    in_stock
    stored     category_path, attributes, identifiers, url, image_url, content_hash
    returned   match_text                               the product's words (core/match_text.py): comes with a hit if
                                                        `EngineRequest.fields` names it, and serves nothing else
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from multirecall.core.errors import InvalidFilter, UnsupportedFeature
from multirecall.core.filters import FilterValue
from multirecall.core.ranking import FieldValue
from multirecall.engines.schema import Schema

__all__ = [
    "MAX_KEYWORD_CHARS",
    "STORED_FIELDS",
    "UPDATABLE_FIELDS",
    "FieldKind",
    "ResolvedField",
    "attribute_pair",
    "resolve_field",
    "returned_value",
]

MAX_KEYWORD_CHARS = 256
"""Longer values cannot be filtered or counted (they stay searchable as text)."""

UPDATABLE_FIELDS = ("price_minor", "currency", "in_stock", "popularity", "updated_at")
"""Fields that a partial update may set: none of them is part of the encoded text, so vectors stay valid."""

STORED_FIELDS = (
    "id", "title", "description", "brand", "category_path", "attributes", "identifiers", "price_minor", "currency",
    "in_stock", "popularity", "updated_at", "version", "url", "image_url",
)  # fmt: skip
"""What `Engine.fetch` returns unless told otherwise."""


class FieldKind(StrEnum):
    KEYWORD = "keyword"
    NUMBER = "number"
    BOOLEAN = "boolean"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedField:
    """`name` is the index field; `pair_of` is set for attributes, whose values are stored as "name=value"."""

    name: str
    kind: FieldKind
    pair_of: str | None = None

    def value(self, value: FilterValue) -> FilterValue:
        """The stored form of a filter value. Raises InvalidFilter where the kinds do not fit."""
        if self.pair_of is not None:
            return attribute_pair(self.pair_of, value)
        match self.kind:
            case FieldKind.KEYWORD:
                if isinstance(value, str):
                    return value
            case FieldKind.BOOLEAN:
                if isinstance(value, bool):
                    return value
            case FieldKind.NUMBER:
                if isinstance(value, int | float) and not isinstance(value, bool):
                    return value
        raise InvalidFilter(
            f"Filter on {self.name!r}: {value!r} does not fit a {self.kind.value} field.", field=self.name
        )


_FIXED = {
    "id": FieldKind.KEYWORD,
    "brand": FieldKind.KEYWORD,
    "category": FieldKind.KEYWORD,
    "currency": FieldKind.KEYWORD,
    "codes": FieldKind.KEYWORD,
    "labels": FieldKind.KEYWORD,
    "price_minor": FieldKind.NUMBER,
    "popularity": FieldKind.NUMBER,
    "updated_at": FieldKind.NUMBER,
    "version": FieldKind.NUMBER,
    "in_stock": FieldKind.BOOLEAN,
}

_RETURNED_ONLY = ("match_text",)
_SINGLE_KEYWORDS = ("brand", "currency")

_ATTRIBUTES = "attributes."


def attribute_pair(name: str, value: FilterValue) -> str:
    """The keyword under which an attribute value is stored: `touchscreen=false`, `width=17`, `colour=Black`."""
    match value:
        case bool():
            return f"{name}={'true' if value else 'false'}"
        case int() | float():
            return f"{name}={value:.10g}"
        case _:
            return f"{name}={value}"


def returned_value(name: str, value: Any) -> FieldValue:
    """A stored value as it comes back with a hit: lists as tuples, without keywords too long to be one; None for
    nothing."""
    if name in _SINGLE_KEYWORDS and isinstance(value, str) and len(value) > MAX_KEYWORD_CHARS:
        return None
    if name == "category" and isinstance(value, list):
        return tuple(prefix for prefix in value if len(prefix) <= MAX_KEYWORD_CHARS) or None
    if name == "labels" and isinstance(value, list):
        return tuple(sorted({label for label in value if len(label) <= MAX_KEYWORD_CHARS})) or None
    found: FieldValue = tuple(value) if isinstance(value, list) else value
    return found


def resolve_field(name: str, schema: Schema, use: str) -> ResolvedField:
    """The index field behind a filter, facet or sort field.

    `use` is `term`, `range`, `exists`, `facet`, `range_facet`, `sort` or `returned`. Attributes resolve to the pair
    field for values, to the name field for `exists`, and to a numeric field for ranges and sorting.
    Raises InvalidFilter for an unknown field or use, UnsupportedFeature for a range on an attribute without number.
    """
    if name in _RETURNED_ONLY:
        if use != "returned":
            raise InvalidFilter(
                f"Field {name!r} only comes back with hits: no filter, facet or sort can use it.",
                hint=f"Use one of: {', '.join(_FIXED)}, attributes.<name>.",
                field=name,
            )
        return ResolvedField(name=name, kind=FieldKind.KEYWORD)
    numeric = use in ("range", "range_facet", "sort")
    if name.startswith(_ATTRIBUTES) and len(name) > len(_ATTRIBUTES):
        attribute = name[len(_ATTRIBUTES) :]
        if numeric:
            if attribute not in schema.numeric_attributes:
                raise UnsupportedFeature(
                    f"Attribute {attribute!r} is not indexed as a number, so {use.replace('_', ' ')} cannot use it.",
                    hint=f"Add it to numeric_attributes (now: {', '.join(schema.numeric_attributes) or 'none'}) "
                    "in the mapping and index again.",
                    field=name,
                )
            return ResolvedField(name=f"attribute_numbers.{attribute}", kind=FieldKind.NUMBER)
        if use == "exists":
            return ResolvedField(name="attribute_names", kind=FieldKind.KEYWORD)
        return ResolvedField(name="attribute_pairs", kind=FieldKind.KEYWORD, pair_of=attribute)
    kind = _FIXED.get(name)
    if name == "labels" and not schema.labels:
        raise InvalidFilter("The index has no labels.", hint="Build it with a labeller.", field=name)
    if kind is None:
        raise InvalidFilter(
            f"Unknown field {name!r}.", hint=f"Known: {', '.join(_FIXED)}, attributes.<name>.", field=name
        )
    if use in ("range", "range_facet") and kind is not FieldKind.NUMBER:
        raise InvalidFilter(f"Field {name!r} holds {kind.value} values, a range needs numbers.", field=name)
    if use == "sort" and kind is FieldKind.KEYWORD and name not in ("id", "brand"):
        raise InvalidFilter(f"Cannot sort by {name!r}: it may hold several values.", field=name)
    return ResolvedField(name=name, kind=kind)
