"""Sending, without the sending: a call becomes requests and waits, answers become results or errors.

Both clients drive the same generators: they get a `Request` or a `Wait`, do it in their own way, and put in what came
back. So what is sent, retried and raised is written once, and is tested without a network.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from random import random
from typing import TypeVar

from pydantic import ValidationError

from multirecall_client.answers import Problem
from multirecall_client.calls import Call
from multirecall_client.errors import ApiError, MultirecallError, NoAnswer, UnreadableAnswer, api_error_class
from multirecall_client.options import READ_RETRIES, READ_TIMEOUT_S, WRITE_TIMEOUT_S, Options
from multirecall_client.wire import Wire

__all__ = ["Answer", "Flow", "Request", "Retrying", "Wait", "read", "send", "send_once"]

T = TypeVar("T")
W = TypeVar("W", bound=Wire)

_NOT_TAKEN = frozenset({429, 503})
"""The service says "later" before it does anything."""

_LATER = _NOT_TAKEN | {408, 502, 504}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to send. `headers` hold no key: that is added last, and stands in nothing that is kept."""

    method: str
    path: str
    params: Mapping[str, str | int]
    headers: Mapping[str, str]
    body: bytes | None
    timeout_s: float
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Sleep for so long; nothing comes back."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back. Names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Flow = Generator[Request | Wait, Answer | NoAnswer, T]
"""Gives what is to be done; is sent what came of a request: an answer, or why there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrying:
    """How long to wait before the next attempt: doubled each time up to `ceiling_s`, half of it by chance.

    A `retry-after` of the service counts instead, and a little chance is added, so that not all who were told the same
    come back at once. One beyond `longest_s` is not waited for.
    """

    first_s: float = 0.25
    ceiling_s: float = 20.0
    longest_s: float = 60.0
    chance: Callable[[], float] = random
    clock: Callable[[], float] = field(default=time.monotonic)

    def wait_s(self, attempt: int, retry_after_s: float | None) -> float | None:
        """Before attempt `attempt` + 1, attempts counting from 0; None: do not wait, give up."""
        if retry_after_s is not None:
            return None if retry_after_s > self.longest_s else retry_after_s * (1 + self.chance() / 4)
        return min(self.ceiling_s, self.first_s * 2.0 ** min(attempt, 32)) * (1 + self.chance()) / 2


def send(call: Call[W], options: Options, retrying: Retrying) -> Flow[W]:
    """Sends a call, again where that helps and does no harm, and gives what the service says.

    The time-out of a read is that of all attempts and waits together; a wait that would not leave anything of it is not
    begun. Raises ApiError, NoAnswer, UnreadableAnswer: what the last attempt came to.
    """
    timeout_s = options.timeout_s or (WRITE_TIMEOUT_S if call.write else READ_TIMEOUT_S)
    retries = READ_RETRIES if options.retries is None else options.retries
    request_id = options.id_of_request()
    ends = retrying.clock() + timeout_s
    left_s, attempt = timeout_s, 0
    while True:
        try:
            return (yield from send_once(call, options, timeout_s=left_s, request_id=request_id))
        except MultirecallError as error:
            wait_s = retrying.wait_s(attempt, retry_after_of(error)) if may_retry(call, error) else None
            if wait_s is None or attempt == retries:
                raise
            if not call.write:
                left_s = ends - retrying.clock() - wait_s
                if left_s <= 0:
                    raise
        yield Wait(seconds=wait_s)
        attempt += 1


def send_once(call: Call[W], options: Options, *, timeout_s: float, request_id: str) -> Flow[W]:
    """One attempt."""
    headers = {**options.headers, "X-Request-Id": request_id, "Accept": "application/json, application/problem+json"}
    if call.body is not None:
        headers["Content-Type"] = "application/json"
    answer = yield Request(
        method=call.method,
        path=call.path,
        params=call.params,
        headers=headers,
        body=call.body,
        timeout_s=timeout_s,
        request_id=request_id,
    )
    if isinstance(answer, NoAnswer):
        raise answer
    return read(call, answer, request_id)


def may_retry(call: Call[W], error: MultirecallError) -> bool:
    """Whether another attempt may bring something else, and cannot do what the first one did already."""
    if not call.retried:
        return False
    if isinstance(error, NoAnswer):
        return call.idempotent or not error.sent
    return isinstance(error, ApiError) and error.status in (_LATER if call.idempotent else _NOT_TAKEN)


def retry_after_of(error: MultirecallError) -> float | None:
    """What the service said about when to come back."""
    return error.retry_after_s if isinstance(error, ApiError) else None


def read(call: Call[W], answer: Answer, request_id: str) -> W:
    """The answer as what the call gives. Raises ApiError and UnreadableAnswer."""
    known_id = answer.headers.get("x-request-id", request_id)
    if not (200 <= answer.status < 300 or answer.status in call.fine):
        raise _refusal(answer, known_id)
    try:
        return call.answer.model_validate_json(answer.body)
    except ValidationError as error:
        if answer.status >= 300:
            raise _refusal(answer, known_id) from None
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "the body"
        raise UnreadableAnswer(
            f"{call.method} {call.path}: the answer cannot be read: {place}: {first['msg']}.", request_id=known_id
        ) from None


def _refusal(answer: Answer, request_id: str) -> ApiError:
    """The error of an answer. Something in between (a proxy) may have given it, in words of its own."""
    try:
        problem = Problem.model_validate_json(answer.body)
    except ValidationError:
        return api_error_class(answer.status)(
            f"HTTP {answer.status}, and no word of why.",
            status=answer.status,
            hint="Is that the address of the service?",
            retry_after_s=_retry_after(answer.headers.get("retry-after", "")),
            request_id=request_id,
        )
    error = problem.to_error()
    if error.retry_after_s is None:
        error.retry_after_s = _retry_after(answer.headers.get("retry-after", ""))
    error.request_id = error.request_id or request_id
    return error


def _retry_after(text: str) -> float | None:
    """Seconds, or a date as HTTP writes it."""
    if text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return None
