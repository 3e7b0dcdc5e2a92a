"""Filter to query JSON. Every branch of the closed union is here; a filter field is resolved, never guessed."""

from __future__ import annotations

import math
from typing import Any

from multirecall.core.filters import And, Exists, Filter, FilterValue, Not, Or, Range, Term, Terms
from multirecall.engines.base import Holding
from multirecall.engines.fields import ResolvedField, resolve_field
from multirecall.engines.schema import Schema
from multirecall.engines.servers.names import number_field

__all__ = ["filter_query", "holding_query", "index_field"]

_NOTHING: dict[str, Any] = {"match_none": {}}
_ALL: dict[str, Any] = {"match_all": {}}
_LONGS = ("price_minor", "version")
_SMALLEST_LONG, _LARGEST_LONG = -(2**63), 2**63 - 1


def filter_query(node: Filter, schema: Schema) -> dict[str, Any]:
    """The filter as a query to be used in filter context.

    Raises InvalidFilter or UnsupportedFeature for what `resolve_field` refuses.
    """
    match node:
        case Term():
            return _terms(node.field, (node.value,), schema)
        case Terms():
            return _terms(node.field, node.values, schema)
        case Range():
            return _range(node, schema)
        case Exists():
            return _exists(node.field, schema)
        case And():
            return {"bool": {"filter": [filter_query(p, schema) for p in node.parts]}} if node.parts else _ALL
        case Or():
            if not node.parts:
                return _NOTHING
            parts = [filter_query(part, schema) for part in node.parts]
            return {"bool": {"should": parts, "minimum_should_match": 1}}
        case Not():
            return {"bool": {"must_not": [filter_query(node.part, schema)]}}


def holding_query(clause: Holding, schema: Schema) -> dict[str, Any]:
    """The products that hold a value of the clause, scored as it says."""
    held = [
        {"constant_score": {"filter": _terms(clause.field, (value,), schema), "boost": weight}}
        for value, weight in clause.weights.items()
    ]
    if clause.best:
        return {"dis_max": {"queries": held}}
    return {"bool": {"should": held}}


def index_field(resolved: ResolvedField) -> str:
    """The field's path in the mapping."""
    parent, _, attribute = resolved.name.partition(".")
    return number_field(attribute) if parent == "attribute_numbers" else resolved.name


def _terms(name: str, values: tuple[FilterValue, ...], schema: Schema) -> dict[str, Any]:
    resolved = resolve_field(name, schema, "term")
    field = index_field(resolved)
    stored = [v for v in map(resolved.value, values) if _can_be_stored(field, v)]
    match stored:
        case []:
            return _NOTHING
        case [value]:
            return {"term": {field: value}}
        case _:
            return {"terms": {field: stored}}


def _can_be_stored(field: str, value: FilterValue) -> bool:
    """False for what no product can hold, and the server would refuse: numbers beyond 64 bits, half characters."""
    if field in _LONGS and isinstance(value, int | float):
        return _SMALLEST_LONG <= value <= _LARGEST_LONG and value == int(value)
    if isinstance(value, str):
        return not any("\ud800" <= char <= "\udfff" for char in value)
    return True


def _range(node: Range, schema: Schema) -> dict[str, Any]:
    resolved = resolve_field(node.field, schema, "range")
    field = index_field(resolved)
    low, high = (_SMALLEST_LONG, _LARGEST_LONG) if field in _LONGS else (-math.inf, math.inf)
    bounds: dict[str, float] = {}
    for name, bound in (("gte", node.gte), ("gt", node.gt)):
        if bound is not None:
            if bound > high or (bound == math.inf):
                return _NOTHING
            if bound > low:
                bounds[name] = bound
    for name, bound in (("lte", node.lte), ("lt", node.lt)):
        if bound is not None:
            if bound < low or bound == -math.inf:
                return _NOTHING
            if bound < high:
                bounds[name] = bound
    return {"range": {field: bounds}} if bounds else {"exists": {"field": field}}


def _exists(name: str, schema: Schema) -> dict[str, Any]:
    resolved = resolve_field(name, schema, "exists")
    if resolved.name == "attribute_names":
        attribute = name.removeprefix("attributes.")
        return {"term": {resolved.name: attribute}} if _can_be_stored(resolved.name, attribute) else _NOTHING
    return {"exists": {"field": index_field(resolved)}}
