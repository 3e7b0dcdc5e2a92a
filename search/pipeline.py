"""Searcher: the one online path. Understand, recall, fuse, cut, fetch bodies once."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import replace

from multirecall.core.deadline import Deadline
from multirecall.core.errors import InvalidInput, InvalidSettings, MultirecallError
from multirecall.core.query import MAX_WINDOW, Query
from multirecall.core.ranking import FusedHit, Ranking, RouteStatus
from multirecall.encoders.base import Encoder
from multirecall.engines.base import Engine, EngineRequest, EngineResult, FacetCounts
from multirecall.fusion.base import Fusion
from multirecall.fusion.explaining import ExplainsItself, Explanation, Why, explained_by_routes, not_a_candidate, why
from multirecall.fusion.weighted_sum import WeightedSum
from multirecall.recall.base import QueryVectors, RecallContext, Route
from multirecall.recall.browse import BrowseRoute
from multirecall.recall.policy import RoutePolicy
from multirecall.search.order import sorted_hits
from multirecall.search.page import Answer, Page, PageHit, RouteTrace

__all__ = ["Searcher"]

PREPARATION_SHARE = 0.6
"""Part of the time budget that models may use; the rest belongs to the engine."""

_FACET_ROUTES = ("lexical", "browse", "dense")  # whose facet counts are shown, best first


class Searcher:
    """Answers queries from one engine by several routes and one fusion. Safe for several threads.

    `encoders` by vector field name. One pool of threads per searcher runs the models; a route that fails or is
    late is left out of the answer, which says so. Close it, or use it as a context manager.
    `index` holds it to one physical index, so that candidates, records and query vectors are of one generation even
    while another index goes live; None follows the alias.
    `policy` may skip routes by the query alone: they are not prepared, so that no model runs for them, and not asked.
    One route is always asked, and if those that are left find nothing, the skipped ones are asked after all.
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
        policy: RoutePolicy | None = None,
    ) -> None:
        names = [r.name for r in routes]
        if not names or len(set(names)) != len(names):
            raise InvalidSettings(f"Routes need different names, at least one: {names}.", field="routes")
        self._engine = engine
        self._routes = tuple(routes)
        self._fusion = fusion
        self._encoders = dict(encoders)
        self._timeout_s = timeout_s
        self._index = index
        self._policy = policy
        self._pool = ThreadPoolExecutor(max_workers=n_threads, thread_name_prefix="route")

    @property
    def routes(self) -> tuple[Route, ...]:
        return self._routes

    @property
    def fusion(self) -> Fusion:
        return self._fusion

    def close(self) -> None:
        """Ends the threads; the engine stays open, it belongs to whoever opened it."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def __enter__(self) -> Searcher:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def search(self, query: Query, *, timeout_s: float | None = None, explain: bool = False) -> Page:
        """The page that `query` asks for, with the stored record of each product, read in one call.

        `explain` adds to every hit what its score is made of; it costs some milliseconds, and nothing if not asked.
        Raises InvalidFilter or UnsupportedFeature for a filter that the engine cannot honour, and EngineError if
        the engine does not answer at all. A route that fails alone is reported in `degraded`.
        """
        started = time.perf_counter()
        answer = self.rank(query, query.offset + query.size, timeout_s=timeout_s)
        wanted = answer.hits[query.offset : query.offset + query.size]
        before_fetch = time.perf_counter()
        bodies = self._engine.fetch([hit.id for hit in wanted], index=self._index) if wanted else []
        fetch_ms = (time.perf_counter() - before_fetch) * 1000.0
        timings_ms = {**answer.timings_ms, "fetch": fetch_ms}
        explanations: Mapping[str, Explanation] = {}
        if explain:
            before_explaining = time.perf_counter()
            explanations = {e.product_id: e for e in self.explain(answer, [hit.id for hit in wanted])}
            timings_ms["explain"] = (time.perf_counter() - before_explaining) * 1000.0
        hits = tuple(
            PageHit(
                id=hit.id,
                rank=hit.rank,
                score=hit.score,
                product=body,
                sources=hit.sources,
                relevance=hit.relevance,
                explanation=explanations.get(hit.id),
            )
            for hit, body in zip(wanted, bodies, strict=True)
            if body is not None
        )
        gone = len(wanted) - len(hits)
        notes = (*answer.notes, f"{gone} product(s) were deleted while the page was made.") if gone else answer.notes
        return Page(
            query=query,
            hits=hits,
            total=answer.total,
            facets=answer.facets,
            facets_over=answer.facets_over,
            routes=tuple(RouteTrace.of(r, answer.prepared_ms.get(r.route, 0.0)) for r in answer.rankings),
            fusion=answer.fusion,
            degraded=answer.degraded,
            notes=notes,
            generation=self._index or "",
            took_ms=(time.perf_counter() - started) * 1000.0,
            timings_ms=timings_ms,
        )

    def why(self, query: Query, a: str, b: str, *, timeout_s: float | None = None) -> Why:
        """Why product `a` has another score than product `b`, on the page or not. Asks the engine as `rank` does.

        Raises NotFound if one of them is no candidate of the query, and what `rank` raises.
        """
        answer = self.rank(query, MAX_WINDOW, timeout_s=timeout_s)
        return why(*self.explain(answer, [a, b]))

    def explain(self, answer: Answer, ids: Sequence[str]) -> tuple[Explanation, ...]:
        """What the scores of these products are made of, in the order of `ids`; asks nobody.

        By features if the fusion explains itself, else by what each route added. Raises NotFound for a product that is
        none of the answer's hits.
        """
        hits = {hit.id: hit for hit in answer.hits}
        for product_id in ids:
            if product_id not in hits:
                raise not_a_candidate(product_id, len(hits))
        if isinstance(self._fusion, ExplainsItself) and answer.query.text and ids:
            return self._fusion.explain(answer.rankings, answer.query, ids)
        return tuple(explained_by_routes(hits[product_id]) for product_id in ids)

    def rank(self, query: Query, k: int, *, timeout_s: float | None = None, fields: Sequence[str] = ()) -> Answer:
        """The best `k` fused candidates and every route's ranking; no product body is read.

        `fields` are stored values that the hits bring along, beside those that the fusion asks for.
        """
        deadline = Deadline.after(self._timeout_s if timeout_s is None else timeout_s)
        routes, notes = self._plan(query, k)
        if not routes:
            return Answer(query=query, hits=(), rankings=(), fusion=repr(self._fusion), notes=notes)
        fusion = self._fusion if query.text else _BROWSING
        context = RecallContext(
            deadline=deadline,
            vectors=QueryVectors(query.text, self._encoders),
            fields=tuple(dict.fromkeys([*(s.field for s in query.sort), *fusion.fields, *fields])),
        )
        clock = _Clock()
        skipped = self._skipped(query, routes)
        gathered = self._gather(query, [r for r in routes if r.name not in skipped], context, clock)
        if skipped and not any(ranking.hits for ranking in gathered.rankings.values()):
            gathered.add(self._gather(query, [r for r in routes if r.name in skipped], context, clock))
            notes = (*notes, "The routes that the policy left found nothing: the skipped ones were asked after all.")
        rankings = tuple(
            gathered.rankings.get(r.name) or _ended(r, RouteStatus.SKIPPED, skipped[r.name]) for r in routes
        )
        hits, fusion_notes = self._fuse(fusion, query, rankings, k)
        clock.lap("fuse")
        facets_over, facets = _facets(gathered.results) if query.facets else ("", ())
        return Answer(
            query=query,
            hits=hits,
            rankings=rankings,
            fusion=repr(fusion),
            facets=facets,
            facets_over=facets_over,
            notes=(*notes, *fusion_notes),
            timings_ms=clock.laps,
            prepared_ms=gathered.prepared_ms,
        )

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

    def _gather(self, query: Query, routes: Sequence[Route], context: RecallContext, clock: _Clock) -> _Gathered:
        """Prepares and asks the routes; each has a ranking at the end, whatever became of it."""
        gathered = _Gathered()
        waiting = [
            (r, self._pool.submit(_prepared, r, query, context)) for r in routes if r.needs_preparation
        ]  # the models of all routes at work, side by side
        ready = [route for route in routes if not route.needs_preparation]
        if waiting and ready and self._engine.capabilities.in_process:
            # A round trip costs nothing here: the other routes are answered while the models run.
            gathered.take(ready, self._recall(query, ready, context))
            clock.lap("engine")
            ready = []
        self._wait(waiting, context, gathered)
        clock.lap("prepare")
        ready += [route for route, _ in waiting if route.name not in gathered.rankings]
        gathered.take(ready, self._recall(query, ready, context))
        clock.lap("engine")
        return gathered

    def _wait(
        self, waiting: Sequence[tuple[Route, Future[float]]], context: RecallContext, gathered: _Gathered
    ) -> None:
        """Waits for the models; a route that failed or was late has its ranking now."""
        share = context.deadline.child(PREPARATION_SHARE)
        for route, future in waiting:
            try:
                gathered.prepared_ms[route.name] = future.result(timeout=min(share.remaining_s(), _LONGEST_WAIT_S))
            except FutureTimeout:
                future.cancel()
                gathered.rankings[route.name] = _ended(route, RouteStatus.TIMED_OUT, "its model was late")
            except InvalidInput:
                raise
            except Exception as error:  # noqa: BLE001 - one broken route never fails the query; it is in the answer
                gathered.rankings[route.name] = _ended(route, RouteStatus.FAILED, _reason(error))

    def _recall(self, query: Query, routes: Sequence[Route], context: RecallContext) -> dict[str, list[EngineResult]]:
        """The results of each route: of its requests, then of its second look if it took one.

        Provisional requests wait for the second look where that costs no round trip.
        """
        deadline = context.deadline
        requests = {route.name: route.requests(query, context) for route in routes}
        held = {route.name: 0 for route in routes}
        if self._engine.capabilities.in_process:
            held = {route.name: min(route.n_provisional, len(requests[route.name])) for route in routes}
        first = self._ask({name: of_route[held[name] :] for name, of_route in requests.items()}, deadline)
        results = {name: [_NOT_NEEDED] * held[name] + found for name, found in first.items()}
        second = self._ask_again(self._fallbacks(query, routes, context, results), deadline)
        needed = {name: requests[name][:n] for name, n in held.items() if n and not _brought_hits(second.get(name, ()))}
        for name, found in self._ask(needed, deadline).items():
            results[name][: held[name]] = found
        return {name: [*found, *second.get(name, ())] for name, found in results.items()}

    def _ask(
        self, requests: Mapping[str, tuple[EngineRequest, ...]], deadline: Deadline
    ) -> dict[str, list[EngineResult]]:
        """All requests of all routes in one round trip, dealt back to their routes."""
        flat = [request for of_route in requests.values() for request in of_route]
        answers = iter(self._engine.search_many(flat, deadline, index=self._index) if flat else [])
        return {name: [next(answers) for _ in of_route] for name, of_route in requests.items()}

    def _fallbacks(
        self,
        query: Query,
        routes: Sequence[Route],
        context: RecallContext,
        results: Mapping[str, list[EngineResult]],
    ) -> dict[str, tuple[EngineRequest, ...]]:
        if context.deadline.expired:
            return {}
        wanted = {r.name: r.fallback(query, context, results[r.name]) for r in routes if results.get(r.name)}
        return {name: requests for name, requests in wanted.items() if requests}

    def _ask_again(
        self, requests: Mapping[str, tuple[EngineRequest, ...]], deadline: Deadline
    ) -> dict[str, list[EngineResult]]:
        """The second round trip, if any route wants one. Its failure must not take away the first one's hits."""
        if not requests:
            return {}
        try:
            return self._ask(requests, deadline)
        except MultirecallError as error:
            failed = EngineResult(status=RouteStatus.FAILED, error=_reason(error))
            return {name: [failed for _ in of_route] for name, of_route in requests.items()}

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


_NOT_NEEDED = EngineResult(status=RouteStatus.SKIPPED, error="a second look took its place")

_BROWSING = WeightedSum()
"""Without a query there is one route, and nothing that a trained fusion could compare products with."""

_LONGEST_WAIT_S = 3600.0  # future.result refuses infinity


def _prepared(route: Route, query: Query, context: RecallContext) -> float:
    """Runs the route's model; returns the milliseconds it took."""
    started = time.perf_counter()
    route.prepare(query, context)
    return (time.perf_counter() - started) * 1000.0


class _Gathered:
    """What became of the routes that were asked, by name: rankings, results, and the time of their models."""

    def __init__(self) -> None:
        self.rankings: dict[str, Ranking] = {}
        self.results: dict[str, list[EngineResult]] = {}
        self.prepared_ms: dict[str, float] = {}

    def take(self, routes: Sequence[Route], results: Mapping[str, list[EngineResult]]) -> None:
        """Puts in the results of routes that the engine was asked for."""
        self.results.update(results)
        self.rankings.update((route.name, _ranking(route, results.get(route.name, []))) for route in routes)

    def add(self, other: _Gathered) -> None:
        """Puts in all of another one."""
        self.rankings.update(other.rankings)
        self.results.update(other.results)
        self.prepared_ms.update(other.prepared_ms)


class _Clock:
    """Milliseconds per stage."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.laps[stage] = self.laps.get(stage, 0.0) + (now - self._last) * 1000.0
        self._last = now


def _ended(route: Route, status: RouteStatus, error: str = "") -> Ranking:
    return Ranking(route=route.name, kind=route.kind, status=status, error=error)


def _brought_hits(results: Sequence[EngineResult]) -> bool:
    return any(result.status is RouteStatus.OK and result.hits for result in results)


def _reason(error: Exception) -> str:
    return error.message if isinstance(error, MultirecallError) else f"{type(error).__name__}: {error}"


def _ranking(route: Route, results: list[EngineResult]) -> Ranking:
    if not results:
        return _ended(route, RouteStatus.SKIPPED, "it has nothing to say to this query")
    ranking = route.ranking(results)
    late = results[-1]
    if len(results) > 1 and late.status is not RouteStatus.OK and ranking.status is RouteStatus.OK:
        return replace(ranking, status=RouteStatus.PARTIAL, error=late.error or "its second look was late")
    return ranking


def _facets(results: Mapping[str, list[EngineResult]]) -> tuple[str, tuple[FacetCounts, ...]]:
    """The facet counts to show and the route they come from; a second look's go before the first's."""
    for name in _FACET_ROUTES:
        for result in reversed(results.get(name, [])):
            if result.facets and result.status is RouteStatus.OK:
                return name, result.facets
    return "", ()
