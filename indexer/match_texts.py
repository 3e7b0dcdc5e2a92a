"""A product's match text (`core/match_text.py`): its words as the index analyses them, for fusions to compare."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from multirecall.core.match_text import MatchText
from multirecall.core.product import Product
from multirecall.engines.analysis import terms

__all__ = ["match_text"]

_SHORT_TEXT_CHARS = 120
_SPACE = re.compile(r"\s")


def match_text(product: Product, *, codes: Sequence[str], spoken: Iterable[str], language: str) -> MatchText:
    """The words of a product: `codes` are those of its record, `spoken` the searchable texts of its attributes."""
    title = terms(product.title, language)
    brand = _distinct(product.brand or "", language)
    # a dictionary keeps the order of the first occurrences
    other: dict[str, None] = {}
    for text in (*product.category_path, *spoken):
        other.update(dict.fromkeys(_distinct(text, language)))
    other.update(dict.fromkeys(terms(product.description, language)))
    for word in (*title, *brand):
        other.pop(word, None)
    return MatchText(
        title=tuple(title),
        brand=brand,
        attribute_names=tuple(sorted({_SPACE.sub("_", name) for name in product.attributes if name})),
        codes=tuple(codes),
        other=tuple(other),
    )


def _distinct(text: str, language: str) -> tuple[str, ...]:
    return (
        _remembered(text, language) if len(text) <= _SHORT_TEXT_CHARS else tuple(dict.fromkeys(terms(text, language)))
    )


@lru_cache(maxsize=1 << 14)
def _remembered(text: str, language: str) -> tuple[str, ...]:
    """Brands, categories and attribute values repeat from product to product."""
    return tuple(dict.fromkeys(terms(text, language)))
