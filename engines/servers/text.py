"""Text clause to query JSON: each word by its best field, codes beside the words, a tolerant form for typos.

The words are cut here and sent one by one in `match` queries, which analyse them as the index does. Nothing that
a user types is ever parsed as a query language.
"""

from __future__ import annotations

import math
from typing import Any

from multirecall.engines.analysis import split_words, stem
from multirecall.engines.base import FieldBoosts, Text

__all__ = ["MAX_WORDS", "text_query"]

MAX_WORDS = 64
"""Words beyond these are not looked for: OpenSearch refuses more than 1,024 clauses, and nobody types so many."""

TIE_BREAKER = 0.1
"""Share of the score of a word's other fields that is added to its best one; as in `exact`."""

FUZZY_SHARE = 0.5
"""What a word within the edit distance scores against the same word spelt right."""

_MAX_CLAUSES = 1_000
_MAX_VARIANTS = 30


def text_query(clause: Text, language: str) -> dict[str, Any]:
    """The clause as a scoring query; one that matches nothing if no word and no code is left to look for.

    With `min_match` the products that hold enough of the words are selected in filter context, so that a product
    found by its code scores by its words too.
    """
    fields = _boosted_fields(clause.boosts)
    words = _distinct_words(clause.text, language) if fields else []
    codes = list(dict.fromkeys(clause.codes))[:MAX_WORDS] if clause.boosts.codes > 0 else []
    variants = _variants_per_word(len(words), len(fields))
    by_word = [_word_query(word, fields, variants if clause.fuzzy else 0) for word in words]
    by_code = [{"term": {"codes": {"value": code, "boost": clause.boosts.codes}}} for code in codes]
    if not by_word and not by_code:
        return {"match_none": {}}
    scoring: dict[str, Any] = {"should": by_word + by_code, "minimum_should_match": 1}
    needed = max(1, math.ceil(clause.min_match * len(words)))
    if needed > 1:
        enough: dict[str, Any] = {"bool": {"should": by_word, "minimum_should_match": needed}}
        scoring["filter"] = [{"bool": {"should": [enough, *by_code], "minimum_should_match": 1}} if by_code else enough]
    return {"bool": scoring}


def _boosted_fields(boosts: FieldBoosts) -> list[tuple[str, float]]:
    fields = [
        ("title", boosts.title),
        ("brand.text", boosts.brand),
        ("category.text", boosts.category),
        ("description", boosts.description),
        ("attributes_text", boosts.attributes_text),
    ]
    return [(name, boost) for name, boost in fields if boost > 0]


def _distinct_words(text: str, language: str) -> list[str]:
    """One word per stem, in order: "toner toners" is one word to look for, as the index holds it."""
    by_stem = {stem(word, language): word for word in reversed(split_words(text)) if word}
    return list(reversed(by_stem.values()))[:MAX_WORDS]


def _variants_per_word(n_words: int, n_fields: int) -> int:
    """How many similar words each word may expand to, so that all clauses together stay below the server's limit."""
    if not n_words or not n_fields:
        return 0
    return min(_MAX_VARIANTS, max(1, (_MAX_CLAUSES - MAX_WORDS) // (n_words * n_fields) - 1))


def _word_query(word: str, fields: list[tuple[str, float]], variants: int) -> dict[str, Any]:
    queries: list[dict[str, Any]] = [{"match": {name: {"query": word, "boost": boost}}} for name, boost in fields]
    if variants:
        queries += [
            {
                "match": {
                    name: {
                        "query": word,
                        "boost": boost * FUZZY_SHARE,
                        "fuzziness": "AUTO:1,8",  # one edit up to 7 letters, two from 8 on
                        "prefix_length": 1,
                        "max_expansions": variants,
                    }
                }
            }
            for name, boost in fields
        ]
    return queries[0] if len(queries) == 1 else {"dis_max": {"queries": queries, "tie_breaker": TIE_BREAKER}}
