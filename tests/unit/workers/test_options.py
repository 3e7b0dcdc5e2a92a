from __future__ import annotations

import pytest

from multirecall.workers.options import WorkerOptions


@pytest.mark.parametrize("tries", [0, 1, 2, 5, 10, 31, 10_000])
def test_back_off_doubles_up_to_a_ceiling_with_jitter_down_to_half(tries: int) -> None:
    options = WorkerOptions(backoff_s=0.5, max_backoff_s=30.0)
    longest = min(30.0, 0.5 * 2.0 ** min(tries, 30))
    waits = [options.backoff(tries) for _ in range(200)]
    assert min(waits) >= longest / 2
    assert max(waits) <= longest
    assert len(set(waits)) > 100  # not all at once


def test_a_ceiling_below_the_first_wait_holds() -> None:
    options = WorkerOptions(backoff_s=5.0, max_backoff_s=0.1)
    assert all(0.05 <= options.backoff(tries) <= 0.1 for tries in range(20))
