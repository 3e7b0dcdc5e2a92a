"""The texts to suggest, read from an index and from the queries that shoppers asked; bounded in memory."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from multirecall.engines.base import Engine
from multirecall.service.suggesting.completions import Suggestion, SuggestionKind

__all__ = ["frequent_queries", "read_texts"]

_FIELDS = ("title", "brand", "category_path", "popularity")
_MAX_CHARS = 120
"""Longer titles are cut at a word: nobody reads them in a list of completions."""


def read_texts(engine: Engine, index: str, *, max_texts: int) -> Iterator[Suggestion]:
    """Brands, categories and titles of all products of the index, `max_texts` of each kind at most.

    Of brands and categories those met first are counted, of titles the most popular kept.
    """
    brands: Counter[str] = Counter()
    categories: Counter[str] = Counter()
    titles = _Titles(max_texts)
    for record in engine.scan(_FIELDS, index=index):
        _count(brands, record.get("brand"), max_texts)
        for name in record.get("category_path") or ():
            _count(categories, name, max_texts)
        titles.add(record)
    yield from (Suggestion(text, SuggestionKind.BRAND, count) for text, count in brands.items())
    yield from (Suggestion(text, SuggestionKind.CATEGORY, count) for text, count in categories.items())
    yield from titles.kept()


def frequent_queries(texts: Iterable[str], *, min_count: int, max_texts: int) -> Iterator[Suggestion]:
    """Queries that were asked `min_count` times or more. A rare one may name a person: it is suggested to nobody."""
    counts: Counter[str] = Counter()
    for text in texts:
        _count(counts, " ".join(text.split()).casefold(), max_texts)
    for text, count in counts.items():
        if count >= min_count:
            yield Suggestion(text, SuggestionKind.QUERY, count)


def _count(counts: Counter[str], text: object, most: int) -> None:
    if isinstance(text, str) and 0 < len(text) <= _MAX_CHARS and (text in counts or len(counts) < most):
        counts[text] += 1


class _Titles:
    """The titles of the most popular products, with how many products have each."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._counts: Counter[str] = Counter()
        self._heap: list[tuple[float, str]] = []

    def add(self, record: Mapping[str, Any]) -> None:
        title = _shortened(str(record.get("title") or ""))
        if not title:
            return
        if title in self._counts:
            self._counts[title] += 1
            return
        self._counts[title] = 1
        entry = (float(record.get("popularity") or 0.0), title)
        if len(self._heap) < self._most:
            heapq.heappush(self._heap, entry)
        else:
            del self._counts[heapq.heappushpop(self._heap, entry)[1]]

    def kept(self) -> Iterator[Suggestion]:
        """All that are left."""
        return (Suggestion(title, SuggestionKind.TITLE, count) for title, count in self._counts.items())


def _shortened(title: str) -> str:
    if len(title) <= _MAX_CHARS:
        return title
    return title[:_MAX_CHARS].rpartition(" ")[0] or title[:_MAX_CHARS]
