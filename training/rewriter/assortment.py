"""What a shop sells, read from its index: product types with the values that their attributes take."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from multirecall.engines.base import Engine
from multirecall.training.rewriter.data import Assortment

__all__ = ["read_assortment", "title_lines"]

_MAX_WORDS = 3  # longer values are sentences, not what people type
_MAX_VALUES = 12


def read_assortment(engine: Engine, *, min_products: int = 2) -> Assortment:
    """Product types (the last level of a category) with attribute values that at least `min_products` have.

    One scan; memory in the number of different (type, attribute, value).
    """
    counts: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for record in engine.scan(["category_path", "attributes"]):
        path = record.get("category_path")
        if not path:
            continue
        for name, value in _attributes(record.get("attributes")):
            if len(value.split()) <= _MAX_WORDS and any(c.isalpha() for c in value):
                counts[str(path[-1]).lower()][name][value.lower()] += 1
    out: dict[str, dict[str, tuple[str, ...]]] = {}
    for thing, attributes in sorted(counts.items()):
        kept = {}
        for name, values in sorted(attributes.items()):
            ranked = sorted(values.items(), key=lambda item: (-item[1], item[0]))
            common = tuple(value for value, n in ranked if n >= min_products)[:_MAX_VALUES]
            if len(common) > 1:
                kept[name] = common
        if kept:
            out[thing] = kept
    return out


def title_lines(engine: Engine) -> Iterator[str]:
    """Titles and attribute values, one text each: what the title model learns from."""
    for record in engine.scan(["title", "attributes"]):
        yield str(record.get("title") or "")
        for _, value in _attributes(record.get("attributes")):
            yield value


def _attributes(attributes: object) -> Iterator[tuple[str, str]]:
    """(name, value) of a stored record's attributes; a value may be one or a list."""
    if not isinstance(attributes, dict):
        return
    for name, value in attributes.items():
        for one in value if isinstance(value, list | tuple) else (value,):
            yield str(name), str(one)
