"""Searching: a body becomes an answer, from memory at once or by a thread of the bounded pool."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from multirecall.core.errors import MultirecallError
from multirecall.fusion.base import Fusion
from multirecall.fusion.opening import open_fusion
from multirecall.search.serving import Repeated, SearchRequest, Served
from multirecall.service.bodies import SearchBody
from multirecall.service.keys import OPEN
from multirecall.service.parts import ServiceParts
from multirecall.service.problems import problem_of
from multirecall.service.rendering import Bodies, rendered
from multirecall.service.repeated import KnownAnswers
from multirecall.service.request import RequestNote
from multirecall.wiring.routes import ROUTES
from multirecall.wiring.searchers import check_weights

__all__ = ["Searching"]

_slow = logging.getLogger("multirecall.slow")


class Searching:
    """Answers searches for the endpoints, and notes in logs, metrics and traces what they did."""

    def __init__(self, parts: ServiceParts, known: KnownAnswers | None = None) -> None:
        self._parts = parts
        self._known = known
        self._options = parts.options

    def request_of(self, body: SearchBody) -> SearchRequest:
        """The request that a body means. Raises InvalidInput that names the field."""
        return SearchRequest(
            query=body.to_query(self._options.minor_units),
            timeout_s=None if body.timeout_ms is None else body.timeout_ms / 1000.0,
            explain=body.explain,
            routes=None if body.routes is None else tuple(dict.fromkeys(body.routes)),
            fusion=_fusion(body.fusion),
            use_cache=body.use_cache,
            page_token=body.page_token,
        )

    async def answer(self, body: SearchBody, note: RequestNote, *, parent: str = "") -> dict[str, Any]:
        """The answer, to be written as JSON. Raises Backpressure if there is no place, and what the search raises."""
        started = time.perf_counter()
        began_ns = time.time_ns()
        request = self.request_of(body)
        products: Bodies = {}
        asked, mark = Repeated(request), None
        if self._known is not None and not body.route_hits and self._known.wants(note.asked):
            mark = self._parts.answers.mark(asked)
        at_hand = None if body.route_hits else self._parts.answers.cached(request)
        if at_hand is not None:
            served = at_hand
        else:
            budget_s = self._options.timeout_s if request.timeout_s is None else request.timeout_s
            caller = (note.caller or OPEN).name

            def work() -> tuple[Served, Bodies]:
                left_s = max(0.001, budget_s - (time.perf_counter() - started))
                found = self._parts.answers.search(replace(request, timeout_s=left_s))
                return found, self._products_of_routes(found, body.route_hits)

            served, products = await self._parts.searches.run(caller, work, wait_s=budget_s)
        took_s = time.perf_counter() - started
        self._tell(body, served, note, took_s)
        self._parts.traces.search(
            started_ns=began_ns,
            stages_ms=served.page.timings_ms,
            attributes={
                "request.id": note.id,
                "search.generation": served.page.generation,
                "search.fusion": served.page.fusion,
                "search.cache": served.cache.status,
                "search.hits": len(served.page.hits),
                "search.degraded": list(served.page.degraded),
            },
            parent=parent,
        )
        answer = rendered(
            served, request.query, request_id=note.id, took_ms=took_s * 1000.0, n_top=body.route_hits, products=products
        )
        if mark is not None and self._known is not None and at_hand is not None and not served.page.degraded:
            self._known.put(note.asked, asked, mark, answer, note.about)
        return answer

    async def answer_or_problem(self, body: SearchBody, note: RequestNote) -> dict[str, Any]:
        """The same; an error takes the answer's place."""
        try:
            return await self.answer(body, note)
        except MultirecallError as error:
            return problem_of(error, note.id)

    def _products_of_routes(self, served: Served, n_top: int) -> Bodies:
        """The bodies of products that only the routes' own lists name. Blocks."""
        if not n_top:
            return {}
        shown = {hit.id for hit in served.page.hits}
        tops = (one for listed in served.route_lists.values() for one in listed.ids[:n_top])
        ids = [one for one in dict.fromkeys(tops) if one not in shown]
        bodies: Sequence[Any] = self._parts.engine.fetch(ids, index=served.page.generation) if ids else ()
        return {name: body for name, body in zip(ids, bodies, strict=True) if body is not None}

    def _tell(self, body: SearchBody, served: Served, note: RequestNote, took_s: float) -> None:
        page = served.page
        self._parts.metrics.searched(page, served.cache.status, took_s)
        note.about = {"cache": served.cache.status, "hits": len(page.hits), "generation": page.generation}
        if page.degraded:
            note.about["degraded"] = dict(page.degraded)
        if took_s * 1000.0 < self._options.slow_ms:
            return
        self._parts.metrics.slow_search()
        _slow.warning(
            "a search took %.0f ms",
            took_s * 1000.0,
            extra={
                "request": note.id,
                "took_ms": round(took_s * 1000.0, 1),
                "timings_ms": {stage: round(took, 1) for stage, took in page.timings_ms.items()},
                "fusion": page.fusion,
                "filters": len(body.filters),
                "facets": len(body.facets),
                **({"query": body.query[:200]} if self._options.log_queries else {}),
                **note.about,
            },
        )


def _fusion(spec: str | None) -> Fusion | None:
    """The fusion of a request; None: the service's own. Raises InvalidSettings that names it."""
    if spec is None or spec == "default":
        return None
    check_weights(spec, ROUTES)
    return open_fusion(spec)
