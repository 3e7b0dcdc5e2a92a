"""What the values of each source field look like: the evidence for a suggested mapping."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from multirecall.indexer.prices import to_price
from multirecall.indexer.records import field_names, values_at
from multirecall.indexer.values import to_bool, to_number, to_timestamp

__all__ = ["FieldStats", "field_stats", "words_of_name"]

_LOOKED_AT = 300
"""Values of one field whose form is examined; that tells shares well enough and keeps 5,000 sparse fields quick."""

_URL = re.compile(r"(?:https?:)?//\S+$", re.IGNORECASE)
_IMAGE = re.compile(
    r"\.(?:jpe?g|png|gif|webp|avif|svg)(?:\?|$)|/(?:img|images?|media)/|^https?://images?\.", re.IGNORECASE
)
_CODE = re.compile(r"(?=\S*\d)\S{3,}(?: \S+)?$")
_NAME_WORDS = re.compile(r"[^\W_]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def words_of_name(name: str) -> str:
    """A field name as lower-case words: `productTitle`, `Product_Title` and `product title` are the same."""
    return " ".join(_NAME_WORDS.findall(_CAMEL.sub(" ", name).lower()))


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldStats:
    """`words` is the name as lower-case words.

    Shares are between 0 and 1: `filled` of the records, `distinct` and all others of the values seen.

    `values` are up to 300 of them, in order; `mean_chars` and `mean_words` are of values that are text.
    """

    name: str
    words: str
    filled: float
    distinct: float
    text: float
    whole_numbers: float
    numbers: float
    booleans: float
    prices: float
    dates: float
    urls: float
    images: float
    codes: float
    lists: float
    mean_chars: float
    mean_words: float
    values: tuple[Any, ...]


def field_stats(records: Sequence[Mapping[str, Any]]) -> dict[str, FieldStats]:
    """Statistics by field name, in order of first appearance; fields that are never filled are left out."""
    values: dict[str, list[Any]] = {}
    filled: dict[str, int] = {}
    lists: dict[str, int] = {}
    for record in records:
        for name in field_names(record):
            found = [v for v in values_at(record, name) if not isinstance(v, Mapping)]
            if not found:
                continue
            filled[name] = filled.get(name, 0) + 1
            lists[name] = lists.get(name, 0) + isinstance(record.get(name), list | tuple)
            values.setdefault(name, []).extend(found)
    return {
        name: _stats(name, found, filled[name] / len(records), lists[name] / filled[name])
        for name, found in values.items()
    }


def _stats(name: str, all_values: list[Any], filled: float, lists: float) -> FieldStats:
    step = -(-len(all_values) // _LOOKED_AT)
    values = all_values[::step]
    n = len(values)
    texts = [v.strip() for v in values if isinstance(v, str)]

    def share(test: Any, among: Sequence[Any] = values) -> float:
        return sum(map(bool, map(test, among))) / n

    return FieldStats(
        name=name,
        words=words_of_name(name),
        filled=filled,
        distinct=len({repr(v) for v in all_values}) / len(all_values),
        text=len(texts) / n,
        whole_numbers=share(lambda v: isinstance(v, int) and not isinstance(v, bool)),
        numbers=share(lambda v: _reads(to_number, v)),
        booleans=share(lambda v: isinstance(v, bool) or (isinstance(v, str) and _reads(to_bool, v))),
        prices=share(_is_price),
        dates=share(lambda v: not _reads(to_number, v) and _reads(to_timestamp, v)),
        urls=share(_URL.match, texts),
        images=share(_IMAGE.search, texts),
        codes=share(_CODE.match, texts),
        lists=lists,
        mean_chars=sum(map(len, texts)) / len(texts) if texts else 0.0,
        mean_words=sum(len(t.split()) for t in texts) / len(texts) if texts else 0.0,
        values=tuple(values),
    )


def _reads(read: Any, value: Any) -> bool:
    try:
        return read(value) is not None
    except ValueError:
        return False


def _is_price(value: Any) -> bool:
    try:
        return to_price(value, unit="major", currency=None) is not None
    except ValueError:
        return False
