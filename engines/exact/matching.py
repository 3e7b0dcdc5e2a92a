"""Filters and facets by looking at every product: the definition the other engines are held against."""

from __future__ import annotations

import numpy as np

from multirecall.core.filters import And, Exists, Filter, FilterValue, Not, Or, Range, Term, Terms
from multirecall.core.query import Facet
from multirecall.engines.base import FacetCount, FacetCounts
from multirecall.engines.exact.snapshot import BoolArray, Snapshot
from multirecall.engines.fields import FieldKind, resolve_field

__all__ = ["count_facet", "matching_rows"]


def matching_rows(node: Filter | None, snapshot: Snapshot) -> BoolArray:
    """True for each row that passes the filter. Shape (rows,)."""
    match node:
        case None:
            return np.ones(len(snapshot), dtype=np.bool_)
        case Term():
            return _having(node.field, (node.value,), snapshot)
        case Terms():
            return _having(node.field, node.values, snapshot)
        case Range():
            return _between(node, snapshot)
        case Exists():
            return _existing(node.field, snapshot)
        case And():
            mask = np.ones(len(snapshot), dtype=np.bool_)
            for part in node.parts:
                mask &= matching_rows(part, snapshot)
            return mask
        case Or():
            mask = np.zeros(len(snapshot), dtype=np.bool_)
            for part in node.parts:
                mask |= matching_rows(part, snapshot)
            return mask
        case Not():
            return ~matching_rows(node.part, snapshot)


def count_facet(facet: Facet, rows: BoolArray, snapshot: Snapshot) -> FacetCounts:
    """The facet's buckets over the rows that are True; by value: count descending, then value ascending."""
    resolved = resolve_field(facet.field, snapshot.schema, "range_facet" if facet.edges else "facet")
    if facet.edges:
        column = snapshot.numbers(resolved.name)
        values = column.values[rows[column.rows]]
        bounds = [None, *facet.edges, None]
        buckets = np.bincount(np.searchsorted(facet.edges, values, side="right"), minlength=len(facet.edges) + 1)
        return FacetCounts(
            field=facet.field,
            counts=tuple(
                FacetCount(count=int(n), gte=low, lt=high)
                for n, low, high in zip(buckets, bounds[:-1], bounds[1:], strict=True)
            ),
        )
    prefix = "" if resolved.pair_of is None else f"{resolved.pair_of}="
    counts = [
        (int(np.count_nonzero(rows[having])), value[len(prefix) :] if isinstance(value, str) else value)
        for value, having in snapshot.keywords(resolved.name).rows.items()
        if not prefix or (isinstance(value, str) and value.startswith(prefix))
    ]
    found = sorted((pair for pair in counts if pair[0]), key=lambda pair: (-pair[0], pair[1]))
    return FacetCounts(
        field=facet.field, counts=tuple(FacetCount(count=n, value=value) for n, value in found[: facet.size])
    )


def _having(field: str, values: tuple[FilterValue, ...], snapshot: Snapshot) -> BoolArray:
    resolved = resolve_field(field, snapshot.schema, "term")
    mask = np.zeros(len(snapshot), dtype=np.bool_)
    stored = [resolved.value(value) for value in values]
    if resolved.kind is FieldKind.NUMBER:
        numbers = snapshot.numbers(resolved.name)
        mask[numbers.rows[np.isin(numbers.values, stored)]] = True
        return mask
    rows = snapshot.keywords(resolved.name).rows
    for value in stored:
        if isinstance(value, str | bool) and value in rows:
            mask[rows[value]] = True
    return mask


def _between(node: Range, snapshot: Snapshot) -> BoolArray:
    column = snapshot.numbers(resolve_field(node.field, snapshot.schema, "range").name)
    inside = np.ones(len(column.values), dtype=np.bool_)
    if node.gte is not None:
        inside &= column.values >= node.gte
    if node.gt is not None:
        inside &= column.values > node.gt
    if node.lte is not None:
        inside &= column.values <= node.lte
    if node.lt is not None:
        inside &= column.values < node.lt
    mask = np.zeros(len(snapshot), dtype=np.bool_)
    mask[column.rows[inside]] = True
    return mask


def _existing(field: str, snapshot: Snapshot) -> BoolArray:
    resolved = resolve_field(field, snapshot.schema, "exists")
    mask = np.zeros(len(snapshot), dtype=np.bool_)
    if resolved.kind is FieldKind.NUMBER:
        mask[snapshot.numbers(resolved.name).rows] = True
        return mask
    rows = snapshot.keywords(resolved.name).rows
    if resolved.name == "attribute_names":
        attribute = field.removeprefix("attributes.")
        mask[rows.get(attribute, np.array([], dtype=np.int64))] = True
        return mask
    for having in rows.values():
        mask[having] = True
    return mask
