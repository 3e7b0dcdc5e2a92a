"""Runs in the TREC format: `qid Q0 product_id rank score tag`, one line per hit."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np

from multirecall.core.errors import InvalidSource

__all__ = ["RunWriter", "trec_token"]

_UNSAFE = re.compile(r"[\s%]")


def trec_token(text: str) -> str:
    """The text as one word of a TREC line: white space and `%` become percent escapes, other characters stay."""
    return _UNSAFE.sub(lambda m: "".join(f"%{byte:02X}" for byte in m[0].encode()), text)


class RunWriter:
    """Writes a run file; it appears under its name only when complete (a temporary file, then a rename).

    trec_eval orders by score and breaks ties by descending id, against our order rule, and it reads scores in single
    precision; scores of one query that are equal there are therefore written one such step apart, so that every tool
    sees our order.
    """

    def __init__(self, path: Path, tag: str) -> None:
        self._path = path
        self._tag = trec_token(tag) or "multirecall"
        self._file: IO[str] | None = None
        self._partial: Path | None = None

    def __enter__(self) -> RunWriter:
        try:
            handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.")
        except OSError as error:
            raise InvalidSource(f"Cannot write {self._path}: {error.strerror}.", field="out") from None
        self._file, self._partial = os.fdopen(handle, "w", encoding="utf-8"), Path(name)
        return self

    def write(self, qid: str, hits: Iterable[tuple[str, float]]) -> int:
        """Appends one query's hits, best first; returns how many."""
        if self._file is None:
            raise InvalidSource("The run file is not open.", field="out")
        lowest, ceiling, rank = np.float32(-np.inf), np.float32(np.inf), 0
        for rank, (product_id, score) in enumerate(hits, start=1):
            single = np.float32(score)
            ceiling = single if single < ceiling else np.nextafter(ceiling, lowest)
            self._file.write(f"{trec_token(qid)} Q0 {trec_token(product_id)} {rank} {float(ceiling)!r} {self._tag}\n")
        return rank

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is None or self._partial is None:
            return
        self._file.close()
        if kind is None:
            self._partial.chmod(0o644)
            self._partial.replace(self._path)
        else:
            self._partial.unlink(missing_ok=True)
        self._file = self._partial = None
