"""A Text clause as a tantivy query built from our own words: no character of the text is an operator.

The score is that of `engines/scoring.py` times 1 + K1, which tantivy has in it. tantivy knows only its own idf, one
per field; so each term carries as boost what leads from that to the idf of the definition. What cannot be led back:
tantivy keeps field lengths in a byte, takes the mean length over all products (those without the field too), and
its statistics count a replaced product until its segment is merged.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from tantivy import Occur, Query

from multirecall.engines.base import Text
from multirecall.engines.embedded.documents import TEXT_FIELDS, text_field
from multirecall.engines.embedded.vocabulary import nearest_in_field
from multirecall.engines.scoring import K1, TIE_BREAKER, B, code_share, is_common, sought

if TYPE_CHECKING:
    from multirecall.engines.embedded.snapshot import Snapshot

__all__ = ["text_query"]


class _Searched(NamedTuple):
    """A text field that is searched: its place among `TEXT_FIELDS`, tantivy's name for it, its boost."""

    position: int
    name: str
    boost: float


def text_query(clause: Text, snapshot: Snapshot, *, scored: bool = True) -> Query:
    """The clause as a query; one that matches nothing if no word and no code is left to look for.

    Unscored it matches the same products, in half of the time: enough to count them.
    """
    fields = [
        _Searched(position, text_field(name), boost)
        for position, name in enumerate(TEXT_FIELDS)
        if (boost := getattr(clause.boosts, name)) > 0
    ]
    words, codes = sought(clause, snapshot.schema.language)
    in_text = {
        typed: _word_query(word, fields, snapshot, fuzzy=clause.fuzzy, scored=scored) for word, typed in words.items()
    }
    by_code = {code: query for code in codes if (query := _code_query(code, clause.boosts.codes, snapshot)) is not None}
    scoring = [
        Query.disjunction_max_query([query, by_code[typed]], TIE_BREAKER) if typed in by_code else query
        for typed, query in in_text.items()
    ]
    scoring += [query for code, query in by_code.items() if code not in in_text]
    if not scoring:
        return Query.empty_query()
    needed = max(1, math.ceil(clause.min_match * len(words)))
    enough = _at_least(needed, scoring if needed == 1 else list(in_text.values()))
    matching = enough if needed == 1 or not by_code else _at_least(1, [enough, *by_code.values()])
    if not scored:
        return Query.const_score_query(matching, 0.0)
    if matching is enough:
        return enough
    # matching and scoring apart: a product found by its code still earns the score of the words it has
    matching = Query.const_score_query(matching, 0.0)
    return Query.boolean_query([(Occur.Must, matching), *((Occur.Should, query) for query in scoring)])


def _at_least(needed: int, queries: list[Query]) -> Query:
    """So many of the queries match, at least; their scores are added up."""
    if needed > len(queries):
        return Query.empty_query()
    if needed == len(queries):  # the same as below, but tantivy then walks the shortest list only
        return Query.boolean_query([(Occur.Must, query) for query in queries])
    return Query.boolean_query([(Occur.Should, query) for query in queries], needed)


def _word_query(word: str, fields: list[_Searched], snapshot: Snapshot, *, fuzzy: bool, scored: bool) -> Query:
    """The word by its best field, with `fuzzy` also by its variants: (1 - distance / length) of their score, their
    idf held to that of the word (a rare misspelling in the catalogue must not outrank the right spelling)."""
    vocabulary, n = snapshot.committed.vocabulary, snapshot.n_counted
    term_query = _term_query if scored else _unscored_term_query
    holding = vocabulary.holding(snapshot.searcher, word)
    most = max(holding[field.position] for field in fields)
    variants = vocabulary.variants(snapshot.searcher, word) if fuzzy and not is_common(most, n) else []
    in_fields = []
    for field in fields:
        in_field = holding[field.position]
        ways = [term_query(field.name, word, field.boost, most, in_field, snapshot)] if in_field else []
        for variant in nearest_in_field(variants, field.position):
            at_least = max(most, *(variant.holding[other.position] for other in fields))
            weight = field.boost * (1.0 - variant.distance / len(word))
            in_field = variant.holding[field.position]
            ways.append(term_query(field.name, variant.term, weight, at_least, in_field, snapshot))
        if ways:
            in_fields.append(ways[0] if len(ways) == 1 else Query.disjunction_max_query(ways, 0.0))
    if not in_fields:
        return Query.empty_query()
    return in_fields[0] if len(in_fields) == 1 else Query.disjunction_max_query(in_fields, TIE_BREAKER)


def _term_query(field: str, term: str, boost: float, holding: int, in_field: int, snapshot: Snapshot) -> Query:
    """The term in one field, scored as if `holding` products held it instead of `in_field`."""
    weight = boost * _idf(snapshot.n_counted, holding) / _idf(snapshot.n_counted, in_field)
    query = Query.term_query(snapshot.text_schema, field, term, "freq")
    return query if weight == 1 else Query.boost_query(query, weight)


def _unscored_term_query(
    field: str, term: str, _boost: float, _holding: int, _in_field: int, snapshot: Snapshot
) -> Query:
    return Query.term_query(snapshot.text_schema, field, term, "basic")


def _code_query(code: str, boost: float, snapshot: Snapshot) -> Query | None:
    """A product with the code, at one score however many codes it has; None if no product has it."""
    holding = snapshot.holding("codes", code)
    if not holding:
        return None
    norm = K1 * (1 - B + B / snapshot.mean_codes())
    score = (1 + K1) * boost * code_share(code) * _idf(snapshot.n_counted, holding) / (1 + norm)
    return Query.const_score_query(Query.term_query(snapshot.text_schema, "codes", code, "basic"), score)


def _idf(n: int, holding: int) -> float:
    return math.log(1 + (n - holding + 0.5) / (holding + 0.5))
