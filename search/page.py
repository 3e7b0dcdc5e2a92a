"""Page: the answer to a query, which explains itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from multirecall.core.query import Query
from multirecall.core.ranking import FusedHit, Ranking, RouteStatus, Source
from multirecall.core.rewriting import Rewriting
from multirecall.engines.base import FacetCounts
from multirecall.fusion.explaining import Explanation

__all__ = ["Answer", "Page", "PageHit", "RouteTrace", "Total"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """How many products match, and what kind of number that is (docs/serving.md).

    `exact`: counted by the engine, neither more nor fewer; `at_least`: so many for certain, because several routes
    were fused or one of them was cut short; `pool`: the nearest neighbours that were asked for, which have no total.
    """

    value: int
    relation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteTrace:
    """What one route did: how it ended, how many hits it gave, and how long the engine took for it.

    `prepared_ms` is the time of its model before that. `error` says why it did not end well, or was skipped.
    `rewritings` are the texts that it asked for beside the query's own.
    """

    name: str
    status: RouteStatus
    n_hits: int
    total: int | None
    took_ms: float
    error: str = ""
    prepared_ms: float = 0.0
    rewritings: tuple[Rewriting, ...] = ()

    @classmethod
    def of(cls, ranking: Ranking, prepared_ms: float = 0.0) -> RouteTrace:
        return cls(
            name=ranking.route,
            status=ranking.status,
            n_hits=len(ranking.hits),
            total=ranking.total,
            took_ms=ranking.took_ms,
            error=ranking.error,
            prepared_ms=prepared_ms,
            rewritings=ranking.rewritings,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The fused candidates before the page is cut: what evaluation and training use.

    `prepared_ms` is the time of each route's model, for the routes that run one and were not late. `not_rewritten` says
    of rewriters that were to help the fusion, and failed, why.
    """

    query: Query
    hits: tuple[FusedHit, ...]
    rankings: tuple[Ranking, ...]
    fusion: str
    facets: tuple[FacetCounts, ...] = ()
    facets_over: str = ""
    notes: tuple[str, ...] = ()
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    prepared_ms: Mapping[str, float] = field(default_factory=dict)
    cut_off: frozenset[str] = frozenset()
    not_rewritten: Mapping[str, str] = field(default_factory=dict)

    @property
    def degraded(self) -> dict[str, str]:
        """The routes that did not end well, with their status; also those skipped because they failed before.

        `rewritings`: the fusion did without some, or without any.
        """
        fine = (RouteStatus.OK, RouteStatus.SKIPPED)
        bad = {r.route: r.status.value for r in self.rankings if r.status not in fine or r.route in self.cut_off}
        if self.not_rewritten:
            bad["rewritings"] = (RouteStatus.PARTIAL if self.query.rewritings else RouteStatus.FAILED).value
        return bad

    @property
    def total(self) -> Total:
        """Of all routes together. How many hits were asked for (`k`) does not change it."""
        asked = [r for r in self.rankings if r.status is not RouteStatus.SKIPPED]
        counted = [total for r in asked if (total := self.totals.get(r.route)) and total.relation != "pool"]
        if len(asked) == 1 and counted:
            return counted[0]
        found = len({hit.id for ranking in asked for hit in ranking.hits})
        if counted:
            return Total(value=max(found, *(total.value for total in counted)), relation="at_least")
        return Total(value=found, relation="pool")

    @property
    def totals(self) -> dict[str, Total]:
        """Of each route that answered: what the facets of that route add up to, and what a chosen facet promises."""
        return {r.route: _route_total(r) for r in self.rankings if r.status in _ANSWERED}


_ANSWERED = (RouteStatus.OK, RouteStatus.PARTIAL)


def _route_total(ranking: Ranking) -> Total:
    if ranking.total is None:
        return Total(value=len(ranking.hits), relation="pool")
    return Total(value=ranking.total, relation="exact" if ranking.status is RouteStatus.OK else "at_least")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageHit:
    """One product of the page: its stored record and which routes brought it.

    `relevance` is the probability that it is relevant, if the fusion is calibrated; `explanation` is there if asked.
    """

    id: str
    rank: int
    score: float
    product: Mapping[str, Any]
    sources: tuple[Source, ...]
    relevance: float | None = None
    explanation: Explanation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """`hits` are ranks `offset + 1` to `offset + size` of the fused list; a product deleted meanwhile leaves a gap.

    `totals` has the total of each route that answered; `totals[facets_over]` says of what kind the facet counts are.
    `facets_over` says what the facets count: `lexical` (all products that match the words), `browse` (all that
    pass the filter) or `dense` (the nearest neighbours only). `generation` names the physical index that all of it
    comes from (empty: the searcher follows the alias).
    """

    query: Query
    hits: tuple[PageHit, ...]
    total: Total
    facets: tuple[FacetCounts, ...]
    facets_over: str
    routes: tuple[RouteTrace, ...]
    fusion: str
    degraded: Mapping[str, str]
    notes: tuple[str, ...]
    took_ms: float
    timings_ms: Mapping[str, float]
    generation: str = ""
    totals: Mapping[str, Total] = field(default_factory=dict)

    @property
    def rewritings(self) -> tuple[Rewriting, ...]:
        """Other texts for the need: those that were asked for, by route, best first; then what the fusion alone saw."""
        asked = (one for trace in self.routes for one in trace.rewritings)
        return tuple(dict.fromkeys((*asked, *self.query.rewritings)))
