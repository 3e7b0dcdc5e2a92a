"""Files of the encoder cache: whole or absent, however many processes write them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

__all__ = ["write_atomically"]


def write_atomically(file: Path, content: bytes | Iterable[bytes | memoryview]) -> None:
    """Puts the content, or its pieces in turn, in place in one step: a reader sees the old file or the whole new one.

    Two processes writing the same file both succeed, and the last one stays. Makes the folder. Blocks until the
    content is on disk. Raises OSError (no space, no permission) and then leaves nothing behind.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.writelines([content] if isinstance(content, bytes) else content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(name, file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
