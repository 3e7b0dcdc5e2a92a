"""Late refusals: held, bounded, and written as any other problem."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from multirecall.service.gate import Gate
from multirecall.service.keys import KeyRing, Role, read_keys
from multirecall.service.late_refusals import LateRefusals, send_too_often
from multirecall.service.metrics import ServiceMetrics
from multirecall.service.problems import problem
from multirecall.service.rates import RateLimits
from tests.support.http_service import make_keys

KEYS, LINES = make_keys()
SCOPE: dict[str, Any] = {
    "type": "http", "method": "GET", "path": "/v1/suggest", "headers": [(b"x-api-key", KEYS[Role.SEARCH].encode())]
}  # fmt: skip


async def receive() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


def sent_by(app: Callable[[Any, Any, Any], Awaitable[None]]) -> tuple[int, dict[bytes, bytes], bytes]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app(dict(SCOPE), receive, send))
    start, body = sent
    return start["status"], dict(start["headers"]), body["body"]


def test_so_many_are_held_of_one_and_of_all_and_their_places_come_back() -> None:
    async def run() -> None:
        late = LateRefusals(most_of_one=2, most=3)
        held = [asyncio.create_task(late.hold(name, 3600.0)) for name in ("a", "a", "b")]
        await asyncio.sleep(0)
        assert not await late.hold("a", 3600.0), "two of a are held"
        assert not await late.hold("c", 3600.0), "three are held in all"
        for task in held[:2]:
            task.cancel()
        await asyncio.gather(*held[:2], return_exceptions=True)
        assert await late.hold("a", 0.0)
        assert await late.hold("c", -1.0)
        held[2].cancel()

    asyncio.run(run())


def test_it_says_what_any_problem_says() -> None:
    usual = problem(
        429, "too_many_requests", "This key asks too often.", detail="Wait as long as retry-after says.",
        retry_after_s=2.25, request_id="r-1",
    )  # fmt: skip

    async def too_often(_: Any, __: Any, send: Any) -> None:
        await send_too_often(send, wait_s=2.25, request_id="r-1", close=False)

    status, headers, body = sent_by(too_often)
    assert (status, body, headers) == (429, usual.body, dict(usual.raw_headers))


@pytest.mark.parametrize("room", [0, 8])
def test_beyond_what_is_held_the_connection_is_closed(monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    monkeypatch.setattr("multirecall.service.gate.LateRefusals", lambda: LateRefusals(most=room))
    rates = RateLimits(rate_per_s=100.0, burst=1, clock=lambda: 1.0)

    async def inner(_: Any, __: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    gate = Gate(
        inner,
        keys=KeyRing(read_keys(LINES, source="test")),
        rates=rates,
        hosts=(),
        roles={},
        metrics=ServiceMetrics(),
    )
    assert sent_by(gate)[0] == 200
    status, headers, _ = sent_by(gate)
    assert status == 429
    assert headers.get(b"connection") == (None if room else b"close")


def test_a_refusal_because_all_places_are_taken_counts_as_any_other() -> None:
    rates = RateLimits(rate_per_s=10.0, burst=100, clock=lambda: 1.0)
    full = problem(429, "backpressure", "All places are taken.", retry_after_s=1.0)
    gate = Gate(
        full,
        keys=KeyRing(read_keys(LINES, source="test")),
        rates=rates,
        hosts=(),
        roles={},
        metrics=ServiceMetrics(),
    )
    assert sent_by(gate)[0] == 429
    assert rates.hold_s("search") == pytest.approx(1 / 10)
    for _ in range(16):
        rates.refused("search")
    assert rates.floods("search")
