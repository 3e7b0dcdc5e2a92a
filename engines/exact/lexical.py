"""BM25 over several fields, each word by its best field, computed straight from the formula."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from multirecall.engines.analysis import terms
from multirecall.engines.base import Text
from multirecall.engines.exact.snapshot import TEXT_FIELDS, BoolArray, Postings, Snapshot

__all__ = ["K1", "TIE_BREAKER", "B", "edit_distance", "lexical_scores"]

K1 = 1.2
B = 0.75

TIE_BREAKER = 0.1
"""Share of the score of a word's other fields that is added to its best one."""

FloatArray = NDArray[np.float64]


def lexical_scores(clause: Text, snapshot: Snapshot) -> tuple[BoolArray, FloatArray]:
    """Which rows match the clause, and every row's score; both of shape (rows,).

    Score(p) = sum over distinct words w of max_f s(w, f, p) + TIE_BREAKER * (sum_f s - max_f s)
             + sum over codes c of boost_codes * bm25(c, codes, p)
    with s(w, f, p) = boost_f * bm25(w, f, p); with `fuzzy`, bm25 is the best over the variants v of w in the
    field of (1 - distance / length of w) * bm25(v, f, p) with an idf no higher than that of w.
    BM25 as in Robertson and Zaragoza (2009), "The Probabilistic Relevance Framework", with Lucene's idf, which is
    never negative.
    """
    words = list(dict.fromkeys(terms(clause.text, snapshot.schema.language)))
    score = np.zeros(len(snapshot))
    words_found = np.zeros(len(snapshot), dtype=np.int64)
    boosts = {name: getattr(clause.boosts, name) for name in TEXT_FIELDS}
    for word in words:
        best, total = np.zeros(len(snapshot)), np.zeros(len(snapshot))
        for name, boost in boosts.items():
            if boost > 0:
                in_field = boost * _word_scores(word, snapshot.postings(name), fuzzy=clause.fuzzy)
                np.maximum(best, in_field, out=best)
                total += in_field
        score += best + TIE_BREAKER * (total - best)
        words_found += best > 0
    needed = max(1, math.ceil(clause.min_match * len(words)))
    matches = words_found >= needed
    if clause.boosts.codes > 0:
        for code in dict.fromkeys(clause.codes):
            in_codes = clause.boosts.codes * _bm25(code, snapshot.postings("codes"))
            score += in_codes
            matches |= in_codes > 0
    return matches, score


def _word_scores(word: str, postings: Postings, *, fuzzy: bool) -> FloatArray:
    best = _bm25(word, postings)
    if fuzzy:
        ceiling = _idf(word, postings) if word in postings.rows else math.inf
        for variant, distance in _variants(word, postings):
            likeness = 1.0 - distance / len(word)
            np.maximum(best, likeness * _bm25(variant, postings, idf_ceiling=ceiling), out=best)
    return best


def _bm25(term: str, postings: Postings, idf_ceiling: float = math.inf) -> FloatArray:
    scores = np.zeros(len(postings.lengths))
    rows = postings.rows.get(term)
    if rows is not None:
        counts = postings.counts[term]
        mean_length = postings.lengths[postings.lengths > 0].mean()
        norm = K1 * (1 - B + B * postings.lengths[rows] / mean_length)
        scores[rows] = min(idf_ceiling, _idf(term, postings)) * counts / (counts + norm)
    return scores


def _idf(term: str, postings: Postings) -> float:
    n, holding = np.count_nonzero(postings.lengths), len(postings.rows[term])
    return math.log(1 + (n - holding + 0.5) / (holding + 0.5))


def _variants(word: str, postings: Postings) -> Iterator[tuple[str, int]]:
    """Terms of the field within the allowed distance of the word, the word itself left out."""
    allowed = 1 if len(word) <= 7 else 2
    for term in postings.rows:
        if term != word and term[0] == word[0] and abs(len(term) - len(word)) <= allowed:
            distance = edit_distance(word, term, allowed)
            if distance <= allowed and distance < len(word):
                yield term, distance


def edit_distance(a: str, b: str, limit: int) -> int:
    """Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`; `limit + 1` if more.

    Damerau (1964), in the restricted form (optimal string alignment) that Lucene and tantivy use.
    """
    before: list[int] = []
    previous = list(range(len(b) + 1))
    for i, char in enumerate(a, start=1):
        current = [i]
        for j, other in enumerate(b, start=1):
            cost = min(previous[j] + 1, current[j - 1] + 1, previous[j - 1] + (char != other))
            if i > 1 and j > 1 and char == b[j - 2] and a[i - 2] == other:
                cost = min(cost, before[j - 2] + 1)
            current.append(cost)
        if min(current) > limit and min(previous) > limit:
            return limit + 1
        before, previous = previous, current
    return min(previous[-1], limit + 1)
