"""Facet counts over all matches of a query, exact."""

from __future__ import annotations

import math
from itertools import pairwise

from tantivy import Occur, Query

from multirecall.core.query import Facet
from multirecall.engines.base import FacetCount, FacetCounts
from multirecall.engines.embedded.documents import column_name
from multirecall.engines.embedded.snapshot import Snapshot
from multirecall.engines.fields import FieldKind, resolve_field

__all__ = ["count_facet"]


def count_facet(facet: Facet, query: Query, snapshot: Snapshot) -> FacetCounts:
    """The facet's buckets; by value: count descending, then value ascending."""
    resolved = resolve_field(facet.field, snapshot.schema, "range_facet" if facet.edges else "facet")
    column = column_name(resolved.name, snapshot.schema)
    if facet.edges:
        return FacetCounts(field=facet.field, counts=_ranges(column, facet.edges, query, snapshot))
    if resolved.kind is FieldKind.BOOLEAN:
        buckets = snapshot.searcher.aggregate(query, {"facet": {"terms": {"field": column}}})["facet"]["buckets"]
        counted: list[tuple[str | bool, int]] = [(bool(b["key"]), int(b["doc_count"])) for b in buckets]
    else:
        # unlike a terms aggregation this counts every value, and only those of one attribute
        prefix = "" if resolved.pair_of is None else f"{resolved.pair_of}="
        counted = [
            (value[len(prefix) :], count)
            for value, count in snapshot.searcher.terms_with_prefix(column, prefix, query)
            if count
        ]
    counted.sort(key=lambda pair: (-pair[1], pair[0]))
    return FacetCounts(
        field=facet.field, counts=tuple(FacetCount(count=n, value=value) for value, n in counted[: facet.size])
    )


def _ranges(column: str, edges: tuple[float, ...], query: Query, snapshot: Snapshot) -> tuple[FacetCount, ...]:
    finite = [float(edge) for edge in edges if math.isfinite(edge)]
    counts = []
    if finite:
        bounds = [None, *finite, None]
        ranges = [
            {key: bound for key, bound in (("from", low), ("to", high)) if bound is not None}
            for low, high in pairwise(bounds)
        ]
        answer = snapshot.searcher.aggregate(query, {"facet": {"range": {"field": column, "ranges": ranges}}})
        by_start = {bucket.get("from"): int(bucket["doc_count"]) for bucket in answer["facet"]["buckets"]}
        counts = [by_start.get(low, 0) for low in bounds[:-1]]  # an index without documents gives no buckets
    else:
        counts = [snapshot.count(Query.boolean_query([(Occur.Must, query), (Occur.Must, Query.exists_query(column))]))]
    if edges[0] == -math.inf:
        counts.insert(0, 0)
    if edges[-1] == math.inf:
        counts.append(0)
    outer = (None, *edges, None)
    return tuple(
        FacetCount(count=n, gte=low, lt=high) for n, low, high in zip(counts, outer[:-1], outer[1:], strict=True)
    )
