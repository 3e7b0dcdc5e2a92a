"""Facets: to aggregations, and back to counts."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from typing import Any

from multirecall.core.query import Facet
from multirecall.engines.base import FacetCount, FacetCounts
from multirecall.engines.fields import FieldKind, attribute_pair, resolve_field
from multirecall.engines.schema import Schema
from multirecall.engines.servers.filters import index_field

__all__ = ["aggregation", "facet_counts"]

_REGEX_SIGN = re.compile(r"[^\w]", re.ASCII)


def aggregation(facet: Facet, schema: Schema) -> dict[str, Any]:
    """The facet as an aggregation: count descending, then value ascending, which is the servers' own order."""
    if facet.edges:
        field = index_field(resolve_field(facet.field, schema, "range_facet"))
        bounds = [None, *facet.edges, None]
        ranges = [
            {name: edge for name, edge in (("from", low), ("to", high)) if edge is not None}
            for low, high in itertools.pairwise(bounds)
        ]
        return {"range": {"field": field, "ranges": ranges}}
    resolved = resolve_field(facet.field, schema, "facet")
    terms: dict[str, Any] = {"field": index_field(resolved), "size": facet.size}
    if resolved.pair_of is not None:
        terms["include"] = _escaped(attribute_pair(resolved.pair_of, "")) + ".*"
    return {"terms": terms}


def facet_counts(facet: Facet, answer: Mapping[str, Any], schema: Schema) -> FacetCounts:
    """The buckets of one aggregation in the server's answer, as the Engine contract orders them."""
    buckets = answer["buckets"]
    if facet.edges:
        bounds = [None, *facet.edges, None]
        counts = [
            FacetCount(count=bucket["doc_count"], gte=low, lt=high)
            for bucket, low, high in zip(buckets, bounds[:-1], bounds[1:], strict=True)
        ]
        return FacetCounts(field=facet.field, counts=tuple(counts))
    resolved = resolve_field(facet.field, schema, "facet")
    prefix = 0 if resolved.pair_of is None else len(attribute_pair(resolved.pair_of, ""))
    boolean = resolved.kind is FieldKind.BOOLEAN
    counts = [
        FacetCount(count=bucket["doc_count"], value=bool(bucket["key"]) if boolean else bucket["key"][prefix:])
        for bucket in buckets
    ]
    return FacetCounts(field=facet.field, counts=tuple(counts))


def _escaped(text: str) -> str:
    """The text as a Lucene regular expression that matches it and nothing else."""
    return _REGEX_SIGN.sub(lambda found: "\\" + found[0], text)
