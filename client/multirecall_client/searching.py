"""Search: what is searched for, as a value. Says only what was asked for; the rest is the service's own choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypedDict

from multirecall_client.answers import SearchResult
from multirecall_client.errors import InvalidArgument

__all__ = ["Search", "SearchOptions", "following"]

_ITERATED_SIZE = 100
_TEXTS = ("filters", "facets", "sort", "routes")
_WIRE_NAMES = {"offset": "from"}


class SearchOptions(TypedDict, total=False):
    """The keywords of a search beside its text; `Search` says what they mean."""

    filters: str | Sequence[str]
    facets: str | Sequence[str]
    sort: str | Sequence[str]
    offset: int
    size: int
    timeout_ms: int | None
    explain: bool
    page_token: str | None
    routes: str | Sequence[str]
    fusion: str | None
    use_cache: bool
    route_hits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """A search.

    Args:
        query: What the shopper typed; empty: the most popular products.
        filters: All of them must hold: `brand=HP`, `price<=100`, or `Field("price") <= 100`. One text or several.
        facets: What to count: `brand`, `category:25`, `price:50,100,500`.
        sort: `price`, `popularity:desc`.
        offset: Products to skip.
        size: Products on the page.
        timeout_ms: The service's time budget; None: its default.
        explain: Add what each product's score is made of; costs some milliseconds.
        page_token: `page.token` of an answer, for another page of that very list. Only `offset`, `size`, `explain` and
            `timeout_ms` stand beside it.
        routes: Ask only these recall routes: `lexical`, `dense`, `rewrite`. Empty: the service's choice.
        fusion: Merge the routes so: `rrf?k=60`, `weighted_sum?dense=0.6`; None: the service's choice.
        use_cache: False: compute the answer anew, and keep nothing of it.
        route_hits: Add the first so many products of every route's own list.
    """

    query: str = ""
    filters: str | Sequence[str] = ()
    facets: str | Sequence[str] = ()
    sort: str | Sequence[str] = ()
    offset: int = 0
    size: int = 10
    timeout_ms: int | None = None
    explain: bool = False
    page_token: str | None = None
    routes: str | Sequence[str] = ()
    fusion: str | None = None
    use_cache: bool = True
    route_hits: int = 0

    def __post_init__(self) -> None:
        """One text stands for a list of one; lists are copied. Raises InvalidArgument for what is not texts."""
        for name in _TEXTS:
            given = getattr(self, name)
            texts = (given,) if isinstance(given, str) else tuple(given)
            if not all(isinstance(text, str) for text in texts):
                raise InvalidArgument(f"Search: {name} are texts, not {texts!r}.")
            object.__setattr__(self, name, texts)

    @classmethod
    def of(cls, query: str | Search, options: SearchOptions) -> Search:
        """A search from what a method was given. Raises TypeError for an unknown keyword."""
        return replace(query if isinstance(query, Search) else cls(query=query), **options)

    @classmethod
    def through(cls, query: str | Search, options: SearchOptions) -> Search:
        """The same, to go through all pages: those are of 100 products unless their size is given."""
        return cls.of(query if isinstance(query, Search) else cls(query=query, size=_ITERATED_SIZE), options)

    def to_body(self) -> dict[str, Any]:
        """As the service reads it, without what is at its default."""
        said = ((field.name, getattr(self, field.name), field.default) for field in fields(self))
        return {_WIRE_NAMES.get(name, name): value for name, value, default in said if value != default}


def following(search: Search, page: SearchResult) -> Search | None:
    """The search for the page after this one, of the very same list; None after the last.

    Raises InvalidArgument if the service kept no list: pages without one may repeat products or miss some.
    """
    if not page.page.has_more:
        return None
    if not page.page.token:
        raise InvalidArgument("The service kept no list to page through: ask without `use_cache=False`.")
    return Search(
        page_token=page.page.token,
        offset=search.offset + search.size,
        size=search.size,
        explain=search.explain,
        timeout_ms=search.timeout_ms,
    )
