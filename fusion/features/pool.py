"""Pool: the union of the routes' candidates for one query, as arrays, made once for all features."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from multirecall.core.codes import query_codes
from multirecall.core.compiled import compiled
from multirecall.core.query import Query
from multirecall.core.ranking import FieldValue, Ranking, RouteStatus, ScoreKind
from multirecall.fusion.features.comparing import Compared
from multirecall.fusion.features.incidence import Flags, Floats, Grouping, Positions
from multirecall.fusion.features.lexicon import numbers_in
from multirecall.fusion.features.product_words import ProductWords
from multirecall.fusion.features.texts import Texts

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
        self._reworded = False
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

    def reworded(self, text: str) -> Pool:
        """The same candidates as if the query were `text`. What is known of the products is known to it too.

        Its `query` has no codes; `codes` reads them when a feature asks.
        """
        _ = self.texts  # made here, it is made once
        made = copy.copy(self)
        for name in _OF_THE_QUERY:
            made.__dict__.pop(name, None)
        made.query = replace(self.query, text=text, codes=(), rewritings=())
        made._reworded = True
        return made

    # ------------------------------------------------------------ of the routes

    @cached_property
    def blend(self) -> Floats:
        """The untrained fusion: mean of the normalised scores over the routes that found something; 0 if missing."""
        found = [columns.normalised for columns in self.routes.values() if len(columns.scores)]
        if not found:
            return np.zeros(len(self))
        blend: Floats = _mean(np.array(found))
        return blend

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
        codes = query_codes(self.query.text) if self._reworded else self.query.codes
        return tuple(code for code in codes if any(char.isdigit() for char in code))

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
    def has_category(self) -> Flags:
        """Whether a category is stored with each candidate. Shape (n,)."""
        return np.array([*map(bool, self.categories.keys)], dtype=np.bool_)[self.categories.group]

    @cached_property
    def has_brand(self) -> Flags:
        """Whether a brand is stored with each candidate. Shape (n,)."""
        return np.array([*map(bool, self.brands.keys)], dtype=np.bool_)[self.brands.group]

    @cached_property
    def texts(self) -> Texts:
        """The match texts of the candidates."""
        texts = self.values("match_text")
        return Texts(*self.words.read(self.ids, [text if isinstance(text, str) else "" for text in texts]))

    @cached_property
    def compared(self) -> Compared:
        """The query's terms with the match texts of the candidates."""
        return Compared(self.texts, self.terms, self.term_idf)


_OF_THE_QUERY = (
    "query_words", "terms", "term_idf", "numbers", "codes", "compared",
)  # fmt: skip
"""What is worked out of the query's text. All else is of the products or of the routes."""


@compiled
def _mean(normalised: Floats) -> Floats:
    """Over the routes, a missing score as 0. Shape (number of routes, n) in, (n,) out."""
    mean = np.zeros(normalised.shape[1])
    for route in range(len(normalised)):
        for row in range(len(mean)):
            mean[row] += normalised[route, row] if normalised[route, row] >= 0.0 else 0.0
    return mean / len(normalised)


class _Hits(NamedTuple):
    """A ranking's hits as columns."""

    ids: tuple[str, ...]
    scores: tuple[float, ...]
    ranks: tuple[int, ...]
    fields: tuple[Mapping[str, FieldValue], ...]


_NO_HITS = _Hits((), (), (), ())


def _columns(ranking: Ranking | None, hits: _Hits, at: Mapping[str, int]) -> RouteColumns:
    if (
        ranking is None
        or ranking.status not in _USABLE
        or (ranking.status is RouteStatus.TIMED_OUT and not ranking.hits)
    ):
        nothing, empty = np.full(len(at), np.nan), np.empty(0)
        return RouteColumns(False, nothing, nothing, nothing, empty, np.empty(0, dtype=np.intp), float("nan"))
    positions = np.array([*map(at.__getitem__, hits.ids)], dtype=np.intp)
    scores = np.array(hits.scores, dtype=np.float64)
    rank, score, normalised = _spread_out(positions, scores, len(at), ranking.kind is ScoreKind.PROBABILITY)
    total = float("nan") if ranking.total is None else float(ranking.total)
    return RouteColumns(True, rank, score, normalised, scores, positions, total)


@compiled
def _spread_out(positions: Positions, scores: Floats, n: int, probabilities: bool) -> tuple[Floats, Floats, Floats]:
    """Rank, score and normalised score of each candidate, from the hits' scores and where they stand. Shapes (n,)."""
    rank, score, normalised = np.full(n, np.nan), np.full(n, np.nan), np.full(n, np.nan)
    lowest = scores[-1] if len(scores) else 0.0
    spread = scores[0] - lowest if len(scores) else 0.0
    for place in range(len(scores)):
        at, one = positions[place], scores[place]
        rank[at], score[at] = place + 1.0, one
        if probabilities:
            normalised[at] = min(max(one, 0.0), 1.0)
        else:
            normalised[at] = (one - lowest) / spread if spread > 0.0 else 1.0
    return rank, score, normalised
