"""The products that somebody should judge: the unjudged ones that any of the runs shows near its top."""

from __future__ import annotations

import csv
import os
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from multirecall.core.errors import InvalidInput, InvalidSource
from multirecall.evaluation.judgments import Judgments
from multirecall.evaluation.measures import Run
from multirecall.evaluation.queries import JudgedQuery

__all__ = ["PoolRow", "pooled", "write_pool"]

_BREAKS = re.compile(r"\s+")
_HEADER = ("qid", "query", "product_id", "title", "grade")


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolRow:
    """One product to judge for one query."""

    qid: str
    query: str
    product_id: str


def pooled(
    runs: Iterable[Run], queries: Sequence[JudgedQuery], judgments: Judgments | None, depth: int = 10
) -> list[PoolRow]:
    """The products without a judgment among the first `depth` of any run, each once.

    In the order of the queries; within one, by a hash of query and product, which stays the same from one pool to the
    next and says nothing about which run brought a product or how high it stood, so that who judges cannot favour one.
    Raises InvalidInput for a depth below 1, or if the runs hold none of the queries.
    """
    if depth < 1:
        raise InvalidInput(f"depth must be 1 or more, got {depth}.", field="depth")
    listed = list(runs)
    if not any(query.qid in run for run in listed for query in queries):
        raise InvalidInput("The runs hold none of the queries.", hint="Check --queries.", field="queries")
    rows: list[PoolRow] = []
    for query in queries:
        judged = judgments.of(query.qid) if judgments else {}
        found = {product_id for run in listed for product_id in run.get(query.qid, ())[:depth]}
        for product_id in sorted(found.difference(judged), key=lambda one: (_hash(query.qid, one), one)):
            rows.append(PoolRow(qid=query.qid, query=query.text, product_id=product_id))
    return rows


def _hash(qid: str, product_id: str) -> bytes:
    return blake2b(f"{qid}\0{product_id}".encode("utf-8", "surrogatepass"), digest_size=8).digest()


def write_pool(path: Path, rows: Iterable[PoolRow], titles: Mapping[str, str]) -> int:
    """Writes the pool as a table with an empty column `grade`; returns the number of rows.

    Comma-separated with quotes if the name ends in `.csv`, else tab-separated, without quotes, line breaks and tabs of
    texts as spaces. `read_judgments` reads it back when the grades are filled in. It appears under its name only when
    complete. Raises InvalidSource if it cannot be written.
    """
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise InvalidSource(f"Cannot write {path}: {error.strerror}.", field="out") from None
    partial = Path(name)
    n = 0
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace", newline="") as file:
            commas = csv.writer(file, lineterminator="\n") if path.suffix.lower() == ".csv" else None
            file.write((("," if commas else "\t").join(_HEADER)) + "\n")
            for row in rows:
                query, title = (_BREAKS.sub(" ", text) for text in (row.query, titles.get(row.product_id, "")))
                cells = (row.qid, query, row.product_id, title, "")
                if commas:
                    commas.writerow(cells)
                else:
                    file.write("\t".join(_unbroken(cells)) + "\n")
                n += 1
        partial.chmod(0o644)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return n


def _unbroken(cells: tuple[str, ...]) -> tuple[str, ...]:
    """The cells, if none would break a tab-separated line: texts never do, an id might."""
    broken = next((cell for cell in cells if set(cell).intersection("\t\r\n")), None)
    if broken is not None:
        raise InvalidInput(
            f"The id {broken!r} holds a tab or a line break.",
            hint="Write the pool to a file whose name ends in .csv, where it can be quoted.",
            field="out",
        )
    return cells
