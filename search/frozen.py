"""FrozenList: an answer without product bodies, as paging and the cache keep it; and the page cut out of it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from multirecall.core.query import Query
from multirecall.core.ranking import NO_FIELDS, FusedHit, Ranking
from multirecall.engines.base import FacetCounts
from multirecall.fusion.explaining import Explanation
from multirecall.search.page import Answer, Page, PageHit, RouteTrace, Total

__all__ = ["FrozenList", "RouteList", "frozen_list", "page_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteList:
    """What one route found, best first: `scores[i]` belongs to `ids[i]`."""

    route: str
    ids: tuple[str, ...]
    scores: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenList:
    """The order of an answer, of one generation and one moment (`made_at`, seconds since 1970).

    `id` is 32 hex digits that nobody can guess. `hits` carry no stored values, `route_lists` is each route's own list.
    Prices, stock and all else that may change are read when a page is made.
    """

    id: str
    query: Query
    generation: str
    hits: tuple[FusedHit, ...]
    total: Total
    totals: Mapping[str, Total]
    facets: tuple[FacetCounts, ...]
    facets_over: str
    fusion: str
    routes: tuple[RouteTrace, ...]
    route_lists: tuple[RouteList, ...]
    degraded: Mapping[str, str]
    notes: tuple[str, ...]
    timings_ms: Mapping[str, float]
    made_at: float

    @property
    def nbytes(self) -> int:
        """About how much memory it takes."""
        sources = sum(len(hit.sources) for hit in self.hits)
        listed = sum(len(one.ids) for one in self.route_lists)
        buckets = sum(len(facet.counts) for facet in self.facets)
        texts = sum(len(hit.id) for hit in self.hits) + 2 * len(self.query.raw)
        return _BASE_BYTES + _HIT_BYTES * len(self.hits) + _SOURCE_BYTES * sources + 40 * listed + 200 * buckets + texts


# measured by tracemalloc (tests/unit/search/test_frozen.py holds them to it)
_BASE_BYTES, _HIT_BYTES, _SOURCE_BYTES = 4_000, 260, 190


def frozen_list(answer: Answer, *, generation: str) -> FrozenList:
    """The answer as it is kept. Stored values that the fusion asked for are left behind."""
    return FrozenList(
        id=secrets.token_hex(16),
        query=answer.query,
        generation=generation,
        hits=tuple([replace(hit, fields=NO_FIELDS) if hit.fields else hit for hit in answer.hits]),
        total=answer.total,
        totals=answer.totals,
        facets=answer.facets,
        facets_over=answer.facets_over,
        fusion=answer.fusion,
        routes=tuple([RouteTrace.of(r, answer.prepared_ms.get(r.route, 0.0)) for r in answer.rankings]),
        route_lists=tuple([_route_list(ranking) for ranking in answer.rankings if ranking.hits]),
        degraded=answer.degraded,
        notes=answer.notes,
        timings_ms=answer.timings_ms,
        made_at=time.time(),
    )


def _route_list(ranking: Ranking) -> RouteList:
    ids, scores, _, _ = zip(*ranking.hits, strict=True)
    return RouteList(route=ranking.route, ids=ids, scores=scores)


def page_of(
    frozen: FrozenList,
    query: Query,
    bodies: Sequence[Mapping[str, Any] | None],
    *,
    took_ms: float,
    timings_ms: Mapping[str, float],
    missing: Mapping[str, str] | None = None,
    notes: Sequence[str] = (),
    explanations: Mapping[str, Explanation] | None = None,
) -> Page:
    """The hits from `query.offset` on, with `bodies[i]` for the i-th of them; None: the product is gone, a gap is left.

    `missing` is what this page lacks beside what the list lacks. A product keeps the rank it has in the list,
    and the query the rewritings that the list was made with.
    """
    explained = explanations or {}
    wanted = frozen.hits[query.offset : query.offset + query.size]
    hits = tuple(
        [
            PageHit(
                id=hit.id,
                rank=hit.rank,
                score=hit.score,
                product=body,
                sources=hit.sources,
                relevance=hit.relevance,
                explanation=explained.get(hit.id),
            )
            for hit, body in zip(wanted, bodies, strict=True)
            if body is not None
        ]
    )
    gone = len(wanted) - len(hits)
    told = (f"{gone} product(s) were deleted while the page was made.",) if gone else ()
    return Page(
        query=replace(query, rewritings=frozen.query.rewritings),
        hits=hits,
        total=frozen.total,
        totals=frozen.totals,
        facets=frozen.facets,
        facets_over=frozen.facets_over,
        routes=frozen.routes,
        fusion=frozen.fusion,
        degraded={**frozen.degraded, **missing} if missing else frozen.degraded,
        notes=(*frozen.notes, *notes, *told),
        generation=frozen.generation,
        took_ms=took_ms,
        timings_ms=timings_ms,
    )
