"""multirecall with an encoder that some texts kill: for tests of poison. Takes the command's own arguments.

python -m tests.chaos.workers.deadly_worker worker run …
"""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence

from multirecall.cli.main import main
from multirecall.encoders.base import Float32Array
from multirecall.encoders.hashing import HashingEncoder

__all__ = ["BREAKS", "KILLS"]

KILLS = "xkillsx"
"""A text with this word ends the process, as a crash in native code or the kernel's memory killer does."""

BREAKS = "xbreaksx"
"""A text with this word raises."""


def _run() -> None:
    healthy = HashingEncoder.encode_products

    def deadly(self: HashingEncoder, texts: Sequence[str]) -> Float32Array:
        if any(KILLS in text for text in texts):
            os.kill(os.getpid(), signal.SIGKILL)
        if any(BREAKS in text for text in texts):
            raise RuntimeError("the encoder cannot read this")
        return healthy(self, texts)

    HashingEncoder.encode_products = deadly  # type: ignore[method-assign]
    main()


if __name__ == "__main__":
    _run()
