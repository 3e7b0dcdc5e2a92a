"""The attributes in a suggested mapping: prefixes, or the left-over fields that describe a product."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from multirecall.indexer.attributes import AttributeReader
from multirecall.indexer.field_stats import FieldStats
from multirecall.indexer.mapping import AttributeRules
from multirecall.indexer.values import to_number

__all__ = ["is_attribute_name", "suggest_attributes"]

_PREFIX = re.compile(
    r"(?:attr|attribute|attributes|spec|specs|feature|features|property|param|facet|pa)[_.:-](?:[a-z]_)?"
)
_NESTED = re.compile(r"(?:product )?(?:attributes?|specs?|specifications?|features|properties|params|tags)")
_INTERNAL = re.compile(
    r".*\b(?:id|ids|url|link|slug|seo|meta|published|created|updated|modified|template|status|position|alt|src|handle|"
    r"password|token|query|locale|sort|visibility|date|tax|cost|inventory|fulfillment|requires)\b.*"
)
_MIN_IN_PREFIX = 2
_MOST_NUMERIC = 50
_MIN_NUMERIC_COVERAGE = 0.005


def is_attribute_name(name: str) -> bool:
    """Whether the name says that the field is an attribute (`attr_colour`, `spec_width`)."""
    return _PREFIX.match(name) is not None


def suggest_attributes(
    records: Sequence[Mapping[str, Any]], stats: Mapping[str, FieldStats], used: set[str]
) -> tuple[AttributeRules, tuple[str, ...], str]:
    """(rules, numeric attributes by coverage, why)."""
    prefixes = Counter(match.group() for name in stats if name not in used and (match := _PREFIX.match(name)))
    chosen = tuple(sorted(prefix for prefix, n in prefixes.items() if n >= _MIN_IN_PREFIX and "." not in prefix))
    top_level = dict.fromkeys(str(name) for record in records for name in record)
    nested = tuple(name for name in top_level if name not in used and _NESTED.fullmatch(_words(name)))
    fields = nested
    if chosen:
        reason = f"fields that begin with {', '.join(chosen)}"
    else:
        left = (stats[name] for name in top_level if name in stats and name not in used and name not in nested)
        fields += tuple(s.name for s in left if _describes(s))
        reason = "left-over fields with short values" if fields else "no field looks like an attribute"
    rules = AttributeRules(prefixes=chosen, fields=fields)
    return rules, _numeric(records, rules), reason


def _words(name: str) -> str:
    return re.sub(r"[\W_]+", " ", name).lower().strip()


def _describes(stats: FieldStats) -> bool:
    """Short values, no addresses and dates, and nothing that is different in every row."""
    if stats.urls > 0.1 or stats.images > 0.5 or stats.dates > 0.5 or _INTERNAL.fullmatch(stats.words):
        return False
    return stats.mean_chars <= 200 and (stats.distinct < 0.9 or stats.numbers > 0.5 or len(stats.values) < 20)


def _numeric(records: Sequence[Mapping[str, Any]], rules: AttributeRules) -> tuple[str, ...]:
    """Attributes with numbers in nine of ten values, the best covered first (ties: by name)."""
    reader = AttributeReader(rules, numeric=(), used=())
    numbers: Counter[str] = Counter()
    values: Counter[str] = Counter()
    for record in records:
        for name, value in reader.read(record)[0].items():
            values[name] += 1
            numbers[name] += _is_number(value)
    least = max(2, _MIN_NUMERIC_COVERAGE * len(records))
    found = [
        name
        for name, n in numbers.items()
        if n >= least and n >= 0.9 * values[name] and not _INTERNAL.fullmatch(_words(name))
    ]
    return tuple(sorted(found, key=lambda name: (-numbers[name], name))[:_MOST_NUMERIC])


def _is_number(value: object) -> bool:
    if isinstance(value, bool | tuple):
        return False
    try:
        return to_number(value) is not None
    except ValueError:
        return False
