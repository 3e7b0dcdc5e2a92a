"""An annotator's grades kept on disk, so that nothing is asked, and paid for, twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from types import MappingProxyType

import numpy as np
import orjson
from numpy.typing import NDArray

from multirecall.core.errors import InvalidSource
from multirecall.training.graded.annotating import Annotator

__all__ = ["RememberingAnnotator"]

Floats = NDArray[np.float64]

_BATCH = 64


class RememberingAnnotator:
    """Asks `annotator` for what is not in `file` yet, and appends each batch's grades as they come.

    The file holds a line of JSON for each pair; those of another annotator (by fingerprint), or of a product whose text
    has changed since, are passed over. What it could not say is not kept: it is asked again. For one process at a time.
    """

    def __init__(
        self,
        annotator: Annotator,
        file: Path,
        texts: Mapping[str, str] = MappingProxyType({}),
        *,
        on_batch: Callable[[int, int], None] = lambda done, pairs: None,
    ) -> None:
        """Reads the file, if there is one; a last line that a kill cut off is dropped. `texts` are what the annotator
        reads, by product id. `on_batch` hears (pairs asked, pairs to ask) after each batch and may raise to stop.
        Raises InvalidSource for a line that is none of ours."""
        self._annotator = annotator
        self._file = file
        self._texts = texts
        self._on_batch = on_batch
        self._known: dict[tuple[str, str], list[float]] = {}
        if file.exists():
            self._read()

    @property
    def n_levels(self) -> int:
        return self._annotator.n_levels

    @property
    def fingerprint(self) -> str:
        return self._annotator.fingerprint

    def grade(self, pairs: Sequence[tuple[str, str]]) -> Floats:
        """As `Annotator.grade`. Raises what the annotator raises, and OSError; what came before is kept."""
        by = self.fingerprint
        missing = [pair for pair in dict.fromkeys(pairs) if pair not in self._known]
        done = 0
        for batch in _batches(missing):
            rows = self._annotator.grade(batch)
            said = [(pair, row.tolist()) for pair, row in zip(batch, rows, strict=True) if not np.isnan(row).any()]
            with self._file.open("ab") as file:
                for pair, row in said:
                    line = {"by": by, "query": pair[0], "product": pair[1], "read": self._mark(pair[1]), "levels": row}
                    file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
            self._known |= said
            done += len(batch)
            self._on_batch(done, len(missing))
        unknown = [float("nan")] * self.n_levels
        return np.array([self._known.get(pair, unknown) for pair in pairs]).reshape(len(pairs), self.n_levels)

    def _mark(self, product: str) -> str:
        """Of the text that the annotator reads; empty where none is known."""
        return sha256(self._texts[product].encode()).hexdigest()[:12] if product in self._texts else ""

    def _read(self) -> None:
        content = self._file.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            self._file.write_bytes(whole)
        by = self.fingerprint
        for number, line in enumerate(whole.splitlines(), start=1):
            try:
                row = orjson.loads(line)
                if row["by"] == by and row.get("read", "") == self._mark(row["product"]):
                    self._known[row["query"], row["product"]] = [float(one) for one in row["levels"]]
            except (ValueError, KeyError, TypeError) as error:
                raise InvalidSource(
                    f"{self._file} line {number} is no grade of an annotator: {error}.",
                    hint="Move the file away: it is written anew.",
                    field="annotations",
                    file=str(self._file),
                    line=number,
                ) from error


def _batches(pairs: Sequence[tuple[str, str]]) -> list[list[tuple[str, str]]]:
    """`_BATCH` pairs or more: those of one query that follow each other stay together, since an annotator may look the
    query up once for all of them."""
    batches: list[list[tuple[str, str]]] = []
    for _, of_query in groupby(pairs, key=itemgetter(0)):
        if batches and len(batches[-1]) < _BATCH:
            batches[-1] += of_query
        else:
            batches.append([*of_query])
    return batches
