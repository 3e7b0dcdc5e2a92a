"""Products that are the same but for their id: none of them is a negative where another is a positive."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from rapidfuzz import fuzz

from multirecall.engines.analysis import split_words
from multirecall.engines.base import Engine

__all__ = ["Duplicates", "catalogue_duplicates", "duplicates_of"]

_ALIKE = 95.0
"""Percent of letters in common order, words sorted: "toner, black" and "black toners" are the same."""

_GTIN = re.compile(r"\d{8,14}")


class Duplicates:
    """Told by an equal GTIN, an equal title, or titles that are nearly equal and name the same numbers.

    The numbers must be equal, and so must all words with a digit: a toner for another printer is the very negative that
    training needs.
    """

    def __init__(self, titles: Mapping[str, str], identifiers: Mapping[str, Iterable[str]] | None = None) -> None:
        """Titles, and identifiers of any kind, by product id."""
        self._titles = {one: split_words(title) for one, title in titles.items()}
        self._codes = {
            one: frozenset(code.lstrip("0") for code in of if _GTIN.fullmatch(code))
            for one, of in (identifiers or {}).items()
        }

    def any(self, product: str, others: Iterable[str]) -> bool:
        """Whether it is the same as one of the others. A product without title and GTIN is like none."""
        words, codes = self._titles.get(product) or [], self._codes.get(product, frozenset())
        numbers, text = _with_digit(words), " ".join(sorted(words))
        for other in others:
            if other == product or codes & self._codes.get(other, frozenset()):
                return True
            theirs = self._titles.get(other) or []
            if words and numbers == _with_digit(theirs) and fuzz.ratio(text, " ".join(sorted(theirs))) >= _ALIKE:
                return True
        return False

    def kinds(self) -> dict[str, str]:
        """What the copies of each product share, by product: an id that stands for all of them.

        Copies have a GTIN in common or the same words in their titles, in any order, or a copy in common. Products
        without any are left out.
        """
        parent: dict[str, str] = {}

        def root(one: str) -> str:
            while parent.setdefault(one, one) != one:
                one = parent[one]
            return one

        first: dict[object, str] = {}
        for one in sorted(self._titles.keys() | self._codes.keys()):
            words = self._titles.get(one)
            for mark in (*self._codes.get(one, ()), *([tuple(sorted(words))] if words else ())):
                parent[root(one)] = root(first.setdefault(mark, one))
        shared = Counter(root(one) for one in parent)
        return {one: root(one) for one in parent if shared[root(one)] > 1}


def duplicates_of(records: Iterable[Mapping[str, Any]]) -> Duplicates:
    """Those among records with `id`, `title` and `identifiers`, as an engine gives them."""
    known = [
        (str(one["id"]), str(one.get("title") or ""), [str(code) for code in one.get("identifiers") or ()])
        for one in records
    ]
    return Duplicates({one: title for one, title, _ in known}, {one: codes for one, _, codes in known})


def catalogue_duplicates(engine: Engine, *, index: str | None = None) -> Duplicates:
    """Those of an index: reads titles and identifiers of all products once, and keeps them."""
    return duplicates_of(engine.scan(("title", "identifiers"), index=index))


def _with_digit(words: Iterable[str]) -> list[str]:
    return sorted(word for word in words if any(char.isdigit() for char in word))
