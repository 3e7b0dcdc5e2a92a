"""A load runner of our own: keep-alive connections that each ask again as soon as they are answered (closed loop).

It reads no more of an answer than its head and length, so that it costs little beside what it measures.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

__all__ = ["Load", "Request", "run_load"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    method: str = "GET"
    path: str = "/"
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def to_bytes(self, host: str) -> bytes:
        lines = [
            f"{self.method} {self.path} HTTP/1.1",
            f"host: {host}",
            *(f"{n}: {v}" for n, v in self.headers.items()),
        ]
        if self.body:
            lines += ["content-type: application/json", f"content-length: {len(self.body)}"]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


OnAnswer = Callable[[Request, bytes], None]
"""Is given every answer's body."""


@dataclass(slots=True, kw_only=True)
class Load:
    """What came of a run: seconds of each answer, statuses, and the bytes of the last body."""

    took_s: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0
    n_bytes: int = 0

    @property
    def per_s(self) -> float:
        return len(self.took_s) / self.seconds

    def quantile_ms(self, q: float) -> float:
        ordered = sorted(self.took_s)
        return 1000.0 * ordered[min(len(ordered) - 1, int(q * len(ordered)))]


async def _one_connection(
    host: str,
    port: int,
    next_request: Callable[[], Request],
    go_on: Callable[[], bool],
    load: Load,
    pause_s: float,
    on_answer: OnAnswer | None,
) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        while go_on():
            request = next_request()
            payload = request.to_bytes(f"{host}:{port}")
            started = time.perf_counter()
            writer.write(payload)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
            body = await reader.readexactly(length) if length else b""
            load.took_s.append(time.perf_counter() - started)
            if on_answer is not None:
                on_answer(request, body)
            load.statuses[int(head[9:12])] += 1
            load.n_bytes = length
            if pause_s:
                await asyncio.sleep(pause_s)
    finally:
        writer.close()


async def run_load(
    host: str,
    port: int,
    next_request: Callable[[], Request],
    *,
    seconds: float = float("inf"),
    most: int | None = None,
    connections: int,
    pause_s: float = 0.0,
    on_answer: OnAnswer | None = None,
) -> Load:
    """`connections` at once, for so long or until `most` requests were begun; `pause_s` makes it a low load."""
    load = Load()
    started = time.perf_counter()
    begun = itertools.count()

    def go_on() -> bool:
        return time.perf_counter() < started + seconds and (most is None or next(begun) < most)

    await asyncio.gather(
        *(_one_connection(host, port, next_request, go_on, load, pause_s, on_answer) for _ in range(connections))
    )
    load.seconds = time.perf_counter() - started
    return load
