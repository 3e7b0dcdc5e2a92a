"""What every test may use."""

from __future__ import annotations

import signal

pytest_plugins = ["tests.support.data", "tests.support.engines"]


def pytest_configure() -> None:
    """A shell starts background jobs with Ctrl-C ignored, and whatever they start ignores it too: a test that presses
    it would wait in vain."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
