"""Runs in the TREC format: `qid Q0 product_id rank score tag`, one line per hit."""

from __future__ import annotations

import math
import os
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np

from multirecall.core.errors import InvalidSource
from multirecall.evaluation.tables import file_bytes, file_text, wrong

__all__ = ["RunWriter", "from_trec_token", "read_run", "trec_token"]

_UNSAFE = re.compile(r"[\s%]")
_ESCAPES = re.compile(r"(?:%[0-9A-F]{2})+")
_COLUMNS = ("query id", "Q0", "product id", "rank", "score", "tag")


def trec_token(text: str) -> str:
    """The text as one word of a TREC line: white space and `%` become percent escapes, other characters stay."""
    return _UNSAFE.sub(lambda m: "".join(f"%{byte:02X}" for byte in m[0].encode()), text)


def from_trec_token(token: str) -> str:
    """The text that `trec_token` made this word of. An escape that it would not have written stays as it is."""

    def restored(found: re.Match[str]) -> str:
        try:
            text = bytes.fromhex(found[0].replace("%", "")).decode()
        except UnicodeDecodeError:
            return found[0]
        return text if trec_token(text) == found[0] else found[0]

    return _ESCAPES.sub(restored, token) if "%" in token else token


def read_run(path: Path) -> dict[str, tuple[str, ...]]:
    """The product ids of each query of a run file, best first; queries in the order of the file.

    Ordered by score descending, then id ascending, whatever the column `rank` says; escapes in ids are undone, see
    `trec_token`. (Of products with equal scores trec_eval takes the higher id first: a foreign run with ties may have
    slightly other figures there. Runs written by RunWriter have no ties.)

    Raises InvalidSource that names file, line and field: not six columns, a score that is no finite number, a product
    that occurs twice for a query; also for a file that is missing or holds nothing.
    """
    scores: dict[str, dict[str, float]] = {}
    lines: dict[tuple[str, str], int] = {}
    text = file_text(path, file_bytes(path, "run"), "run")
    for number, line in enumerate(text.split("\n"), start=1):
        cells = line.split()
        if not cells:
            continue
        if len(cells) != len(_COLUMNS):
            raise wrong(
                path, number, "run", f"has {len(cells)} columns, not {len(_COLUMNS)}",
                hint=f"A run in TREC format has: {', '.join(_COLUMNS)}.",
            )  # fmt: skip
        qid, product_id = from_trec_token(cells[0]), from_trec_token(cells[2])
        try:
            score = float(cells[4])
        except ValueError:
            score = math.nan
        if not math.isfinite(score):
            raise wrong(path, number, "score", f"is {cells[4]!r}, not a finite number")
        first = lines.setdefault((qid, product_id), number)
        if first != number:
            raise wrong(
                path, number, "product id", f"{product_id!r} occurs twice for query {qid!r}, first in line {first}",
                hint="A product that is counted twice makes every figure wrong.",
            )  # fmt: skip
        scores.setdefault(qid, {})[product_id] = score
    if not scores:
        raise InvalidSource(f"{path} holds no hit.", hint="Check the run file.", field="run", file=str(path))
    return {
        qid: tuple(sorted(of_query, key=lambda product_id: (-of_query[product_id], product_id)))
        for qid, of_query in scores.items()
    }


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
