"""Text clause to query JSON: each word by its best field, codes beside the words, a tolerant form for typos.

The words are cut here and sent one by one, to be analysed as the index does it. Nothing that a user types is ever
parsed as a query language. One word:

    dis_max   the word over all text fields (`cross_fields`: it weighs as much in a field where it is rare by
              chance as in the others), the code that is spelt like it, and with `fuzzy` the words near it

The shape and the numbers were measured on the judged queries of a catalogue of 19,000 electronics products; what is
here was better on both halves of them (`docs/results/lexical-shape.md`).
"""

from __future__ import annotations

import math
from typing import Any

from multirecall.engines.base import FieldBoosts, Text
from multirecall.engines.scoring import MAX_WORDS, TIE_BREAKER, code_share, sought

__all__ = ["text_query"]

FUZZY_SHARE = 0.5
"""What a word within the edit distance scores against the same word spelt right."""

_MAX_CLAUSES = 1_000
_MAX_VARIANTS = 30

Json = dict[str, Any]


def text_query(clause: Text, language: str) -> Json:
    """The clause as a scoring query; one that matches nothing if no word and no code is left to look for.

    With `min_match` and codes the products are selected in filter context, by enough words or any code, so that a
    product found by its code scores by its words too.
    """
    fields = _boosted_fields(clause.boosts)
    by_stem, codes = sought(clause, language)
    words = list(by_stem.values())
    by_code = {code: _code_query(code, clause.boosts.codes) for code in codes}
    needed = max(1, math.ceil(clause.min_match * len(words)))
    asked_twice = needed > 1 and bool(by_code)
    variants = _variants_per_word(len(words) * len(fields) * (1 + asked_twice)) if clause.fuzzy else 0
    by_word = [_word_query(word, fields, variants) for word in words]
    if not by_word and not by_code:
        return {"match_none": {}}
    scoring = [
        _best_of([*queries, by_code[word]] if word in by_code else queries)
        for word, queries in zip(words, by_word, strict=True)
    ]
    scoring += [query for code, query in by_code.items() if code not in words]
    if not asked_twice:
        return {"bool": {"should": scoring, "minimum_should_match": needed}}
    enough = {"bool": {"should": [_best_of(queries) for queries in by_word], "minimum_should_match": needed}}
    selected = {"bool": {"should": [enough, *by_code.values()], "minimum_should_match": 1}}
    return {"bool": {"should": scoring, "filter": [selected]}}


def _boosted_fields(boosts: FieldBoosts) -> list[tuple[str, float]]:
    fields = [
        ("title", boosts.title),
        ("brand.text", boosts.brand),
        ("category.text", boosts.category),
        ("description", boosts.description),
        ("attributes_text", boosts.attributes_text),
    ]
    return [(name, boost) for name, boost in fields if boost > 0]


def _variants_per_word(n_looked_for: int) -> int:
    """How many near words a word in a field may expand to, so that all clauses stay below the server's limit.

    `n_looked_for` counts words times fields; the codes take up to two clauses each.
    """
    room = (_MAX_CLAUSES - 2 * MAX_WORDS) // max(1, n_looked_for) - 1
    return min(_MAX_VARIANTS, max(1, room))


def _word_query(word: str, fields: list[tuple[str, float]], variants: int) -> list[Json]:
    """The ways in which one word may be found; it counts by the best of them."""
    exact: Json = {
        "multi_match": {
            "query": word,
            "type": "cross_fields",
            "fields": [f"{name}^{boost:g}" for name, boost in fields],
            "tie_breaker": TIE_BREAKER,
        }
    }
    near: list[Json] = [
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
        for name, boost in (fields if variants else [])
    ]
    return [exact, *near]


def _code_query(code: str, boost: float) -> Json:
    return {"term": {"codes": {"value": code, "boost": boost * code_share(code)}}}


def _best_of(queries: list[Json]) -> Json:
    return queries[0] if len(queries) == 1 else {"dis_max": {"queries": queries, "tie_breaker": TIE_BREAKER}}
