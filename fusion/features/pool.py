"""Pool: the union of the routes' candidates for one query, as arrays, made once for all features."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from multirecall.core.query import Query
from multirecall.core.ranking import FieldValue, Ranking, RouteStatus, ScoreKind
from multirecall.fusion.features.incidence import Floats, Grouping, Incidence, Positions, Words
from multirecall.fusion.features.product_words import Lexicon, ProductWords, ReadText, numbers_in

__all__ = ["POOL_FIELDS", "Analyse", "Pool", "RouteColumns"]

POOL_FIELDS = ("brand", "category", "in_stock", "match_text", "popularity", "price_minor", "updated_at")
"""The stored values that a pool reads from the hits."""

Analyse = Callable[[str], Sequence[str]]
"""Text to index terms, as the index's own analysis makes them."""

RANK_CONSTANT = 60.0
"""k of reciprocal rank fusion, as in `fusion/rrf.py`."""

_NUMERIC = {int, float, bool, type(None)}
_USABLE = (RouteStatus.OK, RouteStatus.PARTIAL, RouteStatus.TIMED_OUT)


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
    positions: Positions
    total: float


class Texts(NamedTuple):
    """The match texts of all candidates: of each part of a `ReadText` a column."""

    title: tuple[bytes, ...]
    title_words: tuple[bytes, ...]
    brand: tuple[bytes, ...]
    names: tuple[bytes, ...]
    other: tuple[bytes, ...]
    title_run: tuple[str, ...]
    codes: tuple[str, ...]
    text: tuple[str, ...]


class Pool:
    """The candidates of `rankings`, ids rising; `routes` are all routes that the features know, found or not.

    `language` is that of the index, as its schema names it. Nothing is computed before a feature asks for it. Safe for
    one thread; `words` may be shared by many pools.
    """

    def __init__(
        self,
        query: Query,
        rankings: Sequence[Ranking],
        *,
        routes: Sequence[str],
        analyse: Analyse,
        words: ProductWords,
        language: str = "none",
    ) -> None:
        self.query = query
        self.analyse = analyse
        self.language = language
        self.words = words
        by_route = {ranking.route: ranking for ranking in rankings}
        self.rankings: Mapping[str, Ranking] = by_route
        fields: dict[str, Mapping[str, FieldValue]] = {}
        hits = {name: _Hits(*zip(*ranking.hits, strict=True)) for name, ranking in by_route.items() if ranking.hits}
        for name in routes:
            if name in hits:
                fields.update(zip(hits[name].ids, hits[name].fields, strict=True))
        self.ids: tuple[str, ...] = tuple(sorted(fields))
        at = dict(zip(self.ids, range(len(self.ids)), strict=True))
        self.routes: Mapping[str, RouteColumns] = {
            name: _columns(by_route.get(name), hits.get(name, _NO_HITS), at) for name in sorted(routes)
        }
        self._fields = [*map(fields.__getitem__, self.ids)]

    def __len__(self) -> int:
        return len(self.ids)

    # ------------------------------------------------------------ of the routes

    @cached_property
    def blend(self) -> Floats:
        """The untrained fusion: mean of the normalised scores over the routes that found something; 0 if missing."""
        found = [columns.normalised for columns in self.routes.values() if len(columns.scores)]
        if not found:
            return np.zeros(len(self))
        total: Floats = sum((np.where(normalised >= 0.0, normalised, 0.0) for normalised in found), np.zeros(len(self)))
        return total / len(found)

    @cached_property
    def by_blend(self) -> NDArray[np.intp]:
        """Positions of the candidates by `blend`, best first; ties by id."""
        return np.argsort(-self.blend, kind="stable")

    # ------------------------------------------------------------ of the query

    @cached_property
    def query_words(self) -> tuple[str, ...]:
        """The query's index terms in order, with repeats."""
        return tuple(self.analyse(self.query.text))

    @cached_property
    def terms(self) -> tuple[str, ...]:
        """The query's index terms, each once, in order."""
        return tuple(dict.fromkeys(self.query_words))

    @cached_property
    def term_idf(self) -> Floats:
        return self.words.statistics.idf(self.terms)

    @cached_property
    def numbers(self) -> frozenset[str]:
        return numbers_in(self.query.text)

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """The query's codes with a digit: those without are words as well."""
        return tuple(code for code in self.query.codes if any(char.isdigit() for char in code))

    # ------------------------------------------------------------ of the products

    def values(self, field: str) -> list[FieldValue]:
        """A stored value of each candidate, None where it has none."""
        return [fields.get(field) for fields in self._fields]

    def numbers_of(self, field: str) -> Floats:
        """A stored number or flag of each candidate, NaN where it has none. Shape (n,)."""
        values = self.values(field)
        if {*map(type, values)} <= _NUMERIC:
            return np.array(values, dtype=np.float64)  # None becomes NaN
        return np.array([v if isinstance(v, int | float) else math.nan for v in values], dtype=np.float64)

    @cached_property
    def brands(self) -> Grouping[str]:
        """The candidates by brand as stored; the empty text for those without one."""
        return Grouping.of([str(brand or "") for brand in self.values("brand")])

    @cached_property
    def categories(self) -> Grouping[FieldValue]:
        """The candidates by category as stored: the prefixes of its path; None for those without one."""
        return Grouping.of(self.values("category"))

    @cached_property
    def has_category(self) -> NDArray[np.bool_]:
        """Whether a category is stored with each candidate. Shape (n,)."""
        return np.array([*map(bool, self.categories.keys)], dtype=np.bool_)[self.categories.group]

    @cached_property
    def has_brand(self) -> NDArray[np.bool_]:
        """Whether a brand is stored with each candidate. Shape (n,)."""
        return np.array([*map(bool, self.brands.keys)], dtype=np.bool_)[self.brands.group]

    @cached_property
    def brand_is_named(self) -> NDArray[np.bool_]:
        """Whether all terms of a candidate's brand stand in the query. Shape (n,)."""
        lengths = self._brand_words.lengths
        named: NDArray[np.bool_] = (self._in_brand.sum(axis=1) == lengths) & (lengths > 0)
        return named

    @cached_property
    def _read(self) -> tuple[list[ReadText], Lexicon]:
        texts = self.values("match_text")
        return self.words.read(self.ids, [text if isinstance(text, str) else "" for text in texts])

    @cached_property
    def texts(self) -> Texts:
        """The match texts of the candidates."""
        return Texts(*zip(*self._read[0], strict=True)) if len(self) else Texts(*[()] * len(Texts._fields))

    @cached_property
    def lexicon(self) -> Lexicon:
        """What the numbers in `texts` mean."""
        return self._read[1]

    @cached_property
    def title(self) -> Words:
        """The words of each candidate's title, in order, with repeats."""
        return Words.of(self.texts.title)

    @cached_property
    def title_place(self) -> NDArray[np.int16]:
        """Which term of the query each word of `title` is, -1 for none."""
        return self.asked_title_words[self.title.number]

    @cached_property
    def title_incidence(self) -> Incidence:
        words = Words.of(self.texts.title_words)
        return Incidence.of(words, len(self.lexicon.title_words))

    @cached_property
    def title_idf(self) -> Floats:
        """idf of the words of `title_incidence`."""
        return self.lexicon.idf[self.title_incidence.numbers]

    @cached_property
    def kinds(self) -> Grouping[bytes]:
        """The candidates by their attribute names: products of one kind mostly have the same."""
        return Grouping.of(self.texts.names)

    @cached_property
    def kind_attributes(self) -> Incidence:
        """The attribute names of each of `kinds`."""
        return Incidence.of(Words.of(self.kinds.keys), len(self.lexicon.other_words))

    @cached_property
    def n_attributes(self) -> Floats:
        """How many attributes each candidate has. Shape (n,)."""
        return self.kind_attributes.lengths[self.kinds.group].astype(np.float64)

    @cached_property
    def title_squares(self) -> Floats:
        """Per candidate the sum of the squared idf of its title's distinct words. Shape (n,)."""
        return self.title_incidence.sums(self.title_idf**2)

    @cached_property
    def in_name(self) -> Floats:
        """1 where a candidate's title or brand has a term of the query. Shape (n, number of terms)."""
        return np.maximum(self.title.having(self.asked_title_words, len(self.terms)), self._in_brand)

    @cached_property
    def in_other(self) -> Floats:
        """1 where its description, category or attributes have a term (and the title not). Shape as `in_name`."""
        words = Words.of(self.texts.other)
        return words.having(self._asked(self.lexicon.other_words), len(self.terms))

    @cached_property
    def _brand_words(self) -> Words:
        return Words.of(self.texts.brand)

    @cached_property
    def _in_brand(self) -> Floats:
        return self._brand_words.having(self.asked_title_words, len(self.terms))

    @cached_property
    def asked_title_words(self) -> NDArray[np.int16]:
        """Which term of the query each title word of the lexicon is, -1 for none."""
        return self._asked(self.lexicon.title_words)

    def _asked(self, numbers: Mapping[str, int]) -> NDArray[np.int16]:
        """Which term of the query each word of a vocabulary is, -1 for none."""
        known = {numbers[term]: place for place, term in enumerate(self.terms) if term in numbers}
        asked = np.full(len(numbers), -1, dtype=np.int16)  # after the look-up: the vocabulary may grow meanwhile
        asked[[*known]] = [*known.values()]
        return asked


class _Hits(NamedTuple):
    """A ranking's hits as columns."""

    ids: tuple[str, ...]
    scores: tuple[float, ...]
    ranks: tuple[int, ...]
    fields: tuple[Mapping[str, FieldValue], ...]


_NO_HITS = _Hits((), (), (), ())


def _columns(ranking: Ranking | None, hits: _Hits, at: Mapping[str, int]) -> RouteColumns:
    nothing = np.full(len(at), np.nan)
    if (
        ranking is None
        or ranking.status not in _USABLE
        or (ranking.status is RouteStatus.TIMED_OUT and not ranking.hits)
    ):
        empty = np.empty(0)
        return RouteColumns(False, nothing, nothing, nothing, empty, np.empty(0, dtype=np.intp), float("nan"))
    positions = np.array([*map(at.__getitem__, hits.ids)], dtype=np.intp)
    scores = np.array(hits.scores, dtype=np.float64)
    rank, score, normalised = nothing.copy(), nothing.copy(), nothing.copy()
    rank[positions] = np.arange(1, len(scores) + 1)
    score[positions] = scores
    if ranking.kind is ScoreKind.PROBABILITY:
        normalised[positions] = np.clip(scores, 0.0, 1.0)
    elif len(scores):
        spread = scores[0] - scores[-1]
        normalised[positions] = (scores - scores[-1]) / spread if spread > 0.0 else 1.0
    total = float("nan") if ranking.total is None else float(ranking.total)
    return RouteColumns(True, rank, score, normalised, scores, positions, total)
