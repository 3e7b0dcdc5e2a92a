"""Served: a page, and how it came about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from multirecall.search.frozen import RouteList
from multirecall.search.page import Page

__all__ = ["CacheNote", "PageMark", "Served"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheNote:
    """`status`: `hit`; `stale` (a hit that is being made anew behind it); `miss`; `bypass` (the request or `explain`
    wanted a new answer); `off` (there is no cache). `level`: `memory` or `redis` for hits, else empty.

    `age_ms` is how long ago the order was made; product bodies are never older than the request.
    """

    status: str
    level: str = ""
    age_ms: float = 0.0


class PageMark(NamedTuple):
    """What a page was made of: its list, whether all processes find that, the last commit seen of its engine, and what
    is wrong with the live index. Pages of one request with equal marks are the same, but for their times."""

    list_id: str
    shared: bool
    commit: int
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """`page_token` names the list for further pages; empty if there is nothing to page through.

    `has_more`: the list goes on after this page. `gone` are the ids on this page whose products were deleted since
    the list was made; their places stay empty. `route_lists` has each route's own list, best first.
    """

    page: Page
    cache: CacheNote
    page_token: str = ""
    has_more: bool = False
    gone: tuple[str, ...] = ()
    route_lists: Mapping[str, RouteList] = field(default_factory=dict)
