"""The lexical score computed straight from its definition in `engines/scoring.py`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from multirecall.engines.base import Text
from multirecall.engines.exact.snapshot import TEXT_FIELDS, BoolArray, Postings, Snapshot
from multirecall.engines.scoring import K1, TIE_BREAKER, B, code_share, sought

__all__ = ["edit_distance", "lexical_scores"]

FloatArray = NDArray[np.float64]


def lexical_scores(clause: Text, snapshot: Snapshot) -> tuple[BoolArray, FloatArray]:
    """Which rows match the clause, and every row's score; both of shape (rows,).

    With `fuzzy`, a word also counts by its best variant v, with (1 - distance / length of w) of v's score, v's idf
    being held to that of w: a rare misspelling in the catalogue must not outrank the right spelling.
    """
    words, sought_codes = sought(clause, snapshot.schema.language)
    fields = [(boost, snapshot.postings(name)) for name in TEXT_FIELDS if (boost := getattr(clause.boosts, name)) > 0]
    codes = {code: _code_scores(code, clause, snapshot) for code in sought_codes}
    score = np.zeros(len(snapshot))
    words_found = np.zeros(len(snapshot), dtype=np.int64)
    for word, typed in words.items():
        in_text = _word_scores(word, fields, len(snapshot), fuzzy=clause.fuzzy)
        words_found += in_text > 0
        score += _best([in_text, codes[typed]]) if typed in codes else in_text
    matches = words_found >= max(1, math.ceil(clause.min_match * len(words)))
    for code, in_codes in codes.items():
        matches |= in_codes > 0
        if code not in words.values():
            score += in_codes
    return matches, score


def _best(scores: Sequence[FloatArray]) -> FloatArray:
    best: FloatArray = np.max(scores, axis=0)
    others: FloatArray = np.sum(scores, axis=0) - best
    return best + TIE_BREAKER * others


def _word_scores(word: str, fields: Sequence[tuple[float, Postings]], n: int, *, fuzzy: bool) -> FloatArray:
    if not fields:
        return np.zeros(n)
    holding = _most_holding(word, fields)
    by_field = []
    for boost, postings in fields:
        in_field = _saturation(word, postings) * _idf(n, holding)
        for variant, distance in _variants(word, postings) if fuzzy else ():
            weight = (1.0 - distance / len(word)) * _idf(n, max(holding, _most_holding(variant, fields)))
            np.maximum(in_field, weight * _saturation(variant, postings), out=in_field)
        by_field.append(boost * in_field)
    return _best(by_field)


def _code_scores(code: str, clause: Text, snapshot: Snapshot) -> FloatArray:
    scores = np.zeros(len(snapshot))
    postings = snapshot.postings("codes")
    rows = postings.rows.get(code)
    if rows is not None:
        norm = K1 * (1 - B + B / _mean_length(postings))
        scores[rows] = clause.boosts.codes * code_share(code) * _idf(len(snapshot), len(rows)) / (1 + norm)
    return scores


def _saturation(term: str, postings: Postings) -> FloatArray:
    """tf / (tf + K1 * (1 - B + B * length / mean length)) of each row. Shape (rows,)."""
    shares = np.zeros(len(postings.lengths))
    rows = postings.rows.get(term)
    if rows is not None:
        counts = postings.counts[term]
        shares[rows] = counts / (counts + K1 * (1 - B + B * postings.lengths[rows] / _mean_length(postings)))
    return shares


def _mean_length(postings: Postings) -> float:
    """Over the products that have something in the field, of which there must be one."""
    return float(postings.lengths[postings.lengths > 0].mean())


def _most_holding(term: str, fields: Sequence[tuple[float, Postings]]) -> int:
    return max(len(postings.rows.get(term, ())) for _, postings in fields)


def _idf(n: int, holding: int) -> float:
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
