"""Frontend: the one door to searching for those who serve it: pages that hold still, a cache, deadlines that hold."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from multirecall.core.deadline import Deadline
from multirecall.core.errors import StoreUnavailable
from multirecall.core.query import MAX_WINDOW, Query
from multirecall.engines.base import TellsCommits
from multirecall.recall.rewrite import RewriteRoute
from multirecall.recall.rewriters.chain import RewriteChain
from multirecall.recall.rewriters.model import ModelRewriter
from multirecall.search.breaker import Breaker
from multirecall.search.frozen import FrozenList, frozen_list, page_of
from multirecall.search.gathering import Clock
from multirecall.search.live import LiveSearcher
from multirecall.search.pipeline import RANKING_SHARE, Searcher
from multirecall.search.serving.cache import Found, ListCache
from multirecall.search.serving.explained import Explained, explained_page
from multirecall.search.serving.key import Repeated, cache_key
from multirecall.search.serving.memory import ByteLru
from multirecall.search.serving.query_vectors import RememberingEncoder
from multirecall.search.serving.remembered import RememberedGenerator
from multirecall.search.serving.request import SearchRequest
from multirecall.search.serving.served import CacheNote, PageMark, Served
from multirecall.search.serving.tokens import PageTokens, page_expired

__all__ = ["Frontend"]


class Frontend:
    """Answers requests from the live index. Safe for several threads.

    A page of a token keeps the order of the index that it began on, whatever has gone live since.
    A list is made `window` products long (or as long as the routes' candidates reach), whatever the page, so that all
    pages and totals come from one order. Without a `cache` every list is made anew and its page tokens hold it whole.
    """

    def __init__(
        self, live: LiveSearcher, *, tokens: PageTokens, cache: ListCache | None = None, window: int = 200
    ) -> None:
        self._live = live
        self._tokens = tokens
        self._cache = cache
        self._window = window
        engine = live.asking.engine
        self._commits = engine if isinstance(engine, TellsCommits) else None
        self._whole_tokens: ByteLru[str] = ByteLru(_WHOLE_TOKENS_BYTES if cache is not None else 0)

    @property
    def live(self) -> LiveSearcher:
        return self._live

    @property
    def cache(self) -> ListCache | None:
        return self._cache

    @property
    def breakers(self) -> dict[str, Breaker]:
        """What may be left alone for a while: `engine`, `redis`, `rewriter_model`, and the routes that have a model."""
        found = dict(self._live.ask(lambda searcher: searcher.breakers)) if self._live.generation else {}
        if self._live.asking.breaker is not None:
            found["engine"] = self._live.asking.breaker
        if self._cache is not None and self._cache.shared is not None:
            found["redis"] = self._cache.shared.breaker
        for model in self.rewriter_models.values():
            found["rewriter_model"] = model.breaker
        return found

    @property
    def query_vectors(self) -> dict[str, RememberingEncoder]:
        """The encoders that remember vectors of queries, by vector field of the index that answers just now."""
        encoders = self._live.ask(lambda searcher: searcher.encoders) if self._live.generation else {}
        return {field: one for field, one in encoders.items() if isinstance(one, RememberingEncoder)}

    @property
    def rewriter_models(self) -> dict[str, RememberedGenerator]:
        """The language models that rewrite queries, by name, of the index that answers just now."""
        routes = self._live.ask(lambda searcher: searcher.routes) if self._live.generation else ()
        chains = [
            chain for route in routes if isinstance(route, RewriteRoute) for chain in (route.rewriters, route.second)
        ]
        models = [one for chain in chains if isinstance(chain, RewriteChain) for one in chain.alternatives]
        found = [one.generator for one in models if isinstance(one, ModelRewriter)]
        return {one.name: one for one in found if isinstance(one, RememberedGenerator)}

    def search(self, request: SearchRequest) -> Served:
        """The page of a query, or of a page token.

        Raises what `Searcher.search` raises; for a page token InvalidInput if it was not made here, PageExpired if its
        list is no longer kept, and StoreUnavailable if only Redis knows its list and does not answer.
        """
        if request.page_token is not None:
            return self._page(request, request.page_token)
        return self._live.ask(lambda searcher: self._first_page(request, searcher))

    def at_hand(self, request: SearchRequest) -> Served | None:
        """The same as `search` where it takes no waiting, for callers that must not wait; else None.

        That is a list in this process's memory, over an engine in this process.
        """
        cache = self._cache
        if cache is None or not self._may_be_at_hand(request):
            return None

        def look(searcher: Searcher) -> Served | None:
            started, clock, deadline = time.perf_counter(), Clock(), searcher.deadline(request.timeout_s)
            found = cache.at_hand(cache_key(request, searcher, self._window_of(request.query)))
            return None if found is None else self._cut(request, searcher, found, deadline, started, clock)

        return self._live.ask(look)

    def _may_be_at_hand(self, request: SearchRequest) -> bool:
        if not self._live.asking.in_process or not self._live.generation:
            return False
        return request.page_token is None and not request.explain and request.use_cache

    def mark(self, asked: Repeated) -> PageMark | None:
        """The mark of the page that `at_hand` gives; None if it gives none, or if its engine does not tell when records
        change. Take it first, then the page: a page may be newer than its mark, and is then never taken for current."""
        look = self._look(asked)
        return None if look is None else look[0]

    def still(self, asked: Repeated, mark: PageMark) -> CacheNote | None:
        """Where the list came from, if the page with that mark is what `at_hand` would give now; counted as a hit then.

        It reads no record and cuts no page: whoever kept the page need not ask for it again.
        """
        look = self._look(asked)
        if look is None or look[0] != mark or self._cache is None:
            return None
        self._cache.counters.count("hit_memory")
        return _note(look[1])

    def _look(self, asked: Repeated) -> tuple[PageMark, Found] | None:
        cache, commits, request = self._cache, self._commits, asked.request
        if cache is None or commits is None or not self._may_be_at_hand(request):
            return None

        def look(searcher: Searcher) -> tuple[PageMark, Found] | None:
            found = cache.peek(asked.key(searcher, self._window_of(request.query)))
            if found is None:
                return None
            commit = commits.commit_seen(index=searcher.generation or None)
            return PageMark(found.frozen.id, found.shared, commit, self._live.problem), found

        return self._live.ask(look)

    def close(self) -> None:
        """Ends the cache's background work. The searcher stays open, it belongs to whoever opened it."""
        if self._cache is not None:
            self._cache.close()

    def _first_page(self, request: SearchRequest, searcher: Searcher) -> Served:
        started, clock, deadline = time.perf_counter(), Clock(), searcher.deadline(request.timeout_s)
        return self._cut(request, searcher, self._found(request, searcher, deadline), deadline, started, clock)

    def _cut(
        self,
        request: SearchRequest,
        searcher: Searcher,
        found: Found,
        deadline: Deadline,
        started: float,
        clock: Clock,
    ) -> Served:
        """The page that the query asks for, out of its list."""
        clock.lap("cache")
        if found.status not in ("hit", "stale"):
            clock.laps = dict(found.frozen.timings_ms)
        bodies, trouble = searcher.fetch(_ids(found.frozen, request.query), deadline)
        clock.lap("fetch")
        explained = _NOT_ASKED
        if request.explain:
            explained = explained_page(found.frozen, request.query, searcher, deadline, fusion=request.fusion)
            clock.lap("explain")
        return self._served(found, request.query, bodies, trouble, explained, started, clock)

    def _window_of(self, query: Query) -> int:
        """One window for all usual pages, so that they share a list; the widest for those beyond it."""
        return self._window if query.offset + query.size <= self._window else MAX_WINDOW

    def _found(self, request: SearchRequest, searcher: Searcher, deadline: Deadline) -> Found:
        """The list of a query: looked up, or made."""
        window = self._window_of(request.query)
        if self._cache is None:
            return Found(frozen=_listed(request, searcher, window, deadline), status="off")
        if not request.use_cache:
            frozen = _listed(request, searcher, window, deadline)
            self._cache.counters.count("bypass")
            return Found(frozen=frozen, status="bypass", shared=self._cache.keep(frozen))
        key = cache_key(request, searcher, window)

        def remade(current: Searcher) -> FrozenList | None:
            if cache_key(request, current, window) != key:  # another index is live by now: nobody will look for it
                return None
            return _listed(request, current, window, current.deadline())

        return self._cache.find(
            key,
            lambda: _listed(request, searcher, window, deadline),
            lambda: self._live.ask(remade),
            deadline,
        )

    def _page(self, request: SearchRequest, token: str) -> Served:
        """A page of a list that exists already. Its products are those of the live index: their prices hold now."""
        started, clock = time.perf_counter(), Clock()
        deadline = self._live.asking.deadline(request.timeout_s)
        found = self._named(token)
        frozen = found.frozen
        query = replace(frozen.query, offset=request.query.offset, size=request.query.size)
        clock.lap("cache")

        def fill(searcher: Searcher) -> Served:
            bodies, trouble = searcher.fetch(_ids(frozen, query), deadline)
            clock.lap("fetch")
            explained = _NOT_ASKED
            if request.explain:
                explained = explained_page(frozen, query, searcher, deadline)
                clock.lap("explain")
            if searcher.generation != frozen.generation:
                note = f"The order is that of index {frozen.generation}, the products are those of the live one."
                explained = replace(explained, notes=(*explained.notes, note))
            return self._served(found, query, bodies, trouble, explained, started, clock)

        return self._live.ask(fill)

    def _named(self, token: str) -> Found:
        """The list of a token."""
        content = self._tokens.read(token)
        list_id = content if isinstance(content, str) else content.id
        found, answered = (None, True) if self._cache is None else self._cache.page_list(list_id)
        if found is None and isinstance(content, FrozenList):
            found = Found(frozen=content, status="hit")
        if found is None and not answered:
            raise StoreUnavailable("The list of this page is in Redis, which does not answer.", field="page_token")
        if found is None:
            raise page_expired("The list of this page token is no longer kept.")
        return replace(found, age_s=max(0.0, time.time() - found.frozen.made_at))

    def _served(
        self,
        found: Found,
        query: Query,
        bodies: Sequence[Mapping[str, Any] | None],
        trouble: str,
        explained: Explained,
        started: float,
        clock: Clock,
    ) -> Served:
        frozen = found.frozen
        problem = self._live.problem
        page = page_of(
            frozen,
            query,
            bodies,
            missing={"products": trouble} if trouble else None,
            notes=(*explained.notes, problem) if problem else explained.notes,
            explanations=explained.by_id,
            took_ms=(time.perf_counter() - started) * 1000.0,
            timings_ms=clock.laps,
        )
        wanted = _ids(frozen, query)
        return Served(
            page=page,
            cache=_note(found),
            page_token=self._token(found) if frozen.hits else "",
            has_more=query.offset + query.size < len(frozen.hits),
            gone=tuple(name for name, body in zip(wanted, bodies, strict=True) if body is None),
            route_lists={one.route: one for one in frozen.route_lists},
        )

    def _token(self, found: Found) -> str:
        """Names the list if all processes can find it, else holds it. Of a list in memory it was made before."""
        if found.shared:
            return self._tokens.named(found.frozen.id)
        known = self._whole_tokens.get(found.frozen.id)
        if known is None:
            known = self._tokens.whole(found.frozen)
            self._whole_tokens.put(found.frozen.id, known, len(known))
        return known


def _note(found: Found) -> CacheNote:
    return CacheNote(status=found.status, level=found.level, age_ms=found.age_s * 1000.0)


_NOT_ASKED = Explained()
_WHOLE_TOKENS_BYTES = 4 * 1024 * 1024


def _ids(frozen: FrozenList, query: Query) -> list[str]:
    return [hit.id for hit in frozen.hits[query.offset : query.offset + query.size]]


def _listed(request: SearchRequest, searcher: Searcher, window: int, deadline: Deadline) -> FrozenList:
    """The list of a query, made now."""
    answer = searcher.rank(
        request.query, window, deadline=deadline.child(RANKING_SHARE), routes=request.routes, fusion=request.fusion
    )
    return frozen_list(answer, generation=searcher.generation)
