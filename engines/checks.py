"""What every engine refuses alike, before anything is sent: one place, so that the engines cannot drift apart."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from multirecall.core.errors import InvalidInput, UnsupportedFeature
from multirecall.core.filters import And, Exists, Filter, Not, Or, Range, Term, Terms
from multirecall.core.match_text import match_text_error
from multirecall.engines.base import Delete, EngineRequest, Holding, IndexedProduct, Update, Vector, Write
from multirecall.engines.fields import UPDATABLE_FIELDS, FieldKind, resolve_field
from multirecall.engines.schema import Schema

__all__ = ["check_filter", "check_request", "prune_limit", "rejection"]

_NUMBERS = ("price_minor", "popularity", "updated_at", "version")
_TEXTS = (
    "title", "description", "brand", "currency", "category", "attributes_text", "codes", "attribute_pairs",
    "labels", "match_text",
)  # fmt: skip


def check_filter(node: Filter, schema: Schema) -> None:
    """Raises InvalidFilter for unknown fields and unfit values, UnsupportedFeature for ranges without numbers."""
    match node:
        case Term():
            resolve_field(node.field, schema, "term").value(node.value)
        case Terms():
            resolved = resolve_field(node.field, schema, "term")
            for value in node.values:
                resolved.value(value)
        case Range():
            resolve_field(node.field, schema, "range")
        case Exists():
            resolve_field(node.field, schema, "exists")
        case And() | Or():
            for part in node.parts:
                check_filter(part, schema)
        case Not():
            check_filter(node.part, schema)


def check_request(request: EngineRequest, schema: Schema) -> None:
    """Raises InvalidFilter, InvalidInput or UnsupportedFeature if no engine could answer this on this schema.

    A facet by value needs a keyword or boolean field; a number is counted by range (`edges`).
    """
    if request.filter is not None:
        check_filter(request.filter, schema)
    for sort in request.sort:
        resolve_field(sort.field, schema, "sort")
    for facet in request.facets:
        resolved = resolve_field(facet.field, schema, "range_facet" if facet.edges else "facet")
        if not facet.edges and resolved.kind is FieldKind.NUMBER:
            raise UnsupportedFeature(
                f"Facet on {facet.field!r}: numbers are counted by range, not by value.",
                hint="Give the facet edges.",
                field=facet.field,
            )
    for name in request.fields:
        resolve_field(name, schema, "returned")
    if isinstance(request.clause, Holding):
        resolved = resolve_field(request.clause.field, schema, "term")
        if resolved.kind is not FieldKind.KEYWORD:
            raise UnsupportedFeature(
                f"Values of {request.clause.field!r} are no keywords, so none can be held with a weight.",
                hint="Name a keyword field, such as id, brand, category, codes or attributes.<name>.",
                field=request.clause.field,
            )
    if isinstance(request.clause, Vector):
        _check_vector(request.clause, schema)
        if request.sort:
            raise UnsupportedFeature(
                "A vector search is ordered by similarity; it cannot be sorted by a field.",
                hint="Sort a Text or Everything request.",
                field="sort",
            )


def _check_vector(clause: Vector, schema: Schema) -> None:
    field = schema.vector(clause.field)
    if field is None:
        known = ", ".join(v.name for v in schema.vectors) or "none"
        raise InvalidInput(f"The index has no vector field {clause.field!r} (it has: {known}).", field="vector")
    if clause.vector.shape != (field.dim,):
        raise InvalidInput(
            f"The query vector for {clause.field!r} has shape {clause.vector.shape}, the index holds {field.dim} "
            "dimensions.",
            hint="Search with the encoder that made the index.",
            field="vector",
            expected=field.dim,
            found=list(clause.vector.shape),
        )
    if not np.any(clause.vector):
        raise InvalidInput(f"The query vector for {clause.field!r} is all zeros, it has no direction.", field="vector")


_UPDATABLE = frozenset(UPDATABLE_FIELDS)


def rejection(write: Write, schema: Schema) -> str:
    """Why no engine can take this write, or the empty text: the `error` of a result with status `rejected`."""
    if not isinstance(write.id, str) or not write.id:
        return f"The id must be a text of one character or more, got {write.id!r}."
    if not _is_unicode(write.id):
        return f"The id {write.id!r} holds a lone surrogate, which is no text."
    if write.version is not None and (isinstance(write.version, bool) or not 0 <= write.version < 1 << 63):
        return f"The version must lie in 0..2^63-1, got {write.version!r}."
    match write:
        case Delete():
            return _bad_kept(write)
        case Update():
            foreign = write.fields.keys() - _UPDATABLE
            if foreign:
                known = ", ".join(UPDATABLE_FIELDS)
                return f"Only {known} can change in a partial update, not {', '.join(sorted(foreign))}."
            return _bad_field(write.fields)
        case _:
            product = write.product
            return _bad_field(product.fields) or _bad_label(product, schema) or _bad_vector(product, schema)


def prune_limit(older_than_s: float) -> float:
    """The time (seconds since 1970) up to which tombstones are forgotten. Raises InvalidInput for a negative age."""
    if not older_than_s >= 0:
        raise InvalidInput(f"Tombstones cannot be older than {older_than_s} s.", field="older_than_s")
    return time.time() - older_than_s


def _bad_kept(write: Delete) -> str:
    foreign = sorted(set(write.kept) - set(UPDATABLE_FIELDS))
    if foreign:
        return f"A tombstone keeps {', '.join(UPDATABLE_FIELDS)}, not {', '.join(foreign)}."
    if any(write.version is None or kept.version <= write.version for kept in write.kept.values()):
        return "A tombstone keeps fields that were set at a higher version than its own."
    return _bad_field({name: kept.value for name, kept in write.kept.items()})


def _bad_field(fields: Mapping[str, Any]) -> str:
    for name, value in fields.items():
        if value is None:
            continue
        if name in _NUMBERS and not _is_number(value):
            return f"Field {name!r} needs a finite number, got {value!r:.80}."
        if name == "attribute_numbers":
            bad = next((key for key, number in value.items() if not _is_number(number)), None)
            if bad is not None:
                return f"Field 'attribute_numbers.{bad}' needs a finite number, got {value[bad]!r:.80}."
        if name == "in_stock" and not isinstance(value, bool):
            return f"Field 'in_stock' needs true or false, got {value!r:.80}."
        if name in _TEXTS:
            for text in [value] if isinstance(value, str) else value if isinstance(value, list | tuple) else [value]:
                if not isinstance(text, str):
                    return f"Field {name!r} needs text, got {text!r:.80}."
                if not _is_unicode(text):
                    return f"Field {name!r} holds a lone surrogate, which is no text."
        if name == "match_text" and (error := match_text_error(value) if isinstance(value, str) else "It is a list."):
            return f"Field 'match_text' is no match text. {error}"
    return ""


def _bad_label(product: IndexedProduct, schema: Schema) -> str:
    for label in product.fields.get("labels") or ():
        if schema.label(label.partition("=")[0]) is None:
            known = ", ".join(field.name for field in schema.labels) or "none"
            return f"Label {label!r:.80} is of no label field of the index (it has: {known})."
    return ""


def _bad_vector(product: IndexedProduct, schema: Schema) -> str:
    for name, vector in product.vectors.items():
        field = schema.vector(name)
        if field is None:
            return f"The index has no vector field {name!r}."
        if np.shape(vector) != (field.dim,):
            return f"Vector {name!r} has shape {np.shape(vector)}, the index holds {field.dim} dimensions."
        if not np.all(np.isfinite(vector)):
            return f"Vector {name!r} holds a value that is not finite."
        if not np.any(vector):
            return f"Vector {name!r} is all zeros, it has no direction; leave it out instead."
    return ""


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
