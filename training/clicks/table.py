"""Click logs as a table: one impression per line, tab- or comma-separated, with a header."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import IO

from multirecall.core.errors import InvalidSource
from multirecall.training.clicks.lines import unreadable
from multirecall.training.clicks.rejects import Rejected, Rejects
from multirecall.training.clicks.tally import Tally

__all__ = ["COLUMNS", "query_key", "read_table"]

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "qid": ("qid",),
    "query": ("query", "user_query", "query_text", "text"),
    "product_id": ("product_id", "docid", "doc_id", "object_id", "productid", "pid"),
    "position": ("position", "rank", "ordinal"),
    "clicked": ("clicked", "click", "clicks"),
    "carted": ("carted", "cart", "add_to_cart", "added_to_cart"),
    "purchased": ("purchased", "purchase", "bought", "ordered"),
}
"""What the columns may be called, upper or lower case. `carted` and `purchased` may be absent, and one of `qid` and
`query`. Other columns (`query_id`, which in click logs is one search, `session`, `timestamp`) are not read."""

_NEEDED = ("product_id", "position", "clicked")
_YES = {"1", "true", "t", "yes", "y"}
_NO = {"0", "false", "f", "no", "n", ""}


class _BadCell(Exception):
    """A cell that makes its line useless; caught one level up."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(problem)
        self.field, self.problem = field, problem


@lru_cache(maxsize=100_000)  # the same queries come again and again
def query_key(text: str) -> str:
    """The id of a query that has none but its text: lower case, single spaces."""
    return _single_spaces(text.casefold())


@lru_cache(maxsize=100_000)
def _single_spaces(text: str) -> str:
    return " ".join(text.split())


def read_table(path: Path, text: IO[str], tally: Tally, rejects: Rejects) -> int:
    """Adds a table's impressions to the tally and gives the number of its lines; lines that are wrong are rejected.

    The header decides: comma-separated if it has no tab. Raises InvalidSource if the header lacks a column.
    """
    header = text.readline()
    comma = "\t" not in header
    names = [cell.strip().strip('"').lower() for cell in header.rstrip("\r\n").split("," if comma else "\t")]
    at = _columns(path, names)
    # Tab-separated files are not quoted: a `"` (inches) is part of a query.
    reader = csv.reader(text) if comma else csv.reader(text, delimiter="\t", quoting=csv.QUOTE_NONE)
    lines = 0
    try:
        for cells in reader:
            if not cells:
                continue
            lines += 1
            try:
                _add(cells, at, tally)
            except _BadCell as bad:
                line = reader.line_num + 1  # the header was read before the reader was made
                rejects.add(Rejected(file=str(path), line=line, field=bad.field, problem=bad.problem))
    except csv.Error as error:
        raise unreadable(path, f"line {reader.line_num + 1}: {error}") from None
    tally.end_file()
    return lines


def _columns(path: Path, names: Sequence[str]) -> dict[str, int]:
    at = {}
    for field, known in COLUMNS.items():
        found = next((name for name in known if name in names), None)
        if found is not None:
            at[field] = names.index(found)
    lacking = [field for field in _NEEDED if field not in at]
    if "qid" not in at and "query" not in at:
        lacking.insert(0, "query")
    if lacking:
        raise InvalidSource(
            f"{path}, line 1: no column for {', '.join(lacking)} among {', '.join(names)[:200]}.",
            hint=f"Name it {' or '.join(COLUMNS[lacking[0]])}.",
            field=lacking[0],
            file=str(path),
            line=1,
        )
    return at


def _add(cells: Sequence[str], at: Mapping[str, int], tally: Tally) -> None:
    if len(cells) < max(at.values()) + 1:
        raise _BadCell(next(field for field, column in at.items() if column >= len(cells)), "is missing")
    text = _single_spaces(cells[at["query"]]) if "query" in at else ""
    qid = cells[at["qid"]].strip() if "qid" in at else query_key(text)
    product = cells[at["product_id"]].strip()
    if not qid:
        raise _BadCell("qid" if "qid" in at else "query", "is empty")
    if not product:
        raise _BadCell("product_id", "is empty")
    tally.add(
        qid=qid,
        text=text or qid,
        product=product,
        position=_position(cells[at["position"]]),
        clicked=_mark(cells, at, "clicked"),
        carted=_mark(cells, at, "carted"),
        purchased=_mark(cells, at, "purchased"),
    )


def _position(cell: str) -> int:
    stripped = cell.strip()
    if not (stripped.isascii() and stripped.isdigit()) or len(stripped) > 9:
        raise _BadCell("position", f"is {cell[:40]!r}, not a whole number from 0 or 1")
    return int(stripped)


def _mark(cells: Sequence[str], at: Mapping[str, int], field: str) -> bool:
    if field not in at:
        return False
    cell = cells[at[field]]
    if cell == "0":
        return False
    if cell == "1":
        return True
    word = cell.strip().lower()
    if word in _NO:
        return False
    if word in _YES or (word.isascii() and word.isdigit()):
        return True
    raise _BadCell(field, f"is {cell[:40]!r}, neither 0 nor 1")
