"""Late refusals: who asks too often is answered late, so that clients that wait for their answers slow themselves."""

from __future__ import annotations

import asyncio
from collections import Counter

from starlette.types import Send

__all__ = ["LateRefusals", "send_too_often"]

_MOST_OF_ONE = 64
_MOST = 256

_TOO_OFTEN = (
    b'{"type":"urn:multirecall:too_many_requests","title":"This key asks too often.","status":429,'
    b'"detail":"Wait as long as retry-after says.","retry_after_s":%.2f,"request_id":"%s"}'
)


class LateRefusals:
    """Holds refusals back. At most `most_of_one` of one caller and `most` in all: each keeps a connection. For one
    event loop."""

    def __init__(self, *, most_of_one: int = _MOST_OF_ONE, most: int = _MOST) -> None:
        self._most_of_one, self._most = most_of_one, most
        self._held: Counter[str] = Counter()

    async def hold(self, caller: str, seconds: float) -> bool:
        """Waits so long; False, at once, if too many are held: that connection is better closed."""
        if self._held[caller] >= self._most_of_one or self._held.total() >= self._most:
            return False
        self._held[caller] += 1
        try:
            await asyncio.sleep(max(0.0, seconds))
        finally:
            self._held[caller] -= 1
            if not self._held[caller]:
                del self._held[caller]
        return True


async def send_too_often(send: Send, *, wait_s: float, request_id: str, close: bool) -> None:
    """The refusal of a key that asks too often, as `problem` would write it, for a fraction of its cost.

    A request id is a plain word (`request.py`).
    """
    body = _TOO_OFTEN % (wait_s, request_id.encode())
    headers = [
        (b"retry-after", b"%d" % max(1, round(wait_s))),
        (b"content-length", b"%d" % len(body)),
        (b"content-type", b"application/problem+json"),
    ]
    if close:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": 429, "headers": headers})
    await send({"type": "http.response.body", "body": body})
