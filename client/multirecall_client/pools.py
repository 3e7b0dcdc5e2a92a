"""Pools of connections, each used only where it was opened: in one process, or on one event loop.

A process that forks (a Celery worker) shares the sockets of its parent, and two processes that talk over one socket
get each other's answers. So a pool belongs to the process that opened it, and another process opens its own.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from dataclasses import dataclass

import httpx

from multirecall_client.errors import ConnectionBroken, ConnectionFailed, NoAnswer, TimedOut
from multirecall_client.sending import Answer, Request
from multirecall_client.target import Target
from multirecall_client.version import __version__

__all__ = ["AsyncPools", "Connecting", "Pools"]

_AGENT = f"multirecall-client/{__version__}"
_CONNECT_S = 5.0
_LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=30.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connecting:
    """How connections are made. Redirects are never followed: they would take the key elsewhere."""

    target: Target
    verify: bool | ssl.SSLContext = True

    def build(self, pool: httpx.Client | httpx.AsyncClient, request: Request) -> httpx.Request:
        """The request with all its headers."""
        given = frozenset(name.lower() for name in request.headers)
        return pool.build_request(
            request.method,
            self.target.base_url + request.path,
            params=request.params or None,
            content=request.body,
            headers={"User-Agent": _AGENT, **request.headers, **self.target.headers(given)},
            timeout=httpx.Timeout(request.timeout_s, connect=min(request.timeout_s, _CONNECT_S)),
        )

    def __repr__(self) -> str:
        return f"Connecting({self.target.base_url!r})"


class Pools:
    """One pool per process, opened when it is first used. Safe for several threads."""

    def __init__(self, connecting: Connecting, transport: httpx.BaseTransport | None) -> None:
        self._connecting = connecting
        self._transport = transport
        # Pools of the parent are kept: closing or collecting them here would disturb the sockets that it goes on using.
        self._by_process: dict[int, httpx.Client] = {}

    def send(self, request: Request) -> Answer | NoAnswer:
        """Sends it. Blocks. An answer of any status is one; a failure is returned, not raised."""
        pool = self._by_process.get(os.getpid()) or self._open()
        try:
            answer = pool.send(self._connecting.build(pool, request))
        except httpx.RequestError as error:
            return no_answer(error, request)
        return Answer(status=answer.status_code, headers=dict(answer.headers), body=answer.content)

    def close(self) -> None:
        """Closes this process's connections. A later request opens new ones."""
        if pool := self._by_process.pop(os.getpid(), None):
            pool.close()

    def _open(self) -> httpx.Client:
        # No lock: a fork may happen while another thread holds it. Of two pools made at once, one is not used.
        pool = httpx.Client(verify=self._connecting.verify, limits=_LIMITS, transport=self._transport)
        return self._by_process.setdefault(os.getpid(), pool)


class AsyncPools:
    """One pool per event loop: connections of a loop that has ended are of no use to another."""

    def __init__(self, connecting: Connecting, transport: httpx.AsyncBaseTransport | None) -> None:
        self._connecting = connecting
        self._transport = transport
        self._by_loop: dict[asyncio.AbstractEventLoop, httpx.AsyncClient] = {}

    async def send(self, request: Request) -> Answer | NoAnswer:
        """Sends it. An answer of any status is one; a failure is returned, not raised."""
        pool = self._by_loop.get(asyncio.get_running_loop()) or self._open()
        try:
            answer = await pool.send(self._connecting.build(pool, request))
        except httpx.RequestError as error:
            return no_answer(error, request)
        return Answer(status=answer.status_code, headers=dict(answer.headers), body=answer.content)

    async def close(self) -> None:
        """Closes the connections of the running loop. A later request opens new ones."""
        if pool := self._by_loop.pop(asyncio.get_running_loop(), None):
            await pool.aclose()

    def _open(self) -> httpx.AsyncClient:
        for ended in [loop for loop in self._by_loop if loop.is_closed()]:
            del self._by_loop[ended]
        pool = httpx.AsyncClient(verify=self._connecting.verify, limits=_LIMITS, transport=self._transport)
        self._by_loop[asyncio.get_running_loop()] = pool
        return pool


def no_answer(error: httpx.RequestError, request: Request) -> NoAnswer:
    """What came of a request that got no answer; the address is named, headers are not."""
    what = f"{request.method} {request.path}"
    told: NoAnswer
    if isinstance(error, httpx.TimeoutException):
        sent = not isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout)
        told = TimedOut(f"{what}: no answer within {request.timeout_s:g} s.", request_id=request.request_id, sent=sent)
    elif isinstance(error, httpx.ConnectError | httpx.UnsupportedProtocol | httpx.ProxyError):
        told = ConnectionFailed(f"{what}: no connection: {error}.", request_id=request.request_id)
    else:
        told = ConnectionBroken(f"{what}: the connection broke: {error}.", request_id=request.request_id)
    told.__cause__ = error
    return told
