"""Waiting for a condition, with a deadline; no test sleeps for a time that it hopes is long enough."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["last", "wait_for"]

_Found = TypeVar("_Found")


def wait_for(
    found: Callable[[], _Found],
    what: str,
    *,
    within_s: float = 60.0,
    told: Callable[[], str] = str,
    every_s: float = 0.05,
) -> _Found:
    """The first true result of `found`. Raises TimeoutError that says what was waited for, with what `told` says."""
    until = time.monotonic() + within_s
    while not (result := found()):
        if time.monotonic() > until:
            raise TimeoutError(f"waited {within_s:.0f} s for {what}. {told()}")
        time.sleep(every_s)
    return result


def last(seconds: float) -> None:
    """Lets a fault last so long: it is the fault that takes this time, nothing is expected to have happened then."""
    threading.Event().wait(seconds)
