"""What a cached list is looked up by: everything that it depends on."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from multirecall.core.filters import And, Filter, Not, Or, Terms
from multirecall.fusion.base import Fusion
from multirecall.search.pipeline import Searcher
from multirecall.search.serving.request import SearchRequest

__all__ = ["Repeated", "cache_key", "canonical"]

FORMAT = 2
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


class Repeated:
    """A request that is asked again and again: its key is worked out once for each searcher. For several threads."""

    __slots__ = ("_known", "request")

    def __init__(self, request: SearchRequest) -> None:
        self.request = request
        self._known: tuple[str, int, str] = ("", 0, "")

    def key(self, searcher: Searcher, window: int) -> str:
        """See `cache_key`."""
        fingerprint, known_window, key = self._known
        # The text itself, not an equal one: every searcher has its own, and may have another fusion.
        if fingerprint is not searcher.fingerprint or known_window != window:
            key = cache_key(self.request, searcher, window)
            self._known = (searcher.fingerprint, window, key)
        return key


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
