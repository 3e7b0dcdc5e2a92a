"""Lines of a click log that could not be used: counted, the first kept, all of them written to a file on demand."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

from multirecall.indexer.rejects import opened_rejects

__all__ = ["Rejected", "Rejects"]

_KEPT = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """One line that was not used. `line` counts from 1; 0 if the trouble shows only when all lines are joined."""

    file: str
    line: int
    field: str
    problem: str

    def __str__(self) -> str:
        where = f"{self.file}, line {self.line}" if self.line else self.file
        return f"{where}: {self.field} {self.problem}"


class Rejects:
    """Counts rejected lines and writes each to `path` (None: nowhere) as one JSON line.

    A file left by an earlier run is replaced; without rejects there is none afterwards. Raises InvalidInput for a
    path that cannot be written.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.by_field: Counter[str] = Counter()
        self.first: list[Rejected] = []
        self._file: IO[str] | None = None

    @property
    def count(self) -> int:
        """All rejected lines so far."""
        return self.by_field.total()

    def __enter__(self) -> Rejects:
        if self.path is not None:
            self._file = opened_rejects(self.path)
        return self

    def add(self, rejected: Rejected) -> None:
        """Counts and writes one."""
        self.by_field[rejected.field] += 1
        if len(self.first) < _KEPT:
            self.first.append(rejected)
        if self._file is not None:
            self._file.write(json.dumps(asdict(rejected), ensure_ascii=True) + "\n")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
            if self.path is not None and not self.count:
                self.path.unlink(missing_ok=True)
