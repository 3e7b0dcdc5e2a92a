"""LiveSearcher: goes over to each index that goes live, without an answer that mixes two of them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

from multirecall.core.errors import InvalidInput, NotFound
from multirecall.core.query import Query
from multirecall.engines.base import Engine, IndexInfo
from multirecall.search.asking import Asking
from multirecall.search.breaker import Breaker
from multirecall.search.page import Page
from multirecall.search.pipeline import Searcher

__all__ = ["LiveSearcher"]

_log = logging.getLogger("multirecall.search")
_T = TypeVar("_T")


class _Generation:
    """A searcher on one index, with how many searches are in it. Closed when it is over and the last one has left."""

    def __init__(self, index: str, searcher: Searcher) -> None:
        self.index, self.searcher = index, searcher
        self._lock = threading.Lock()
        self._inside = 0
        self._over = False

    def enter(self) -> bool:
        """False if it is over."""
        with self._lock:
            if self._over:
                return False
            self._inside += 1
            return True

    def leave(self) -> None:
        with self._lock:
            self._inside -= 1
            last = self._over and not self._inside
        if last:
            self.searcher.close()

    def end(self) -> None:
        with self._lock:
            empty = not self._over and not self._inside
            self._over = True
        if empty:
            self.searcher.close()


class LiveSearcher:
    """Answers queries from whichever index is live, each query from one index alone. Safe for several threads.

    `open_generation` makes the searcher of an index, held to it. Which index is live is asked every `look_every_s`, in
    the background; a new one is opened (its encoder may take seconds) while the old one goes on answering. So for
    about that long after a swap the old index still answers, and a swap must not drop it at once. If it is gone all
    the same, the query is asked once more of the new one. A new index that cannot be opened leaves the old one in
    service, and every page says so. Before the first catalogue is indexed there is nothing to answer from: a search
    then raises NotFound, and asks again each time. `timeout_s` and `breaker` are those of the searchers, for `asking`.

    `made_of` tells, at next to no cost, of what searchers are made beside the index, such as a trained model: if it
    gives another value at two looks in a row, the searcher is made anew, as for another index. None changes nothing.
    """

    def __init__(
        self,
        engine: Engine,
        open_generation: Callable[[IndexInfo], Searcher],
        *,
        look_every_s: float = 1.0,
        timeout_s: float = 1.0,
        breaker: Breaker | None = None,
        made_of: Callable[[], object] = lambda: None,
    ) -> None:
        self._engine = engine
        self._made_of = made_of
        self._made_then: object = None
        self._made_last: object = None
        self._asking = Asking(engine, breaker=breaker, usual_s=timeout_s)
        self._open_generation = open_generation
        self._look_every_s = look_every_s
        self._opening = threading.Lock()
        self._problem = ""
        self._closed = False
        self._looked_at = time.monotonic()
        self._generation: _Generation | None = None
        try:
            self.follow()
        except NotFound:
            _log.warning("there is no index yet: searches are answered once there is one")

    @property
    def generation(self) -> str:
        """The index that answers just now; empty before there is one."""
        return self._generation.index if self._generation is not None else ""

    @property
    def asking(self) -> Asking:
        """What asks the engine of any index, also of one that was live before."""
        return self._asking

    @property
    def problem(self) -> str:
        """Why the live index does not answer here; empty if it does."""
        return self._problem

    def search(self, query: Query, *, timeout_s: float | None = None, explain: bool = False) -> Page:
        """The page of a query; raises what `Searcher.search` does, and InvalidInput after `close`."""
        page = self.ask(lambda searcher: searcher.search(query, timeout_s=timeout_s, explain=explain))
        problem = self._problem
        return replace(page, notes=(*page.notes, problem)) if problem else page

    def ask(self, question: Callable[[Searcher], _T]) -> _T:
        """What `question` returns, given the searcher that answers just now; it stays open until then.

        If its index is gone meanwhile (NotFound), the question is asked once more of the one that is live then.
        """
        self._look()
        try:
            with self._entered() as searcher:
                return question(searcher)
        except NotFound:
            self.follow()
            with self._entered() as searcher:
                return question(searcher)

    def follow(self) -> None:
        """Goes over to the index that is live now, if it is another one; blocks until it is open.

        Raises what the engine and the opening raise; then the present index stays. Does nothing after `close`.
        """
        with self._opening:
            if self._closed:
                return
            self._looked_at = time.monotonic()
            info = self._engine.info()
            parts, before_that = self._made_of(), self._made_last
            self._made_last = parts
            changed = parts is not None and parts != self._made_then and parts == before_that
            if info.name == self.generation and not changed:
                self._problem = ""
                return
            try:
                made = _Generation(info.name, self._open_generation(info))
            except Exception as error:
                self._problem = f"Index {info.name} is live, but could not be opened here: {error}"
                raise
            before, self._generation, self._made_then = self._generation, made, parts
            self._problem = ""
            _log.info("index %s answers now%s", made.index, f", instead of {before.index}" if before else "")
            if before is not None:
                before.end()

    def close(self) -> None:
        """Ends the present searcher once the last search has left it; no other one begins.

        Waits for an index that is being opened. The engine stays open, it belongs to whoever opened it.
        """
        with self._opening:
            self._closed = True
            if self._generation is not None:
                self._generation.end()

    def __enter__(self) -> LiveSearcher:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @contextmanager
    def _entered(self) -> Iterator[Searcher]:
        if self._generation is None:
            self.follow()
        while (generation := self._generation) is None or not generation.enter():
            if self._closed:
                raise InvalidInput("The searcher is closed.", hint="Open another one.", field="searcher")
            # it ended between the two steps: the next one is in its place already
        try:
            yield generation.searcher
        finally:
            generation.leave()

    def _look(self) -> None:
        if time.monotonic() - self._looked_at < self._look_every_s or not self._opening.acquire(blocking=False):
            return
        self._looked_at = time.monotonic()
        self._opening.release()
        threading.Thread(target=self._follow_quietly, name="generation", daemon=True).start()

    def _follow_quietly(self) -> None:
        try:
            self.follow()
        except Exception as error:  # noqa: BLE001 - the present index goes on answering; pages and the log say why
            _log.warning("the live index could not be followed: %s", error)
