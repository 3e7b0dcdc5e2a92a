"""What every test may use."""

from __future__ import annotations

import os
import signal

from hypothesis import settings

pytest_plugins = ["tests.support.data", "tests.support.engines", "tests.support.figures", "tests.support.sharing"]

# How long an example takes says how busy the machine is; all else stays as hypothesis has it, here or in CI.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


def pytest_configure() -> None:
    """A shell starts background jobs with Ctrl-C ignored, and whatever they start ignores it too: a test that presses
    it would wait in vain. The width of the terminal, which readline hands on to the processes that share the tests,
    must not decide where commands break their lines."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in ("COLUMNS", "LINES"):
        os.environ.pop(name, None)
