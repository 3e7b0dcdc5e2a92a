"""Judgments from a file in any of the formats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from multirecall.core.errors import InvalidInput, InvalidSource
from multirecall.evaluation.judgments.collecting import Names, Triple, collected
from multirecall.evaluation.judgments.graded import Judgments
from multirecall.evaluation.judgments.letor import is_letor, letor_triples
from multirecall.evaluation.judgments.table import JUDGMENT_COLUMNS, is_header, table_triples
from multirecall.evaluation.judgments.trec import trec_triples
from multirecall.evaluation.tables import Row, file_bytes, file_text, is_parquet, parquet_rows, text_rows

__all__ = ["JUDGMENT_FORMATS", "read_judgments"]

JUDGMENT_FORMATS = {
    "table": "first line names query, product and grade; tab- or comma-separated, or Parquet",
    "trec": "TREC qrels: qid 0 product_id grade",
    "esci": "table with query_id, product_id, esci_label: E 3, S 2, C 1, I 0",
    "wands": "table with query_id, product_id, label: Exact 2, Partial 1, Irrelevant 0",
    "letor": "LETOR, SVMrank: grade qid:1 1:0.3 … # product_id",
}
"""What each format holds."""

_REQUIRED = {
    "esci": ("query_id", "product_id", "esci_label"),
    "wands": ("query_id", "product_id", "label"),
    "table": (),
}


def read_judgments(path: Path, *, format: str | None = None, skip_ungraded: bool = False) -> Judgments:
    """All judgments of a file, UTF-8, gzipped or not, in one of JUDGMENT_FORMATS; without `format` its content says.

    A table names its columns in its first line: the query (`qid`, `query_id`, or `query` where the text is the id),
    the product (`docid`, `product_id`, `doc_id`, …) and the grade (`grade`, `rating`, `label`, …); other columns are
    ignored. It is tab-separated if its first line has a tab, else comma-separated, or Parquet. Labels of ESCI and WANDS
    are words. A file whose first line is no header is LETOR if its second word is `qid:…`, else TREC qrels: `qid 0
    product_id grade`, separated by white space.

    Raises InvalidSource that names file, line and field: a missing file or column, an empty id, a grade that is no
    number from 0 to MAX_GRADE, or two different grades for one query and product. The same grade twice is allowed. A
    row without a grade raises too, unless `skip_ungraded`.
    """
    if format is not None and format not in JUDGMENT_FORMATS:
        raise InvalidInput(
            f"There is no judgments format {format!r}.",
            hint=f"Formats: {', '.join(JUDGMENT_FORMATS)}.",
            field="judgments-format",
        )
    names, triples = _opened(path, format)
    return collected(path, names, triples, skip_ungraded=skip_ungraded)


def _opened(path: Path, format: str | None) -> tuple[Names, Iterable[Triple]]:
    body = file_bytes(path, "judgments")
    if is_parquet(body):
        return _table(path, parquet_rows(path, body, "judgments", JUDGMENT_COLUMNS), format or "table")
    text = file_text(path, body, "judgments")
    first = next((line for line in text.split("\n") if line.strip()), "")
    if not first:
        raise InvalidSource(f"{path} holds no judgment.", hint="Check the file.", field="judgments", file=str(path))
    chosen = format or _format_of(first)
    if chosen == "letor":
        return Names(), letor_triples(path, text)
    if chosen == "trec":
        return Names(), trec_triples(path, text)
    return _table(path, text_rows(path, text, "judgments", comma=True), chosen)


def _table(path: Path, rows: Iterator[Row], format: str) -> tuple[Names, Iterable[Triple]]:
    if format not in _REQUIRED:
        raise InvalidSource(
            f"{path} is a Parquet table, not {format}.", hint="Leave --judgments-format away.", field="judgments-format"
        )
    return table_triples(path, rows, _REQUIRED[format])


def _format_of(first: str) -> str:
    if is_header(first.split("\t" if "\t" in first else ",")):
        return "table"
    return "letor" if is_letor(first) else "trec"
