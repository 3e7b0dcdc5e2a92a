"""Answering: the search layer as the endpoints need it."""

from __future__ import annotations

from collections.abc import Sequence

from multirecall.core.query import MAX_WINDOW
from multirecall.fusion.explaining import Explanation, Why, why
from multirecall.search.pipeline import Searcher
from multirecall.search.serving import CacheNote, Frontend, PageMark, Repeated, SearchRequest, Served

__all__ = ["FrontendAnswers"]


class FrontendAnswers:
    """`Answers` by a frontend and its searcher."""

    def __init__(self, frontend: Frontend) -> None:
        self._frontend = frontend
        self._live = frontend.live

    @property
    def generation(self) -> str:
        """The index that answers just now; empty before there is one."""
        return self._live.generation

    def search(self, request: SearchRequest) -> Served:
        """See `Frontend.search`."""
        return self._frontend.search(request)

    def cached(self, request: SearchRequest) -> Served | None:
        """See `Frontend.at_hand`."""
        return self._frontend.at_hand(request)

    def mark(self, asked: Repeated) -> PageMark | None:
        """See `Frontend.mark`."""
        return self._frontend.mark(asked)

    def still(self, asked: Repeated, mark: PageMark) -> CacheNote | None:
        """See `Frontend.still`."""
        return self._frontend.still(asked, mark)

    def explain(self, request: SearchRequest, ids: Sequence[str]) -> tuple[str, tuple[Explanation, ...]]:
        """The index that was asked, and what these products' scores are made of. Raises NotFound for no candidate."""

        def ask(searcher: Searcher) -> tuple[str, tuple[Explanation, ...]]:
            answer = searcher.rank(
                request.query,
                MAX_WINDOW,
                timeout_s=request.timeout_s,
                routes=request.routes,
                fusion=request.fusion,
            )
            return searcher.generation, searcher.explain(answer, ids, fusion=request.fusion)

        return self._live.ask(ask)

    def why(self, request: SearchRequest, a: str, b: str) -> tuple[str, Why]:
        """The index that was asked, and why A has another score than B. Raises NotFound for no candidate."""
        generation, explanations = self.explain(request, [a, b])
        return generation, why(*explanations)
