"""How the workers work: limits and times, given by the composition root."""

from __future__ import annotations

import random
from dataclasses import dataclass

__all__ = ["WorkerOptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """`batch_rows` items and `batch_bytes` of source a batch; `max_waiting_batches` per queue before producers wait.

    A lease lasts `lease_s` and is renewed at a third of it; the sweep runs every `sweep_s` and tells workers again of
    what waits `announce_again_s`. Back-off: `backoff_s * 2^tries`, at most `max_backoff_s`, with full jitter down to
    half. An item is given up after `max_tries`. A batch that `max_crashes` processes die on, or that `max_losses` whole
    workers vanish with, is cut in halves. With `max_dead_letters` of them nothing more is taken on until somebody
    looks.
    """

    batch_rows: int = 256
    batch_bytes: int = 2 << 20
    max_waiting_batches: int = 64
    lease_s: float = 30.0
    sweep_s: float = 1.0
    announce_again_s: float = 10.0
    backoff_s: float = 0.5
    max_backoff_s: float = 30.0
    max_tries: int = 8
    max_crashes: int = 3
    max_losses: int = 12
    max_dead_letters: int = 100_000
    keep_tombstones_s: float = 30 * 86_400.0
    keep_generations: int = 2

    def backoff(self, tries: int) -> float:
        """Seconds to wait before the next try, the first being try 0."""
        longest = min(self.max_backoff_s, self.backoff_s * 2.0 ** min(tries, 30))
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, no secret
