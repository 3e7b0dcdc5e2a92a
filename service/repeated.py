"""Repeated searches: asked in the very bytes that were answered before, they are answered by the very bytes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from multirecall.core.errors import MultirecallError
from multirecall.search.serving import CacheNote, PageMark, Repeated
from multirecall.search.serving.memory import ByteLru
from multirecall.service.metrics import ServiceMetrics
from multirecall.service.parts import Answers
from multirecall.service.request import RequestNote, note_of

__all__ = ["SEARCH_PATH", "KnownAnswers", "RepeatedSearches"]

SEARCH_PATH = "/v1/search"

_ENTRY_BYTES, _MET_BYTES = 1_000, 200
_LONGEST_QUESTION = 8_192


@dataclass(frozen=True, slots=True)
class _Known:
    asked: Repeated
    mark: PageMark
    rest: bytes
    about: dict[str, Any]


class KnownAnswers:
    """Answers by the request's own bytes, without what differs each time. Bounded by bytes; safe for several threads.

    An answer is given again only while the frontend says that the list is fresh and no record was committed since
    (`Frontend.still`), so it is what a search would give.
    """

    def __init__(self, answers: Answers, *, max_bytes: int) -> None:
        self._answers = answers
        self._known: ByteLru[_Known] = ByteLru(max_bytes - max_bytes // 16)
        self._met: ByteLru[bool] = ByteLru(max_bytes // 16)

    def wants(self, question: str) -> bool:
        """Whether its answer is worth keeping: it was asked in these bytes before. Most rare ones never are again."""
        if not question:
            return False
        met = self._met.get(question) is not None
        if not met:
            self._met.put(question, True, 2 * len(question) + _MET_BYTES)
        return met

    @property
    def nbytes(self) -> int:
        """Memory held by the answers."""
        return self._known.nbytes + self._met.nbytes

    def put(
        self, question: str, asked: Repeated, mark: PageMark, answer: dict[str, Any], about: dict[str, Any]
    ) -> None:
        """Keeps an answer; `mark` was taken before its page."""
        fixed = {name: value for name, value in answer.items() if name not in _DIFFERS}
        rest = orjson.dumps(fixed, option=orjson.OPT_NON_STR_KEYS)[1:]
        self._known.put(question, _Known(asked, mark, rest, about), len(rest) + 2 * len(question) + _ENTRY_BYTES)

    def get(self, question: str, note: RequestNote) -> bytes | None:
        """The whole answer, if it is the one that a search would give now."""
        known = self._known.get(question)
        if known is None:
            return None
        try:
            found = self._answers.still(known.asked, known.mark)
        except MultirecallError:  # the ordinary way says what is wrong
            return None
        if found is None:
            return None
        note.about = known.about
        return _beginning(note.id, note.took_ms, found) + known.rest


_DIFFERS = frozenset({"request_id", "took_ms", "cache", "timings_ms"})


def _beginning(request_id: str, took_ms: float, cache: CacheNote) -> bytes:
    """What differs in an answer each time, as its first fields. A request id is a plain word (`request.py`)."""
    return (
        f'{{"request_id":"{request_id}","took_ms":{took_ms:.3f},'
        f'"cache":{{"status":"{cache.status}","level":"{cache.level}","age_ms":{cache.age_ms:.1f}}},'
        f'"timings_ms":{{"cache":{took_ms:.3f}}},'
    ).encode()


class RepeatedSearches:
    """The innermost layer: answers searches that are known, and lets all else through to the endpoints.

    It stands behind the gate and the limits. Reading, checking and understanding a request costs more than looking up
    its list; for the same bytes they come to the same.
    """

    def __init__(self, app: ASGIApp, *, known: KnownAnswers, metrics: ServiceMetrics) -> None:
        self._app = app
        self._known = known
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers, or passes the request on."""
        if scope["type"] != "http" or scope["path"] != SEARCH_PATH or scope["method"] not in ("GET", "POST"):
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        first: Message | None = await receive() if scope["method"] == "POST" else None
        note = note_of(scope)
        note.asked = _question(scope, first)
        answer = self._known.get(note.asked, note) if note.asked else None
        if answer is not None:
            note.endpoint = SEARCH_PATH
            headers = [(b"content-length", b"%d" % len(answer)), (b"content-type", b"application/json")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": answer})
            self._metrics.repeated(note.about["hits"], time.perf_counter() - started)
            return
        if first is None:
            await self._app(scope, receive, send)
            return

        async def replayed() -> Message:
            nonlocal first
            if first is not None:
                message, first = first, None
                return message
            return await receive()

        await self._app(scope, replayed, send)


def _question(scope: Scope, first: Message | None) -> str:
    """All of a request that its answer depends on; empty for what is too long to be kept, or not whole."""
    if first is None:
        asked: bytes = b"GET " + scope["query_string"]
    elif first["type"] != "http.request" or first.get("more_body", False):
        return ""
    else:
        kinds = [value for name, value in scope["headers"] if name == b"content-type"]
        asked = b"POST " + b",".join(kinds) + b"\n" + first.get("body", b"")
    return asked.decode("latin-1") if len(asked) <= _LONGEST_QUESTION else ""
