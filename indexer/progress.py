"""How far a build is: values that a progress bar can draw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["BuildProgress", "OnProgress", "no_progress"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildProgress:
    """`stage` is preparing, writing, verifying or done. How many rows a file holds is not known before its end, so
    time left is told from bytes: `bytes_read` of `bytes_total` (0: unknown), both as packed on disk."""

    stage: str
    read: int = 0
    written: int = 0
    rejected: int = 0
    bytes_read: int = 0
    bytes_total: int = 0
    elapsed_s: float = 0.0

    @property
    def rate_per_s(self) -> float:
        """Products written per second so far."""
        return self.written / self.elapsed_s if self.elapsed_s > 0 else 0.0

    @property
    def share(self) -> float | None:
        """What part of the rows read so far and to come is written, 0 to 1; None while nothing tells.

        Reading runs ahead of writing, so the share of bytes is scaled by written over read.
        """
        if self.stage == "done":
            return 1.0
        if not self.bytes_total or not self.read:
            return None
        done = (self.written + self.rejected) / self.read
        return min(1.0, self.bytes_read / self.bytes_total * done)

    @property
    def left_s(self) -> float | None:
        """Seconds left at the pace so far; None while nothing tells."""
        share = self.share
        if not share:
            return None
        return self.elapsed_s * (1 - share) / share


OnProgress = Callable[[BuildProgress], None]
"""Called from the building thread, ten times a second at most; it must not block."""


def no_progress(progress: BuildProgress) -> None:
    """Tells nobody."""
