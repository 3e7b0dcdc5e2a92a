"""The rejects file: one JSON line per row that did not become a product, written as it happens."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import IO

from multirecall.core.errors import InvalidInput, StorageFull
from multirecall.indexer.rows import Reject

__all__ = ["RejectsFile", "opened_rejects"]

_KEPT = 20


def opened_rejects(path: Path) -> IO[str]:
    """The file, empty and open for writing, in a folder that is made. Raises InvalidInput if it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("w", encoding="utf-8")
    except OSError as error:
        raise InvalidInput(
            f"The rejects file {path} cannot be written: {error.strerror}.",
            hint="Choose another path for the rejects file.",
            field="rejects",
            file=str(path),
        ) from error


class RejectsFile:
    """Counts rejects, keeps the first twenty, and writes all of them to `path` (None: nowhere).

    A file left by an earlier build is replaced; without rejects there is no file afterwards.
    Raises InvalidInput for a path that cannot be written and StorageFull when the disk is full.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.count = 0
        self.first: list[Reject] = []
        self._file: IO[str] | None = None

    def __enter__(self) -> RejectsFile:
        if self.path is not None:
            self._file = opened_rejects(self.path)
        return self

    def add(self, reject: Reject) -> None:
        """Counts and writes one reject."""
        self.count += 1
        if len(self.first) < _KEPT:
            self.first.append(reject)
        if self._file is None:
            return
        try:
            self._file.write(json.dumps(asdict(reject)) + "\n")
            self._file.flush()  # a killed build still says what it had refused
        except OSError as error:
            raise StorageFull(
                f"The rejects file {self.path} cannot be written on: {error.strerror}.",
                hint="Free some space or choose another path.",
                file=str(self.path),
            ) from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
            if self.count == 0 and self.path is not None:
                self.path.unlink(missing_ok=True)
