"""A Text clause as a tantivy query built from our own words: no character of the text is an operator."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tantivy import Occur, Query

from multirecall.engines.analysis import terms
from multirecall.engines.base import Text
from multirecall.engines.embedded.documents import TEXT_FIELDS, text_field

if TYPE_CHECKING:
    from multirecall.engines.embedded.snapshot import Snapshot

__all__ = ["MAX_WORDS", "TIE_BREAKER", "text_query"]

TIE_BREAKER = 0.1
"""Share of the score of a word's other fields that is added to its best one."""

MAX_WORDS = 256
"""Different words of a text that are searched; further ones are not looked at (nor counted for `min_match`)."""


def text_query(clause: Text, snapshot: Snapshot) -> Query:
    """Score(p) = sum over words of dismax_f(boost_f * bm25(word, f, p)) + sum over codes of boost * bm25(code, p).

    BM25 is tantivy's: k1 1.2, b .75, field lengths rounded to a byte, statistics that count a replaced product
    until its segment is merged. A text without words and codes matches nothing.
    """
    words = list(dict.fromkeys(terms(clause.text, snapshot.schema.language)))[:MAX_WORDS]
    fields = [(text_field(name), boost) for name in TEXT_FIELDS if (boost := getattr(clause.boosts, name)) > 0]
    by_word = [_word_query(word, fields, snapshot, fuzzy=clause.fuzzy) for word in words] if fields else []
    codes = dict.fromkeys(clause.codes) if clause.boosts.codes > 0 else ()
    by_code = [
        Query.boost_query(Query.term_query(snapshot.text_schema, "codes", code, "freq"), clause.boosts.codes)
        for code in codes
        if _is_text(code)
    ]
    scoring = [(Occur.Should, query) for query in (*by_word, *by_code)]
    if not scoring:
        return Query.empty_query()
    needed = max(1, math.ceil(clause.min_match * len(words)))
    if needed == 1:
        return Query.boolean_query(scoring)
    enough_words = (
        Query.boolean_query([(Occur.Should, query) for query in by_word], needed)
        if needed <= len(by_word)
        else Query.empty_query()
    )
    if not by_code:
        return enough_words
    # matching and scoring apart: a product found by its code still earns the score of the words it has
    matching = Query.boolean_query([(Occur.Should, enough_words), *((Occur.Should, query) for query in by_code)])
    return Query.boolean_query([(Occur.Must, Query.const_score_query(matching, 0.0)), *scoring])


def _word_query(word: str, fields: list[tuple[str, float]], snapshot: Snapshot, *, fuzzy: bool) -> Query:
    in_fields = []
    for field, boost in fields:
        query = Query.term_query(snapshot.text_schema, field, word, "freq")
        if fuzzy:
            query = _with_variants(query, word, field, snapshot)
        in_fields.append(query if boost == 1 else Query.boost_query(query, boost))
    return Query.disjunction_max_query(in_fields, TIE_BREAKER)


def _with_variants(exact: Query, word: str, field: str, snapshot: Snapshot) -> Query:
    """The word or its best variant: (1 - distance / length) times the variant's BM25, whose idf never exceeds
    that of the word (a rare misspelling in the catalogue must not outrank the right spelling)."""
    variants = snapshot.committed.vocabulary.variants(snapshot.searcher, field, word)
    if not variants:
        return exact
    frequency = snapshot.searcher.doc_freq(field, word)
    ceiling = _idf(len(snapshot), frequency) if frequency else math.inf
    queries = [exact]
    for term, distance, term_frequency in variants:
        idf = _idf(len(snapshot), term_frequency)
        weight = (1.0 - distance / len(word)) * min(1.0, ceiling / idf)
        queries.append(Query.boost_query(Query.term_query(snapshot.text_schema, field, term, "freq"), weight))
    return Query.disjunction_max_query(queries, 0.0)


def _idf(n: int, holding: int) -> float:
    holding = min(n, holding)  # the index's frequencies count replaced products too
    return math.log(1 + (n - holding + 0.5) / (holding + 0.5))


def _is_text(code: str) -> bool:
    try:
        code.encode()
    except UnicodeEncodeError:
        return False
    return True
