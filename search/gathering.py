"""Gatherer: asks the routes of one query, models side by side and the engine in one round trip, and takes in the rest.

Whatever becomes of a route, it has a ranking at the end that says so.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import replace
from functools import partial

from multirecall.core.deadline import Deadline
from multirecall.core.errors import EngineUnavailable, InvalidInput, MultirecallError
from multirecall.core.query import Query
from multirecall.core.ranking import Ranking, RouteStatus
from multirecall.engines.base import EngineRequest, EngineResult
from multirecall.recall.base import RecallContext, Route, ended
from multirecall.search.asking import Asking
from multirecall.search.breaker import Breaker
from multirecall.search.lanes import Lane

__all__ = ["Clock", "Gathered", "Gatherer"]

PREPARATION_SHARE = 0.6
"""Part of the time budget that models may use; the rest belongs to the engine."""

_LONGEST_WAIT_S = 3600.0  # future.result refuses infinity
_NOT_NEEDED = EngineResult(status=RouteStatus.SKIPPED, error="a second look took its place")


class Clock:
    """Milliseconds per stage."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        """The time since the last lap goes to `stage`."""
        now = time.perf_counter()
        self.laps[stage] = self.laps.get(stage, 0.0) + (now - self._last) * 1000.0
        self._last = now


class Gathered:
    """What became of the routes that were asked, by name: rankings, results, and the time of their models.

    `cut_off` are those that were skipped because their breaker is open.
    """

    def __init__(self) -> None:
        self.rankings: dict[str, Ranking] = {}
        self.results: dict[str, list[EngineResult]] = {}
        self.prepared_ms: dict[str, float] = {}
        self.cut_off: set[str] = set()

    def take(
        self, routes: Sequence[Route], query: Query, context: RecallContext, results: Mapping[str, list[EngineResult]]
    ) -> None:
        """Puts in the results of routes that the engine was asked for."""
        self.results.update(results)
        self.rankings.update(
            (route.name, _ranking(route, query, context, results.get(route.name, []))) for route in routes
        )

    def add(self, other: Gathered) -> None:
        """Puts in all of another one."""
        self.rankings.update(other.rankings)
        self.results.update(other.results)
        self.prepared_ms.update(other.prepared_ms)
        self.cut_off |= other.cut_off


class Gatherer:
    """Asks routes over one index. Safe for several threads.

    Each route's model has a lane of its own, with a breaker if the engine has one. Of a caller who gives less than half
    of the usual time it is no failure to be late (`Asking.is_fair`).
    """

    def __init__(self, asking: Asking, routes: Sequence[Route], *, index: str | None, n_threads: int) -> None:
        self._asking = asking
        self._index = index
        made = Breaker if asking.breaker is not None else Breaker.never
        self._lanes = {
            r.name: Lane(r.name, n_threads=n_threads, breaker=made(f"the model of route {r.name}"))
            for r in routes
            if r.needs_preparation
        }

    @property
    def breakers(self) -> dict[str, Breaker]:
        """The breakers of the routes' models, by route."""
        return {name: lane.breaker for name, lane in self._lanes.items()}

    def close(self) -> None:
        """Ends the threads that are idle, and those that are not once their model returns."""
        for lane in self._lanes.values():
            lane.close()

    def gather(self, query: Query, routes: Sequence[Route], context: RecallContext, clock: Clock) -> Gathered:
        """Prepares and asks the routes. Raises what the engine raises for all of them."""
        gathered = Gathered()
        fair = self._asking.is_fair(context.deadline.remaining_s())
        waiting = self._prepare(query, routes, context, gathered)  # the models of all routes at work, side by side
        ready = [route for route in routes if not route.needs_preparation]
        if waiting and ready and self._asking.in_process:
            # A round trip costs nothing here: the other routes are answered while the models run.
            gathered.take(ready, query, context, self._recall(query, ready, context, fair))
            clock.lap("engine")
            ready = []
        self._wait(waiting, context, gathered, fair)
        clock.lap("prepare")
        ready += [route for route, _ in waiting if route.name not in gathered.rankings]
        gathered.take(ready, query, context, self._recall(query, ready, context, fair))
        clock.lap("engine")
        return gathered

    def _prepare(
        self, query: Query, routes: Sequence[Route], context: RecallContext, gathered: Gathered
    ) -> list[tuple[Route, Future[float]]]:
        waiting = []
        for route in routes:
            if not route.needs_preparation:
                continue
            lane = self._lanes[route.name]
            refusal = lane.refusal()
            if refusal and len(routes) > 1:
                gathered.rankings[route.name] = ended(route, RouteStatus.SKIPPED, refusal)
                gathered.cut_off.add(route.name)
            elif refusal:
                raise EngineUnavailable(
                    f"Route {route.name!r} alone was asked for, and cannot be: {refusal}.",
                    hint="Ask other routes as well, or try again later.",
                    retry_after_s=max(1.0, lane.breaker.retry_after_s),
                )
            else:
                waiting.append((route, lane.submit(partial(_prepared, route, query, context))))
        return waiting

    def _wait(
        self, waiting: Sequence[tuple[Route, Future[float]]], context: RecallContext, gathered: Gathered, fair: bool
    ) -> None:
        """Waits for the models; a route that failed or was late has its ranking now."""
        share = context.deadline.child(PREPARATION_SHARE)
        for route, future in waiting:
            breaker = self._lanes[route.name].breaker
            try:
                gathered.prepared_ms[route.name] = future.result(timeout=min(share.remaining_s(), _LONGEST_WAIT_S))
                breaker.succeeded()
            except FutureTimeout:
                future.cancel()
                gathered.rankings[route.name] = ended(route, RouteStatus.TIMED_OUT, "its model was late")
                if fair:
                    breaker.failed("its model was late")
            except InvalidInput:
                breaker.succeeded()
                raise
            except Exception as error:  # noqa: BLE001 - one broken route never fails the query; it is in the answer
                gathered.rankings[route.name] = ended(route, RouteStatus.FAILED, _reason(error))
                breaker.failed(_reason(error))

    def _recall(
        self, query: Query, routes: Sequence[Route], context: RecallContext, fair: bool
    ) -> dict[str, list[EngineResult]]:
        """The results of each route: of its requests, then of its second look if it took one.

        Provisional requests wait for the second look where that costs no round trip.
        """
        deadline = context.deadline
        requests = {route.name: route.requests(query, context) for route in routes}
        held = {route.name: 0 for route in routes}
        if self._asking.in_process:
            held = {route.name: min(route.n_provisional, len(requests[route.name])) for route in routes}
        first = self._ask({name: of_route[held[name] :] for name, of_route in requests.items()}, deadline, fair)
        results = {name: [_NOT_NEEDED] * held[name] + found for name, found in first.items()}
        second = self._ask_again(self._fallbacks(query, routes, context, results), deadline, fair)
        needed = {name: requests[name][:n] for name, n in held.items() if n and not _brought_hits(second.get(name, ()))}
        for name, found in self._ask(needed, deadline, fair).items():
            results[name][: held[name]] = found
        return {name: [*found, *second.get(name, ())] for name, found in results.items()}

    def _ask(
        self, requests: Mapping[str, tuple[EngineRequest, ...]], deadline: Deadline, fair: bool
    ) -> dict[str, list[EngineResult]]:
        """All requests of all routes in one round trip, dealt back to their routes."""
        flat = [request for of_route in requests.values() for request in of_route]
        answers = iter(self._asking.search(flat, deadline, index=self._index, fair=fair) if flat else [])
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
        self, requests: Mapping[str, tuple[EngineRequest, ...]], deadline: Deadline, fair: bool
    ) -> dict[str, list[EngineResult]]:
        """The second round trip, if any route wants one. Its failure must not take away the first one's hits."""
        if not requests:
            return {}
        try:
            return self._ask(requests, deadline, fair)
        except MultirecallError as error:
            failed = EngineResult(status=RouteStatus.FAILED, error=_reason(error))
            return {name: [failed for _ in of_route] for name, of_route in requests.items()}


def _prepared(route: Route, query: Query, context: RecallContext) -> float:
    """Runs the route's model; returns the milliseconds it took."""
    started = time.perf_counter()
    route.prepare(query, context)
    return (time.perf_counter() - started) * 1000.0


def _brought_hits(results: Sequence[EngineResult]) -> bool:
    return any(result.status is RouteStatus.OK and result.hits for result in results)


def _reason(error: Exception) -> str:
    return error.message if isinstance(error, MultirecallError) else f"{type(error).__name__}: {error}"


def _ranking(route: Route, query: Query, context: RecallContext, results: list[EngineResult]) -> Ranking:
    ranking = route.ranking(query, context, results)
    late = results[-1] if len(results) > 1 else None
    if late is not None and late.status is not RouteStatus.OK and ranking.status is RouteStatus.OK:
        return replace(ranking, status=RouteStatus.PARTIAL, error=late.error or "its second look was late")
    return ranking
