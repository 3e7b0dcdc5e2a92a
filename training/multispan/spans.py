"""Spans of a title that say what a query means: its phrases, by how rare they are and how near to the query.

    imp(s | q, d) = idf(s) * (.3 + .7 * rel(s, q))      idf(s) = ln(N / df(s)); rel: the share of s's words that q has

A span is a row of whole words of the title, so that its tokens are a row of the title's tokens.
(Generative Retrieval with Preference Optimization for E-commerce Search, 2024; our defaults of sheet 3, section 2A.1.)
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

__all__ = ["Phrases", "learn_phrases", "phrases_of", "words_of"]

Words = tuple[str, ...]

_LONGEST = 4  # words of a phrase
_WORD = re.compile(r"\S+")
_BREAKS = frozenset(
    "a an and as at by for from in incl including into of on or per the to und mit with without w/ & + - / |".split()  # noqa: SIM905
)
_EDGES = ",;:()[]{}\"'|"
_AFTER = ",;:"  # tokens of their own behind a word; a mark before a word is one token with the space


def words_of(text: str) -> Words:
    """The words of a text between spaces, in lower case, as they stand."""
    return tuple(_WORD.findall(text.lower()))


def phrases_of(words: Sequence[str], known: frozenset[Words] = frozenset()) -> Iterator[tuple[int, int]]:
    """Bounds of a title's phrases, in order, without overlap: `known` ones (brands, kinds, values; the longest first),
    and between them runs of at most four words without a function word or a mark at their edges.
    """
    longest = max(map(len, known), default=0)
    at = start = 0
    while at < len(words):
        size = next((n for n in range(min(longest, len(words) - at), 0, -1) if tuple(words[at : at + n]) in known), 0)
        if size:
            yield from _runs(words, start, at)
            yield at, at + size
            at = start = at + size
        else:
            at += 1
    yield from _runs(words, start, len(words))


def _runs(words: Sequence[str], start: int, stop: int) -> Iterator[tuple[int, int]]:
    begin = start
    for at in range(start, stop):
        word = words[at]
        if word in _BREAKS:
            if begin < at:
                yield begin, at
            begin = at + 1
        elif at + 1 - begin == _LONGEST or word[-1] in _EDGES or (at + 1 < stop and words[at + 1][0] in _EDGES):
            yield begin, at + 1
            begin = at + 1
    if begin < stop:
        yield begin, stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrases:
    """What a catalogue's phrases are and how many titles have each. Made by `learn_phrases`."""

    n_titles: int
    known: frozenset[Words] = field(repr=False)
    titles_with: dict[Words, int] = field(repr=False)

    def spans(self, title: str, query: str, *, m: int = 4) -> list[str]:
        """The m most important spans of the title for the query: importance descending, then as they stand."""
        words, asked = words_of(title), frozenset(words_of(query))
        found: dict[Words, float] = {}
        for begin, end in phrases_of(words, self.known):
            span = words[begin:end]
            share = sum(word in asked for word in span) / len(span)
            found.setdefault(span, self._idf(span) * (0.3 + 0.7 * share))
        ranked = sorted(found, key=lambda span: -found[span])  # stable: of equals the first in the title
        return [" ".join(span).rstrip(_AFTER) for span in ranked[:m]]

    def _idf(self, span: Words) -> float:
        return math.log(max(1, self.n_titles) / max(1, self.titles_with.get(span, 1)))


def learn_phrases(titles: Sequence[str], known: Iterable[str] = ()) -> Phrases:
    """Counts the phrases of all titles. `known`: phrases to keep whole, such as brands, kinds and attribute values."""
    kept = frozenset(words for text in known if 0 < len(words := words_of(text)) <= _LONGEST)
    counts: Counter[Words] = Counter()
    for title in titles:
        words = words_of(title)
        counts.update({words[begin:end] for begin, end in phrases_of(words, kept)})
    return Phrases(n_titles=len(titles), known=kept, titles_with=dict(counts))
