"""What a cached list is looked up by: everything that it depends on."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from multirecall.core.filters import And, Filter, Not, Or, Terms
from multirecall.fusion.base import Fusion
from multirecall.search.pipeline import Searcher
from multirecall.search.serving.request import SearchRequest

__all__ = ["cache_key", "canonical"]

FORMAT = 1
"""Raise it with any change of what a list holds or means: what was stored before is then not found any more."""


def cache_key(request: SearchRequest, searcher: Searcher, window: int) -> str:
    """32 hex digits over the query as the routes see it, the overrides, the window, and the searcher's fingerprint.

    The page (`offset`, `size`), the time budget and what was typed before understanding are no part of it. A list that
    was begun on an older generation has that one's key, whenever it is stored.
    """
    query = request.query
    fusion: Fusion = request.fusion or searcher.fusion
    parts = (
        FORMAT,
        query.text,
        query.codes,
        bool(query.raw.strip()),  # without text: the most popular products, or nothing to look for
        canonical(query.filter),
        query.sort,
        query.facets,
        window,
        None if request.routes is None else sorted(set(request.routes)),
        fusion,
        searcher.fingerprint,
    )
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def canonical(node: Filter | None) -> Filter | None:
    """The same filter in one order of its parts and values, however it was written."""
    match node:
        case And() | Or():
            parts = {repr(part): part for part in map(canonical, node.parts) if part is not None}
            return replace(node, parts=tuple(parts[name] for name in sorted(parts)))
        case Not():
            inner = canonical(node.part)
            return node if inner is None else replace(node, part=inner)
        case Terms():
            values = {repr(value): value for value in node.values}
            return replace(node, values=tuple(values[name] for name in sorted(values)))
        case _:
            return node
