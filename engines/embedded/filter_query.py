"""A filter as a tantivy query that matches exactly the products that pass it; its scores mean nothing.

And the clause that is built of the same parts, whose scores do: `holding_query`.
"""

from __future__ import annotations

import math
from typing import Any

from tantivy import FieldType, Occur, Query

from multirecall.core.filters import And, Exists, Filter, FilterValue, Not, Or, Range, Term, Terms
from multirecall.engines.base import Holding
from multirecall.engines.embedded.documents import column_name
from multirecall.engines.fields import FieldKind, ResolvedField, resolve_field
from multirecall.engines.schema import Schema

__all__ = ["column_query", "exists_query", "filter_query", "holding_query"]


def filter_query(node: Filter, schema: Schema, text_schema: Any) -> Query:
    """Raises InvalidFilter and UnsupportedFeature as `resolve_field` does."""
    match node:
        case Term():
            return _any_of(node.field, (node.value,), schema, text_schema)
        case Terms():
            return _any_of(node.field, node.values, schema, text_schema)
        case Range():
            return _between(node, schema, text_schema)
        case Exists():
            resolved = resolve_field(node.field, schema, "exists")
            if resolved.name == "attribute_names":
                attribute = node.field.partition(".")[2]
                return column_query(resolved, attribute, schema, text_schema)
            return exists_query(resolved, schema)
        case And():
            parts = [(Occur.Must, filter_query(part, schema, text_schema)) for part in node.parts]
            return Query.boolean_query(parts) if parts else Query.all_query()
        case Or():
            either = [(Occur.Should, filter_query(part, schema, text_schema)) for part in node.parts]
            return Query.boolean_query(either) if either else Query.empty_query()
        case Not():
            # a query of only "must not" matches nothing in tantivy
            return Query.boolean_query(
                [(Occur.Must, Query.all_query()), (Occur.MustNot, filter_query(node.part, schema, text_schema))]
            )


def holding_query(clause: Holding, schema: Schema, text_schema: Any) -> Query:
    """The products that hold a value of the clause, scored as it says."""
    resolved = resolve_field(clause.field, schema, "term")
    held = [
        Query.const_score_query(column_query(resolved, resolved.value(value), schema, text_schema), weight)
        for value, weight in clause.weights.items()
    ]
    if clause.best:
        return Query.disjunction_max_query(held, 0.0)
    return Query.boolean_query([(Occur.Should, query) for query in held])


def exists_query(resolved: ResolvedField, schema: Schema) -> Query:
    """Products that have a value in the field."""
    return Query.exists_query(column_name(resolved.name, schema))


def column_query(resolved: ResolvedField, value: Any, schema: Schema, text_schema: Any) -> Query:
    """Products whose field holds the stored form of a value."""
    name = column_name(resolved.name, schema)
    if resolved.kind is FieldKind.KEYWORD:
        return Query.term_query(text_schema, name, value, "basic") if _is_text(value) else Query.empty_query()
    if resolved.kind is FieldKind.BOOLEAN:
        return Query.term_query(text_schema, name, value)
    number = _as_float(value)
    if not math.isfinite(number):
        return Query.empty_query()
    return Query.term_query(text_schema, name, number + 0.0)  # + 0.0 turns -0.0 into 0.0, as the documents do


def _any_of(field: str, values: tuple[FilterValue, ...], schema: Schema, text_schema: Any) -> Query:
    resolved = resolve_field(field, schema, "term")
    queries = [column_query(resolved, resolved.value(value), schema, text_schema) for value in values]
    if not queries:
        return Query.empty_query()
    return queries[0] if len(queries) == 1 else Query.boolean_query([(Occur.Should, query) for query in queries])


def _between(node: Range, schema: Schema, text_schema: Any) -> Query:
    name = column_name(resolve_field(node.field, schema, "range").name, schema)
    lower = node.gte if node.gte is not None else node.gt if node.gt is not None else -math.inf
    upper = node.lte if node.lte is not None else node.lt if node.lt is not None else math.inf
    return Query.range_query(
        text_schema,
        name,
        FieldType.Float,
        _as_float(lower),
        _as_float(upper),
        include_lower=node.gt is None,
        include_upper=node.lt is None,
    )


def _as_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:  # an integer beyond any float
        return math.inf if value > 0 else -math.inf


def _is_text(value: str) -> bool:
    """Whether the index can hold the value at all: no text with a lone surrogate is in it."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
