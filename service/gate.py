"""Gate: refuses what must not come in, before a byte of its body is read: unknown hosts, unknown keys, floods."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from multirecall.core.errors import MultirecallError
from multirecall.service.keys import OPEN, Caller, KeyRing, Role
from multirecall.service.late_refusals import LateRefusals, send_too_often
from multirecall.service.metrics import ServiceMetrics
from multirecall.service.problems import problem
from multirecall.service.rates import RateLimits
from multirecall.service.request import RequestNote, note_of

__all__ = ["Forbidden", "Gate", "requires"]

_WRONG_KEY_HELD_S = 0.2
"""So long a wrong key waits for its answer: whoever tries one after the other gets nowhere."""

_NOBODY = ""  # no key has this name

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
        self._late = LateRefusals()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets the request in, or answers it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        note = note_of(scope)
        refused = await self._unknown(scope, note)
        if refused is None and await self._refused_by_rate(note, send):
            return
        needed = self._roles.get(scope["path"])
        if refused is None and needed is not None and note.caller is not None and note.caller.role < needed:
            self._metrics.refused("role")
            refused = _forbidden(needed, note.id)
        if refused is not None:
            await refused(scope, receive, send)
            return
        await self._app(scope, receive, self._late_if_full(note, send))

    def _late_if_full(self, note: RequestNote, send: Send) -> Send:
        """Passes the answer on; if all places were taken, as late as the caller's other refusals."""
        rates, caller = self._rates, note.caller
        if rates is None or caller is None or not len(self._keys):
            return send

        async def outgoing(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 429:
                rates.refused(caller.name)
                held = await self._late.hold(caller.name, rates.hold_s(caller.name) - note.took_ms / 1000.0)
                if not held:
                    message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
            await send(message)

        return outgoing

    async def _refused_by_rate(self, note: RequestNote, send: Send) -> bool:
        """Takes a token of the caller; if there is none, the request was answered, later the more it asks."""
        if self._rates is None or note.caller is None or not len(self._keys):
            return False
        name = note.caller.name
        wait_s = await self._rates.take(name)
        if not wait_s:
            return False
        self._metrics.refused("rate")
        held = await self._late.hold(name, self._rates.hold_s(name))
        await send_too_often(send, wait_s=wait_s, request_id=note.id, close=not held)
        return True

    async def _unknown(self, scope: Scope, note: RequestNote) -> JSONResponse | None:
        """The answer to a host or a key that is not known; else None, and the note has the caller."""
        host, presented = _host_and_key(scope)
        if self._hosts and host not in self._hosts:
            self._metrics.refused("host")
            return problem(
                421, "wrong_host", "This service is not asked by that name.",
                detail="Use the address it was given, or add the name to MULTIRECALL_ALLOWED_HOSTS.",
                request_id=note.id,
            )  # fmt: skip
        path = scope["path"]
        if path not in self._roles and not path.startswith("/v1/"):
            return None
        caller: Caller | None = OPEN
        if len(self._keys):
            caller = self._keys.find(presented)
            if caller is None:
                self._metrics.refused("key")
                held = await self._late.hold(_NOBODY, _WRONG_KEY_HELD_S)
                answer = problem(
                    401, "unauthorized", "A key is needed." if not presented else "The key is not known.",
                    detail="Send it as 'Authorization: Bearer KEY' or 'X-Api-Key: KEY'.", request_id=note.id,
                )  # fmt: skip
                answer.headers["www-authenticate"] = "Bearer"
                if not held:
                    answer.headers["connection"] = "close"
                return answer
        note.caller = caller
        return None


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
