"""Gate: refuses what must not come in, before a byte of its body is read: unknown hosts, unknown keys, floods."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from multirecall.core.errors import MultirecallError
from multirecall.service.keys import OPEN, Caller, KeyRing, Role
from multirecall.service.metrics import ServiceMetrics
from multirecall.service.problems import problem
from multirecall.service.rates import RateLimits
from multirecall.service.request import note_of

__all__ = ["Forbidden", "Gate", "requires"]

_HELD_S = 0.2
_MOST_HELD = 256
"""A refusal is held back for a moment, so that whoever asks again at once costs no more than one who waits; no more
than so many at a time, the others are answered at once."""

_BEARER = b"bearer "


class Forbidden(MultirecallError):
    """The key is good, but its role is not enough."""

    code = "forbidden"


class Gate:
    """Asks every request under `/v1/` for its key, and takes a token of its caller's rate.

    `roles`: what exact paths need, here or elsewhere; endpoints check their own role too. `hosts`: names that the
    service is asked by; none: any. Without keys anybody may do everything; then the hosts keep web pages out that bend
    their own name to this address (DNS rebinding).
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        keys: KeyRing,
        rates: RateLimits | None,
        hosts: Collection[str],
        roles: Mapping[str, Role],
        metrics: ServiceMetrics,
    ) -> None:
        self._app = app
        self._keys = keys
        self._rates = rates
        self._hosts = frozenset(host.lower() for host in hosts)
        self._roles = roles
        self._metrics = metrics
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets the request in, or answers it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refused = await self._refused(scope)
        if refused is not None:
            await refused(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _refused(self, scope: Scope) -> JSONResponse | None:
        note = note_of(scope)
        host, presented = _host_and_key(scope)
        if self._hosts and host not in self._hosts:
            self._metrics.refused("host")
            return problem(
                421, "wrong_host", "This service is not asked by that name.",
                detail="Use the address it was given, or add the name to MULTIRECALL_ALLOWED_HOSTS.",
                request_id=note.id,
            )  # fmt: skip
        path = scope["path"]
        needed = self._roles.get(path)
        if needed is None and not path.startswith("/v1/"):
            return None
        caller: Caller | None = OPEN
        if len(self._keys):
            caller = self._keys.find(presented)
            if caller is None:
                self._metrics.refused("key")
                await self._hold()
                answer = problem(
                    401, "unauthorized", "A key is needed." if not presented else "The key is not known.",
                    detail="Send it as 'Authorization: Bearer KEY' or 'X-Api-Key: KEY'.", request_id=note.id,
                )  # fmt: skip
                answer.headers["www-authenticate"] = "Bearer"
                return answer
            if self._rates is not None:
                wait_s = await self._rates.take(caller.name)
                if wait_s:
                    self._metrics.refused("rate")
                    note.caller = caller
                    await self._hold()
                    return problem(
                        429, "too_many_requests", "This key asks too often.",
                        detail="Wait as long as retry-after says.", retry_after_s=round(wait_s, 2), request_id=note.id,
                    )  # fmt: skip
        note.caller = caller
        if needed is not None and caller is not None and caller.role < needed:
            self._metrics.refused("role")
            return _forbidden(needed, note.id)
        return None

    async def _hold(self) -> None:
        if self._held >= _MOST_HELD:
            return
        self._held += 1
        try:
            await asyncio.sleep(_HELD_S)
        finally:
            self._held -= 1


def requires(role: Role) -> Callable[[Request], Awaitable[None]]:
    """A dependency of endpoints that need this role. Raises Forbidden, which names it."""

    async def check(request: Request) -> None:
        caller = note_of(request.scope).caller
        if caller is None or caller.role < role:
            raise Forbidden(
                f"This needs a key of role {role.name.lower()}.",
                hint="`multirecall keys new NAME --role …` makes one.",
            )

    return check


def _forbidden(role: Role, request_id: str) -> JSONResponse:
    return problem(
        403, "forbidden", f"This needs a key of role {role.name.lower()}.",
        detail="`multirecall keys new NAME --role …` makes one.", request_id=request_id,
    )  # fmt: skip


def _host_and_key(scope: Scope) -> tuple[str, str]:
    """The name the service was asked by, without its port, and the key that was presented (empty: none)."""
    host = key = bearer = b""
    for name, value in scope["headers"]:
        if name == b"host":
            host = value
        elif name == b"x-api-key":
            key = value
        elif name == b"authorization" and value[:7].lower() == _BEARER:
            bearer = value[7:].strip()
    asked = host.decode("latin-1").lower()
    name = asked.partition("]")[0] + "]" if asked.startswith("[") else asked.partition(":")[0]
    return name, (bearer or key).decode("latin-1")
