"""Edge: the outermost layer. Request ids, security headers, one log line and one observation for each request."""

from __future__ import annotations

import logging
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from multirecall.service.access_log import AccessLog
from multirecall.service.metrics import ServiceMetrics
from multirecall.service.problems import problem
from multirecall.service.request import REQUEST_ID, RequestNote

__all__ = ["Edge"]

_log = logging.getLogger("multirecall.service")

_ID = REQUEST_ID.encode()

_EVERY = [
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
_ALWAYS = [
    *_EVERY,
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
]
_API = [
    *_EVERY,
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
]
_PAGE = [
    *_ALWAYS,
    # Product images may come from anywhere, programs and styles from here only.
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; font-src 'self'; "
        b"img-src 'self' data: https: http:; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
        b"frame-ancestors 'none'",
    ),
]
_DOCS = [
    *_ALWAYS,
    # The description page of FastAPI loads its viewer from a CDN and starts it by a script in the page.
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self' 'unsafe-inline' https://cdn.jsdelivr.net; connect-src 'self'; "
        b"style-src 'self' 'unsafe-inline' https://cdn.jsdelivr.net; img-src 'self' data: "
        b"https://fastapi.tiangolo.com; base-uri 'none'; frame-ancestors 'none'",
    ),
]


_REPORT = [
    *_ALWAYS,
    # A file of ours, but whoever wrote it: it may look as it likes, and do nothing.
    (
        b"content-security-policy",
        b"sandbox allow-popups; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
        b"form-action 'none'; frame-ancestors 'none'",
    ),
]


def _headers_for(path: str) -> list[tuple[bytes, bytes]]:
    if path.startswith("/v1/"):
        return _API
    if path == "/docs":
        return _DOCS
    if path.startswith("/reports/"):
        return _REPORT
    return _API if path in ("/metrics", "/healthz", "/readyz", "/openapi.json") else _PAGE


class Edge:
    """Wraps the whole app. An error that nothing expected ends here: as a 500 that tells nothing, and in the log.

    `endpoint_of` names the endpoint of a request that was answered (never its path: those are without number).
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: ServiceMetrics,
        endpoint_of: Callable[[Scope], str],
        access_log: AccessLog | None,
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._endpoint_of = endpoint_of
        self._access_log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request in and the answer out."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        note = RequestNote(next((value for name, value in scope["headers"] if name == _ID), b""))
        note.goes_with(scope)
        headers = [*_headers_for(scope["path"]), (_ID, note.id.encode())]
        status = 0

        async def outgoing(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *headers]
            await send(message)

        try:
            await self._app(scope, receive, outgoing)
        except Exception as error:
            _log.exception("%s %s failed", scope["method"], scope["path"], exc_info=error, extra={"request": note.id})
            if status:  # the answer has begun: all that is left is to break it off
                raise
            answer = problem(500, "internal", "Something went wrong here; it is logged.", request_id=note.id)
            await answer(scope, receive, outgoing)
        finally:
            self._tell(scope, note, status)

    def _tell(self, scope: Scope, note: RequestNote, status: int) -> None:
        took_s = note.took_ms / 1000.0
        endpoint = self._endpoint_of(scope)
        self._metrics.answered(endpoint, scope["method"], status, took_s)
        if self._access_log is not None:
            self._access_log.add(
                request=note.id,
                method=scope["method"],
                endpoint=endpoint,
                status=status,
                took_ms=round(took_s * 1000.0, 2),
                caller=note.caller.name if note.caller else "",
                **note.about,
            )
