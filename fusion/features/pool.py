"""Pool: the union of the routes' candidates for one query, as arrays, made once for all features."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from multirecall.core.match_text import split_parts
from multirecall.core.query import Query
from multirecall.core.ranking import FieldValue, Ranking, RouteStatus
from multirecall.fusion.features.term_statistics import TermStatistics

__all__ = ["POOL_FIELDS", "Analyse", "Grouping", "Incidence", "Pool", "RouteColumns", "numbers_in"]

POOL_FIELDS = ("brand", "in_stock", "match_text", "popularity", "price_minor", "updated_at")
"""The stored values that a pool reads from the hits."""

Analyse = Callable[[str], Sequence[str]]
"""Text to index terms, as the index's own analysis makes them."""

Floats = NDArray[np.float64]

RANK_CONSTANT = 60.0
"""k of reciprocal rank fusion, as in `fusion/rrf.py`."""

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_USABLE = (RouteStatus.OK, RouteStatus.PARTIAL, RouteStatus.TIMED_OUT)


def numbers_in(text: str) -> frozenset[str]:
    """The numbers written in a text: `19.5" dell 2 port` gives 19.5 and 2."""
    return frozenset(_NUMBER.findall(text))


@dataclass(frozen=True, slots=True, eq=False)
class RouteColumns:
    """What one route said. `rank`, `score`, `normalised`: shape (n,), NaN for candidates it did not find.

    `scores` are its own hits' scores in their order; `positions` where in the pool they stand. `ran` is False for a
    route that failed, was late without hits, was skipped or was not asked at all: then nothing is known, which is
    not the same as "not found".
    """

    ran: bool
    rank: Floats
    score: Floats
    normalised: Floats
    scores: Floats
    positions: NDArray[np.intp]
    total: float


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    """Candidates with the same text: `group` (n,) is the number of each one's, `texts` the text of each group."""

    texts: tuple[str, ...]
    group: NDArray[np.intp]

    @classmethod
    def of(cls, texts: Sequence[str]) -> Grouping:
        numbers = {text: number for number, text in enumerate(dict.fromkeys(texts))}
        return cls(tuple(numbers), np.array([*map(numbers.__getitem__, texts)], dtype=np.intp))

    def sums(self, weights: Floats) -> Floats:
        """Per group the sum of its candidates' weights. Shape (number of groups,)."""
        return np.bincount(self.group, weights=weights, minlength=len(self.texts)).astype(np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Incidence:
    """Which candidate has which word, once each. Candidates come in groups of equal words: many products of one kind
    have the same attributes, so that each group is read once. `index` numbers the words; `row` and `word` are pairs of
    group and word."""

    index: Mapping[str, int]
    row: NDArray[np.intp]
    word: NDArray[np.intp]
    groups: Grouping

    @classmethod
    def of(cls, texts: Sequence[str]) -> Incidence:
        """Of one text per candidate, its words separated by spaces."""
        groups = Grouping.of(texts)
        rows = [dict.fromkeys(text.split()) for text in groups.texts]
        flat = [*chain.from_iterable(rows)]
        index = {word: number for number, word in enumerate(dict.fromkeys(flat))}
        return cls(
            index=index,
            row=np.repeat(np.arange(len(rows)), [len(words) for words in rows]),
            word=np.array([*map(index.__getitem__, flat)], dtype=np.intp),
            groups=groups,
        )

    def __len__(self) -> int:
        return len(self.index)

    def sums(self, weights: Floats) -> Floats:
        """Per candidate the sum of its words' weights. `weights`: shape (number of words,). Returns shape (n,)."""
        of_group = np.bincount(self.row, weights=weights[self.word], minlength=len(self.groups.texts))
        return of_group.astype(np.float64)[self.groups.group]

    def spread(self, weights: Floats) -> Floats:
        """Per word the sum of its candidates' weights. `weights`: shape (n,). Returns shape (number of words,)."""
        of_group = self.groups.sums(weights)
        return np.bincount(self.word, weights=of_group[self.row], minlength=len(self.index)).astype(np.float64)

    def largest(self, values: Floats) -> Floats:
        """Per candidate the largest value of its words, 0 at least. `values`: shape (number of words,)."""
        of_group = np.zeros(len(self.groups.texts))
        np.maximum.at(of_group, self.row, values[self.word])
        return of_group[self.groups.group]

    def having(self, word: str) -> NDArray[np.bool_]:
        """Whether each candidate has the word. Shape (n,)."""
        of_group = np.zeros(len(self.groups.texts), dtype=np.bool_)
        number = self.index.get(word)
        if number is not None:
            of_group[self.row[self.word == number]] = True
        return of_group[self.groups.group]


class Pool:
    """The candidates of `rankings`, ids rising; `routes` are all routes that the features know, found or not.

    Nothing is computed before a feature asks for it. Safe for one thread.
    """

    def __init__(
        self,
        query: Query,
        rankings: Sequence[Ranking],
        *,
        routes: Sequence[str],
        analyse: Analyse,
        statistics: TermStatistics,
    ) -> None:
        self.query = query
        self.statistics = statistics
        self.analyse = analyse
        by_route = {ranking.route: ranking for ranking in rankings}
        known = [by_route[name] for name in routes if name in by_route]
        fields: dict[str, Mapping[str, FieldValue]] = {}
        for ranking in known:
            for hit in ranking.hits:
                fields[hit.id] = hit.fields
        self.ids: tuple[str, ...] = tuple(sorted(fields))
        self._fields = [fields[product_id] for product_id in self.ids]
        at = {product_id: position for position, product_id in enumerate(self.ids)}
        self.routes: Mapping[str, RouteColumns] = {
            name: _columns(by_route.get(name), at, len(self.ids)) for name in sorted(routes)
        }

    def __len__(self) -> int:
        return len(self.ids)

    # ------------------------------------------------------------ of the routes

    @cached_property
    def blend(self) -> Floats:
        """The untrained fusion: mean of the normalised scores over the routes that found something; 0 if missing."""
        found = [columns.normalised for columns in self.routes.values() if len(columns.scores)]
        if not found:
            return np.zeros(len(self))
        mean: Floats = np.mean([np.nan_to_num(normalised) for normalised in found], axis=0)
        return mean

    @cached_property
    def by_blend(self) -> NDArray[np.intp]:
        """Positions of the candidates by `blend`, best first; ties by id."""
        return np.argsort(-self.blend, kind="stable")

    # ------------------------------------------------------------ of the query

    @cached_property
    def terms(self) -> tuple[str, ...]:
        """The query's index terms, each once, in order."""
        return tuple(dict.fromkeys(self.analyse(self.query.text)))

    @cached_property
    def term_idf(self) -> Floats:
        return self.statistics.idf(self.terms)

    @cached_property
    def numbers(self) -> frozenset[str]:
        return numbers_in(self.query.text)

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """The query's codes with a digit: those without are words as well."""
        return tuple(code for code in self.query.codes if any(char.isdigit() for char in code))

    # ------------------------------------------------------------ of the products

    def numbers_of(self, field: str) -> Floats:
        """A stored number or flag of each candidate, NaN where it has none. Shape (n,)."""
        values = [fields.get(field) for fields in self._fields]
        return np.array([v if isinstance(v, int | float) else math.nan for v in values], dtype=np.float64)

    @cached_property
    def brands(self) -> Grouping:
        """The candidates by brand as stored; the empty text for those without one."""
        return Grouping.of([str(fields.get("brand") or "") for fields in self._fields])

    @cached_property
    def brand_is_named(self) -> NDArray[np.bool_]:
        """Whether all terms of a candidate's brand stand in the query. Shape (n,)."""
        asked = frozenset(self.terms)
        named = [bool(brand) and asked.issuperset(brand.split()) for brand in self.brand_incidence.groups.texts]
        return np.array(named, dtype=np.bool_)[self.brand_incidence.groups.group]

    @cached_property
    def _parts(self) -> list[tuple[str, str, str, str, str]]:
        """The five parts of each candidate's match text, as they stand: words are split late."""
        return [split_parts(str(fields.get("match_text") or "")) for fields in self._fields]

    @cached_property
    def titles(self) -> list[str]:
        """The title's terms of each candidate, in order, separated by spaces."""
        return [parts[0] for parts in self._parts]

    @cached_property
    def title_words(self) -> list[list[str]]:
        return [title.split() for title in self.titles]

    @cached_property
    def code_texts(self) -> list[str]:
        """The codes of each candidate, each between two spaces, for a quick look."""
        return [f" {parts[3]} " for parts in self._parts]

    @cached_property
    def other_texts(self) -> list[str]:
        """The other terms of each candidate, each between two spaces, for a quick look."""
        return [f" {parts[4]} " for parts in self._parts]

    @cached_property
    def title_incidence(self) -> Incidence:
        return Incidence.of(self.titles)

    @cached_property
    def brand_incidence(self) -> Incidence:
        return Incidence.of([parts[1] for parts in self._parts])

    @cached_property
    def attribute_incidence(self) -> Incidence:
        """Of attribute names; its groups are the kinds of products: those of one kind mostly have the same."""
        return Incidence.of([parts[2] for parts in self._parts])

    @cached_property
    def title_idf(self) -> Floats:
        """idf of the words of `title_incidence`."""
        return self.statistics.idf(tuple(self.title_incidence.index))

    @cached_property
    def in_name(self) -> NDArray[np.bool_]:
        """Whether a candidate's title or brand has a term of the query. Shape (n, number of terms)."""
        found = [self.title_incidence.having(term) | self.brand_incidence.having(term) for term in self.terms]
        return np.array(found, dtype=np.bool_).reshape(len(self.terms), len(self)).T

    @cached_property
    def in_other(self) -> NDArray[np.bool_]:
        """Whether a candidate's description, category or attributes have a term of the query (and the title not)."""
        sought = [f" {term} " for term in self.terms]
        found = [[term in text for text in self.other_texts] for term in sought]
        return np.array(found, dtype=np.bool_).reshape(len(self.terms), len(self)).T


def _columns(ranking: Ranking | None, at: Mapping[str, int], n: int) -> RouteColumns:
    nothing = np.full(n, np.nan)
    if (
        ranking is None
        or ranking.status not in _USABLE
        or (ranking.status is RouteStatus.TIMED_OUT and not ranking.hits)
    ):
        empty = np.empty(0)
        return RouteColumns(False, nothing, nothing, nothing, empty, np.empty(0, dtype=np.intp), float("nan"))
    positions = np.array([at[hit.id] for hit in ranking.hits], dtype=np.intp)
    scores = np.array([hit.score for hit in ranking.hits], dtype=np.float64)
    rank, score, normalised = nothing.copy(), nothing.copy(), nothing.copy()
    rank[positions] = np.arange(1, len(scores) + 1)
    score[positions] = scores
    if len(scores):
        spread = scores[0] - scores[-1]
        normalised[positions] = (scores - scores[-1]) / spread if spread > 0.0 else 1.0
    total = float("nan") if ranking.total is None else float(ranking.total)
    return RouteColumns(True, rank, score, normalised, scores, positions, total)
