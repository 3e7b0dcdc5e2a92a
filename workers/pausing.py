"""Pause: waiting between two looks at something."""

from __future__ import annotations

import time

__all__ = ["Pause"]


class Pause:
    """Waits in the calling thread."""

    @staticmethod
    def wait(seconds: float) -> None:
        """Returns after so many seconds."""
        time.sleep(seconds)
