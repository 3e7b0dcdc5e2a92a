"""A Query as plain JSON values and back."""

from __future__ import annotations

from typing import Any

from multirecall.core.filters import And, Exists, Filter, Not, Or, Range, Term, Terms
from multirecall.core.query import Facet, Query, Rewrite, Sort
from multirecall.core.rewriting import Rewriting

__all__ = ["query_from", "query_values"]


def query_values(query: Query) -> dict[str, Any]:
    """The query without its page: `offset` and `size` belong to the request."""
    return {
        "raw": query.raw,
        "text": query.text,
        "codes": query.codes,
        "filter": None if query.filter is None else _filter_values(query.filter),
        "sort": [[sort.field, sort.descending] for sort in query.sort],
        "facets": [[facet.field, facet.size, facet.edges] for facet in query.facets],
        "rewrites": [[rewrite.by, rewrite.before, rewrite.after] for rewrite in query.rewrites],
        "rewritings": [[said.text, said.by, said.confidence, said.log] for said in query.rewritings],
    }


def query_from(values: dict[str, Any]) -> Query:
    """The query that `query_values` wrote down. Raises KeyError, TypeError or ValueError for anything else."""
    return Query(
        raw=values["raw"],
        text=values["text"],
        codes=tuple(values["codes"]),
        filter=None if values["filter"] is None else _filter_from(values["filter"]),
        sort=tuple(Sort(field=field, descending=descending) for field, descending in values["sort"]),
        facets=tuple(Facet(field=field, size=size, edges=tuple(edges)) for field, size, edges in values["facets"]),
        rewrites=tuple(Rewrite(by=by, before=before, after=after) for by, before, after in values["rewrites"]),
        rewritings=tuple(
            Rewriting(text=text, by=by, confidence=confidence, log=tuple(log))
            for text, by, confidence, log in values.get("rewritings", ())  # lists of earlier versions have none
        ),
    )


def _filter_values(node: Filter) -> list[Any]:
    match node:
        case Term():
            return ["term", node.field, node.value]
        case Terms():
            return ["terms", node.field, node.values]
        case Range():
            return ["range", node.field, node.gte, node.gt, node.lte, node.lt]
        case Exists():
            return ["exists", node.field]
        case And():
            return ["and", [_filter_values(part) for part in node.parts]]
        case Or():
            return ["or", [_filter_values(part) for part in node.parts]]
        case Not():
            return ["not", _filter_values(node.part)]


def _filter_from(values: list[Any]) -> Filter:
    match values:
        case ["term", field, value]:
            return Term(field=field, value=value)
        case ["terms", field, many]:
            return Terms(field=field, values=tuple(many))
        case ["range", field, gte, gt, lte, lt]:
            return Range(field=field, gte=gte, gt=gt, lte=lte, lt=lt)
        case ["exists", field]:
            return Exists(field=field)
        case ["and", parts]:
            return And(parts=tuple(map(_filter_from, parts)))
        case ["or", parts]:
            return Or(parts=tuple(map(_filter_from, parts)))
        case ["not", part]:
            return Not(part=_filter_from(part))
    raise ValueError(f"no filter: {values!r}")
