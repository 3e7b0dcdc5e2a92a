"""Query: a search request, understood once; it is hashable and so its own cache key."""

from __future__ import annotations

from dataclasses import dataclass

from multirecall.core.errors import InvalidQuery
from multirecall.core.filters import Filter
from multirecall.core.rewriting import Rewriting

__all__ = ["MAX_QUERY_CHARS", "MAX_WINDOW", "Facet", "Query", "Rewrite", "Sort"]

MAX_QUERY_CHARS = 1_000
"""Longer query texts are cut here (and the answer says so): nobody types them, and engines refuse many clauses."""

MAX_WINDOW = 1_000
"""`offset + size` may not exceed this: the fused list is as long as the routes' candidate lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sort:
    """Order of the answer by a stored field instead of relevance; products without the field come last."""

    field: str
    descending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Facet:
    """Counts by value (`size` most frequent, count descending then value ascending), or by range.

    `edges` makes it a range facet: n edges give the n + 1 buckets (-inf, e0), [e0, e1), …, [e_last, inf).
    """

    field: str
    size: int = 10
    edges: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= self.size <= 1_000:
            raise InvalidQuery(f"Facet {self.field!r}: size must lie in 1..1000, got {self.size}.", field="facets")
        if list(self.edges) != sorted(set(self.edges)):
            raise InvalidQuery(f"Facet {self.field!r}: edges must rise strictly.", field="facets")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrite:
    """What one step of query understanding did to the text."""

    by: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """`raw` as typed; `text` normalised (what routes use); `codes` normalised part numbers and sizes found in it.

    `offset` and `size` cut the page out of the fused list. `rewritings` are other texts for the same need, best first:
    the searcher fills them in for a fusion that compares products with them too. Routes do not look at them.
    """

    raw: str
    text: str
    codes: tuple[str, ...] = ()
    filter: Filter | None = None
    sort: tuple[Sort, ...] = ()
    facets: tuple[Facet, ...] = ()
    offset: int = 0
    size: int = 10
    rewrites: tuple[Rewrite, ...] = ()
    rewritings: tuple[Rewriting, ...] = ()

    def __post_init__(self) -> None:
        if self.offset < 0:
            raise InvalidQuery(f"offset must be 0 or more, got {self.offset}.", field="offset")
        if self.size < 1:
            raise InvalidQuery(f"size must be 1 or more, got {self.size}.", field="size")
        if self.offset + self.size > MAX_WINDOW:
            raise InvalidQuery(
                f"offset + size may not exceed {MAX_WINDOW}, got {self.offset + self.size}.",
                hint="Narrow the search with filters instead of paging deeper.",
                field="size",
            )
