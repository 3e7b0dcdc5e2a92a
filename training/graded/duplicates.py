"""Products that are the same but for their id: none of them is a negative where another is a positive."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from rapidfuzz import fuzz

from multirecall.engines.analysis import split_words
from multirecall.engines.base import Engine

__all__ = ["Duplicates", "catalogue_duplicates"]

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


def catalogue_duplicates(engine: Engine, *, index: str | None = None) -> Duplicates:
    """Those of an index: reads titles and identifiers of all products once, and keeps them."""
    records = list(engine.scan(("title", "identifiers"), index=index))
    return Duplicates(
        {str(one["id"]): str(one.get("title") or "") for one in records},
        {str(one["id"]): [str(code) for code in one.get("identifiers") or ()] for one in records},
    )


def _with_digit(words: Iterable[str]) -> list[str]:
    return sorted(word for word in words if any(char.isdigit() for char in word))
