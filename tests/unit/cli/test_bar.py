from __future__ import annotations

import pytest

from multirecall.cli.bar import clock


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0:00"), (59.6, "1:00"), (125, "2:05"), (3_599.4, "59:59"), (3_600, "1:00:00")]
)
def test_a_duration_shows_hours_only_if_there_are_any(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown
