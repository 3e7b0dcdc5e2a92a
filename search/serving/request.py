"""SearchRequest: a query, and how it is to be answered."""

from __future__ import annotations

from dataclasses import dataclass

from multirecall.core.query import Query
from multirecall.fusion.base import Fusion

__all__ = ["SearchRequest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRequest:
    """`query.offset` and `query.size` cut the page, also with a `page_token`; then all else of the query is ignored.

    `timeout_s` None: the searcher's own. `routes` asks only these (None: all that the policy leaves), `fusion` takes
    the place of the searcher's. Both are part of what the cache looks for. `use_cache` False makes the answer anew and
    stores nothing but its order, for the pages that follow. `explain` makes it anew too: only then are the features at
    hand that scores are made of.
    """

    query: Query
    timeout_s: float | None = None
    explain: bool = False
    routes: tuple[str, ...] | None = None
    fusion: Fusion | None = None
    use_cache: bool = True
    page_token: str | None = None
