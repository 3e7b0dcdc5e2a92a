"""Bodies beyond what a request needs are refused before they are read whole."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from multirecall.service.metrics import ServiceMetrics
from multirecall.service.problems import problem
from multirecall.service.request import note_of

__all__ = ["MAX_BODY_BYTES", "BodyLimit"]

MAX_BODY_BYTES = 64 * 1024
"""Of one search; other endpoints have limits of their own."""

_LONGEST_S = 30.0
"""Whoever sends a body more slowly is cut off: each holds a connection and memory."""


class BodyLimit:
    """Answers 413 to a request whose body is longer than its path's limit, announced or not.

    Args:
        limits: Most bytes by path, for those that take more than `MAX_BODY_BYTES`.
    """

    def __init__(self, app: ASGIApp, *, limits: Mapping[str, int], metrics: ServiceMetrics) -> None:
        self._app = app
        self._limits = limits
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Reads at most the limit, then hands what was read on."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self._app(scope, receive, send)
            return
        limit = self._limits.get(scope["path"], MAX_BODY_BYTES)
        try:
            body = None if _announced(scope) > limit else await _read(receive, limit)
        except TimeoutError:
            await problem(408, "too_slow", "The body did not come in time.", request_id=note_of(scope).id)(
                scope, receive, send
            )
            return
        except ClientDisconnect:
            return
        if body is None:
            self._metrics.refused("size")
            title = f"The body is longer than {limit // 1024} KiB."
            await problem(413, "too_large", title, request_id=note_of(scope).id)(scope, receive, send)
            return
        whole: Message | None = {"type": "http.request", "body": body, "more_body": False}

        async def replayed() -> Message:
            nonlocal whole
            if whole is not None:
                first, whole = whole, None
                return first
            return await receive()

        await self._app(scope, replayed, send)


async def _read(receive: Receive, limit: int) -> bytes | None:
    """The whole body; None if it is longer. Raises TimeoutError, and ClientDisconnect if the sender went away."""
    parts: list[bytes] = []
    size = 0
    async with asyncio.timeout(_LONGEST_S):
        while True:
            message = await receive()
            if message["type"] != "http.request":
                raise ClientDisconnect
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > limit:
                return None
            if not message.get("more_body", False):
                return b"".join(parts)


def _announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value[:18])
    return 0
