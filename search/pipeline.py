"""Searcher: the one online path. Understand, recall, fuse, cut, fetch bodies once."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from multirecall.core.deadline import Deadline
from multirecall.core.errors import InvalidInput, InvalidSettings
from multirecall.core.query import MAX_WINDOW, Query
from multirecall.core.ranking import FusedHit, Ranking, RouteStatus
from multirecall.encoders.base import Encoder
from multirecall.engines.base import Engine, EngineResult, FacetCounts
from multirecall.fusion.base import Fusion, reads_rewritings
from multirecall.fusion.explaining import ExplainsItself, Explanation, Why, explained_by_routes, not_a_candidate, why
from multirecall.fusion.weighted_sum import WeightedSum
from multirecall.recall.base import ChangingRoute, QueryVectors, RecallContext, Route, ended
from multirecall.recall.browse import BrowseRoute
from multirecall.recall.policy import RoutePolicy
from multirecall.recall.rewriting import Rewriter, Rewritten, rewritten
from multirecall.search.asking import Asking
from multirecall.search.breaker import Breaker
from multirecall.search.frozen import frozen_list, page_of
from multirecall.search.gathering import Clock, Gatherer
from multirecall.search.order import sorted_hits
from multirecall.search.page import Answer, Page

__all__ = ["Searcher"]

RANKING_SHARE = 0.85
"""Part of a page's time budget for finding its products; the rest is for reading their records."""

_FACET_ROUTES = ("lexical", "browse", "dense")  # whose facet counts are shown, best first


class Searcher:
    """Answers queries from one engine by several routes and one fusion. Safe for several threads.

    `encoders` by vector field name. Each route's model has `n_threads` threads; a route that fails or is late is left
    out of the answer, which says so. Close it, or use it as a context manager.
    `index` holds it to one physical index, so that candidates, records and query vectors are of one generation even
    while another index goes live; None follows the alias. `identity` tells it from another index of the same name.
    `policy` may skip routes by the query alone: they are not prepared, so that no model runs for them, and not asked.
    One route is always asked, and if those that are left find nothing, the skipped ones are asked after all.
    `breaker` guards the engine, searchers of one engine share it, and each route's model then has one of its own: what
    failed often is not waited for. None: all are asked whatever happened before, as evaluation and training need it.
    `rewriters` say the query in other words before the fusion sees it, once for it and for a route that asks for them.
    They must be quick (`RewriteChain.without_models`): they are waited for.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        routes: Sequence[Route],
        fusion: Fusion,
        encoders: Mapping[str, Encoder],
        timeout_s: float = 1.0,
        n_threads: int = 8,
        index: str | None = None,
        identity: str = "",
        policy: RoutePolicy | None = None,
        breaker: Breaker | None = None,
        rewriters: Rewriter | None = None,
    ) -> None:
        names = [r.name for r in routes]
        if not names or len(set(names)) != len(names):
            raise InvalidSettings(f"Routes need different names, at least one: {names}.", field="routes")
        self._routes = tuple(routes)
        self._fusion = fusion
        self._encoders = dict(encoders)
        self._index = index
        self._identity = identity
        self._policy = policy
        self._rewriters = rewriters
        self._fingerprint: tuple[tuple[str, ...], str] = ((), "")
        changing: list[ChangingRoute | Rewriter] = [route for route in routes if isinstance(route, ChangingRoute)]
        self._changing = (*changing, *([] if rewriters is None else [rewriters]))
        self._asking = Asking(engine, breaker=breaker, usual_s=timeout_s)
        self._gatherer = Gatherer(self._asking, routes, index=index, n_threads=n_threads)

    @property
    def routes(self) -> tuple[Route, ...]:
        return self._routes

    @property
    def fusion(self) -> Fusion:
        return self._fusion

    @property
    def encoders(self) -> Mapping[str, Encoder]:
        """The models of queries, by vector field."""
        return self._encoders

    @property
    def generation(self) -> str:
        """The physical index that it is held to; empty if it follows the alias."""
        return self._index or ""

    @property
    def fingerprint(self) -> str:
        """All that two searchers must share to give the same answer to a query, but for the fusion."""
        changing = tuple([part.fingerprint for part in self._changing])
        known, made = self._fingerprint
        if not made or known != changing:  # every look at the cache asks for it, and it hardly ever changes
            models = sorted((name, encoder.fingerprint) for name, encoder in self._encoders.items())
            parts = (self._asking.engine.url, self._index, self._identity, self._routes, models, self._policy)
            made = repr((*parts, *changing))
            self._fingerprint = (changing, made)
        return made

    @property
    def breakers(self) -> Mapping[str, Breaker]:
        """The breakers of the routes' models, by route."""
        return self._gatherer.breakers

    def close(self) -> None:
        """Ends the threads; the engine stays open, it belongs to whoever opened it."""
        self._gatherer.close()

    def __enter__(self) -> Searcher:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def search(
        self,
        query: Query,
        *,
        timeout_s: float | None = None,
        explain: bool = False,
        routes: Collection[str] | None = None,
        fusion: Fusion | None = None,
    ) -> Page:
        """The page that `query` asks for, with the stored record of each product, read in one call.

        `explain` adds to every hit what its score is made of; it costs some milliseconds, and nothing if not asked.
        `routes` and `fusion` take the place of the searcher's own for this query. Raises InvalidFilter or
        UnsupportedFeature for a filter that the engine cannot honour, InvalidInput for an unknown route, and
        EngineError if the engine does not answer at all. A route that fails alone is reported in `degraded`.
        """
        started = time.perf_counter()
        deadline = self.deadline(timeout_s)
        answer = self.rank(
            query, query.offset + query.size, deadline=deadline.child(RANKING_SHARE), routes=routes, fusion=fusion
        )
        wanted = [hit.id for hit in answer.hits[query.offset : query.offset + query.size]]
        clock = Clock()
        bodies, trouble = self.fetch(wanted, deadline)
        clock.lap("fetch")
        explanations: Sequence[Explanation] = ()
        if explain:
            explanations = self.explain(answer, wanted, fusion=fusion)
            clock.lap("explain")
        return page_of(
            frozen_list(answer, generation=self.generation),
            query,
            bodies,
            missing={"products": trouble} if trouble else None,
            explanations={one.product_id: one for one in explanations},
            took_ms=(time.perf_counter() - started) * 1000.0,
            timings_ms={**answer.timings_ms, **clock.laps},
        )

    def deadline(self, timeout_s: float | None = None) -> Deadline:
        """The deadline of a query that begins now."""
        return self._asking.deadline(timeout_s)

    def fetch(self, ids: Sequence[str], deadline: Deadline) -> tuple[list[Mapping[str, Any] | None], str]:
        """The stored records in the order of `ids` (None: gone), and empty; or empty records and why there are none.

        An engine that is late leaves them out; one that is gone raises EngineUnavailable.
        """
        return self._asking.fetch(ids, deadline, index=self._index)

    def why(self, query: Query, a: str, b: str, *, timeout_s: float | None = None) -> Why:
        """Why product `a` has another score than product `b`, on the page or not. Asks the engine as `rank` does.

        Raises NotFound if one of them is no candidate of the query, and what `rank` raises.
        """
        answer = self.rank(query, MAX_WINDOW, timeout_s=timeout_s)
        return why(*self.explain(answer, [a, b]))

    def explain(self, answer: Answer, ids: Sequence[str], *, fusion: Fusion | None = None) -> tuple[Explanation, ...]:
        """What the scores of these products are made of, in the order of `ids`; asks nobody.

        By features if the fusion explains itself, else by what each route added; `fusion` is what `rank` was given.
        Raises NotFound for a product that is none of the answer's hits.
        """
        made_by = fusion or self._fusion
        hits = {hit.id: hit for hit in answer.hits}
        for product_id in ids:
            if product_id not in hits:
                raise not_a_candidate(product_id, len(hits))
        if isinstance(made_by, ExplainsItself) and answer.query.text and ids:
            return made_by.explain(answer.rankings, answer.query, ids)
        return tuple(explained_by_routes(hits[product_id]) for product_id in ids)

    def rank(
        self,
        query: Query,
        k: int,
        *,
        timeout_s: float | None = None,
        fields: Sequence[str] = (),
        routes: Collection[str] | None = None,
        fusion: Fusion | None = None,
        deadline: Deadline | None = None,
    ) -> Answer:
        """The best `k` fused candidates and every route's ranking; no product body is read.

        `fields` are stored values that the hits bring along, beside those that the fusion asks for. `routes` and
        `fusion` as in `search`; `deadline` goes before `timeout_s`.
        """
        until = deadline or self.deadline(timeout_s)
        all_routes, notes = self._plan(query, k)
        chosen = fusion or self._fusion
        if not all_routes:
            return Answer(query=query, hits=(), rankings=(), fusion=repr(chosen), notes=notes)
        if not query.text:
            chosen = _BROWSING
        context = RecallContext(
            deadline=until,
            vectors=QueryVectors(query.text, self._encoders),
            fields=tuple(dict.fromkeys([*(s.field for s in query.sort), *chosen.fields, *fields])),
        )
        clock = Clock()
        unwanted = self._unwanted(all_routes, routes)
        skipped = self._skipped(query, all_routes) if routes is None else {}
        out = {**unwanted, **skipped}
        gathered = self._gatherer.gather(query, [r for r in all_routes if r.name not in out], context, clock)
        if skipped and not any(ranking.hits for ranking in gathered.rankings.values()):
            gathered.add(self._gatherer.gather(query, [r for r in all_routes if r.name in skipped], context, clock))
            notes = (*notes, "The routes that the policy left found nothing: the skipped ones were asked after all.")
        rankings = tuple(
            gathered.rankings.get(r.name) or ended(r, RouteStatus.SKIPPED, out[r.name]) for r in all_routes
        )
        reworded = self._rewritten(query, context, clock)
        if self._rewriters is None and reads_rewritings(chosen):
            notes = (*notes, _NO_REWRITERS)
        query = replace(query, rewritings=reworded.rewritings)
        hits, fusion_notes = self._fuse(chosen, query, rankings, k)
        clock.lap("fuse")
        facets_over, facets = _facets(gathered.results) if query.facets else ("", ())
        return Answer(
            query=query,
            hits=hits,
            rankings=rankings,
            fusion=repr(chosen),
            facets=facets,
            facets_over=facets_over,
            notes=(*notes, *fusion_notes),
            timings_ms=clock.laps,
            prepared_ms=gathered.prepared_ms,
            cut_off=frozenset(gathered.cut_off),
            not_rewritten=reworded.failed,
        )

    def _rewritten(self, query: Query, context: RecallContext, clock: Clock) -> Rewritten:
        """The query in other words; a route that asks for them has them already."""
        if self._rewriters is None:
            return Rewritten()
        made = rewritten(self._rewriters, query, context)
        clock.lap("rewrite")
        return made

    def _unwanted(self, routes: Sequence[Route], wanted: Collection[str] | None) -> dict[str, str]:
        """The routes that the caller did not ask for. Browsing has one route, whatever was asked for."""
        if wanted is None:
            return {}
        known = [route.name for route in self._routes]
        unknown = sorted(set(wanted) - set(known))
        if unknown or not wanted:
            raise InvalidInput(
                f"Unknown route {', '.join(unknown)}." if unknown else "At least one route is needed.",
                hint=f"Routes here: {', '.join(known)}.",
                field="routes",
            )
        return {r.name: "not asked for" for r in routes if r.name in known and r.name not in wanted}

    def _plan(self, query: Query, k: int) -> tuple[tuple[Route, ...], tuple[str, ...]]:
        if query.text:
            return self._routes, ()
        if query.raw.strip():
            return (), ("The query holds no letter or digit: there is nothing to look for.",)
        note = "The query is empty: all products that pass the filter, the most popular first."
        return (BrowseRoute(k=k),), (note,)

    def _skipped(self, query: Query, routes: Sequence[Route]) -> dict[str, str]:
        """The routes that the policy leaves out, with its reason; never all of them."""
        if self._policy is None or not query.text:
            return {}
        asked_to = self._policy.skips(query)
        skipped = {route.name: asked_to[route.name] for route in routes if route.name in asked_to}
        if len(skipped) == len(routes):
            skipped.pop(routes[0].name)
        return skipped

    @staticmethod
    def _fuse(
        fusion: Fusion, query: Query, rankings: Sequence[Ranking], k: int
    ) -> tuple[tuple[FusedHit, ...], tuple[str, ...]]:
        if not query.sort:
            fused = fusion(rankings, k, query)
            return fused.hits, fused.notes
        fused = fusion(rankings, sum(len(r.hits) for r in rankings), query)
        ordered = sorted_hits(fused.hits, query.sort)[:k]
        return tuple(replace(hit, rank=rank) for rank, hit in enumerate(ordered, start=1)), fused.notes


_NO_REWRITERS = (
    "The fusion was trained with rewritings of queries, and there is no rewriter here: set MULTIRECALL_REWRITERS."
)

_BROWSING = WeightedSum()
"""Without a query there is one route, and nothing that a trained fusion could compare products with."""


def _facets(results: Mapping[str, list[EngineResult]]) -> tuple[str, tuple[FacetCounts, ...]]:
    """The facet counts to show and the route they come from; a second look's go before the first's."""
    for name in _FACET_ROUTES:
        for result in reversed(results.get(name, [])):
            if result.facets and result.status is RouteStatus.OK:
                return name, result.facets
    return "", ()
