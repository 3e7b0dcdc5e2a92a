"""Judgments in a table whose first row names its columns: our own, ESCI's and WANDS'."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from multirecall.core.errors import InvalidSource
from multirecall.evaluation.judgments.collecting import Names, Triple
from multirecall.evaluation.tables import Row, wrong

__all__ = ["GRADE_WORDS", "JUDGMENT_COLUMNS", "is_header", "table_triples"]

_QUERY_NAMES = ("qid", "query_id", "queryid", "query")
_PRODUCT_NAMES = ("docid", "product_id", "doc_id", "productid", "document_id", "pid")
_GRADE_NAMES = ("grade", "rating", "esci_label", "label", "relevance", "rel")

JUDGMENT_COLUMNS = (*_QUERY_NAMES, *_PRODUCT_NAMES, *_GRADE_NAMES)
"""Names of columns that are looked for, lower case."""

GRADE_WORDS: Mapping[str, Mapping[str, float]] = {
    "esci_label": {
        "e": 3.0, "s": 2.0, "c": 1.0, "i": 0.0,
        "exact": 3.0, "substitute": 2.0, "complement": 1.0, "irrelevant": 0.0,
    },
    "label": {"exact": 2.0, "partial": 1.0, "irrelevant": 0.0},
}  # fmt: skip
"""Grades of labels that are words, by the column's name: ESCI (Reddy et al., "Shopping Queries Dataset", 2022) and
WANDS (Chen et al., "WANDS: Dataset for Product Search Relevance Assessment", ECIR 2022)."""


def is_header(cells: Sequence[str]) -> bool:
    """Whether a first row names columns of judgments."""
    return any(_plain(cell) in JUDGMENT_COLUMNS for cell in cells)


def table_triples(path: Path, rows: Iterator[Row], required: Sequence[str] = ()) -> tuple[Names, Iterable[Triple]]:
    """What the columns are called, and the judgments. `required` columns must be there (a format that was asked for).

    Raises InvalidSource for a table without a column for the query, the product or the grade.
    """
    head = next(rows, Row(1, ()))
    header = [_plain(cell) for cell in head.cells]
    for wanted in required:
        if wanted not in header:
            raise _no_column(path, head, wanted, f"named {wanted}", [wanted])
    found: list[str] = []
    for what, known in (("query", _QUERY_NAMES), ("product", _PRODUCT_NAMES), ("grade", _GRADE_NAMES)):
        name = next((name for name in known if name in header), None)
        if name is None:
            raise _no_column(path, head, known[0], f"for the {what}", known[:3])
        found.append(name)
    names = Names(qid=found[0], product_id=found[1], grade=found[2], words=GRADE_WORDS.get(found[2], {}))
    return names, _triples(path, rows, [(name, header.index(name)) for name in found])


def _triples(path: Path, rows: Iterator[Row], columns: Sequence[tuple[str, int]]) -> Iterator[Triple]:
    for row in rows:
        for name, at in columns:
            if at >= len(row.cells):
                raise wrong(
                    path, row.line, name, "is missing", hint="Each line needs a cell for every column of the first."
                )
        qid, product_id, grade = (row.cells[at].strip() for _, at in columns)
        yield Triple(row.line, qid, product_id, grade)


def _plain(cell: str) -> str:
    return cell.strip().strip('"').lower()


def _no_column(path: Path, head: Row, field: str, what: str, names: Sequence[str]) -> InvalidSource:
    return InvalidSource(
        f"{path}, line {head.line}: no column {what} among {', '.join(_plain(cell) for cell in head.cells)}.",
        hint=f"Name it {' or '.join(names)}.",
        field=field,
        file=str(path),
        line=head.line,
    )
