"""Drives what the client would do by itself: answers are given, waits are noted, nothing is sent."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from multirecall_client.errors import NoAnswer
from multirecall_client.sending import Answer, Flow, Request, Retrying

T = TypeVar("T")

Reply = Answer | NoAnswer | Callable[[Request], Answer | NoAnswer]


def answer(status: int, body: object, **headers: str) -> Answer:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status=status, headers={name.replace("_", "-"): value for name, value in headers.items()}, body=sent)


def problem(status: int, code: str = "oops", **more: Any) -> Answer:
    return answer(status, {"type": f"urn:multirecall:{code}", "title": "No.", "status": status, **more})


@dataclass
class Driver:
    """`chance` is what chance brings; a wait lets the clock go on by as much, and each request by `request_s`."""

    chance: float = 1.0
    request_s: float = 0.0
    now: float = 0.0
    requests: list[Request] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    @property
    def retrying(self) -> Retrying:
        return Retrying(chance=lambda: self.chance, clock=lambda: self.now)

    def run(self, flow: Flow[T], replies: Iterable[Reply]) -> T:
        """The flow's result. Fails if it does not use all replies, or asks for more."""
        coming = iter(replies)

        def following(request: Request) -> Answer | NoAnswer:
            reply = next(coming, None)
            assert reply is not None, f"an unexpected request: {request.method} {request.path}"
            return reply(request) if callable(reply) else reply

        result = self.serve(flow, following)
        assert next(coming, None) is None, "fewer requests than replies"
        return result

    def serve(self, flow: Flow[T], service: Callable[[Request], Answer | NoAnswer]) -> T:
        """The flow's result, if this answers its requests."""
        try:
            step = next(flow)
            while True:
                if isinstance(step, Request):
                    self.requests.append(step)
                    self.now += self.request_s
                    step = flow.send(service(step))
                else:
                    self.waits.append(step.seconds)
                    self.now += step.seconds
                    step = next(flow)
        except StopIteration as done:
            result: T = done.value
            return result
