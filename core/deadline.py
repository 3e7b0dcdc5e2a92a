"""One time budget, handed down through every stage of a request."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from multirecall.core.errors import DeadlineExceeded, InvalidInput

__all__ = ["Deadline"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """A point on the monotonic clock, in seconds; `math.inf` means no limit.

    The clock is a field so that tests can move time without sleeping.
    """

    at_s: float
    clock: Callable[[], float] = time.monotonic

    @classmethod
    def after(cls, budget_s: float, clock: Callable[[], float] = time.monotonic) -> Deadline:
        """A deadline `budget_s` seconds from now. Raises InvalidInput for a negative or NaN budget."""
        if math.isnan(budget_s) or budget_s < 0:
            raise InvalidInput(f"A deadline needs a budget of 0 s or more, got {budget_s}.", field="timeout_s")
        return cls(at_s=clock() + budget_s, clock=clock)

    @classmethod
    def never(cls) -> Deadline:
        """A deadline that does not expire: for offline work and tests."""
        return cls(at_s=math.inf)

    def remaining_s(self) -> float:
        """Seconds left, never below 0."""
        return max(0.0, self.at_s - self.clock())

    @property
    def expired(self) -> bool:
        return self.clock() >= self.at_s

    def child(self, share: float) -> Deadline:
        """A deadline that gets `share` (0 to 1) of what is left now, and never outlives its parent."""
        if not 0.0 <= share <= 1.0:
            raise InvalidInput(f"A share of a deadline lies between 0 and 1, got {share}.", field="share")
        if math.isinf(self.at_s):
            return self
        return Deadline(at_s=self.clock() + self.remaining_s() * share, clock=self.clock)

    def check(self, what: str) -> None:
        """Raises DeadlineExceeded naming `what` if nothing is left."""
        if self.expired:
            raise DeadlineExceeded(f"The time budget was spent before {what}.", what=what)
