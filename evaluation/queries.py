"""Queries from a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from multirecall.core.errors import InvalidSource
from multirecall.evaluation.tables import Row, file_bytes, file_text, is_parquet, parquet_rows, text_rows

__all__ = ["JudgedQuery", "read_queries"]

_ID_NAMES = ("qid", "query_id", "id")
_TEXT_NAMES = ("query", "text", "query_text")
_PRODUCT_NAMES = ("product_id", "docid", "doc_id")  # columns that make a table one of judgments


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedQuery:
    """A query of an evaluation set; `columns` holds the other columns of its row (class, split, …)."""

    qid: str
    text: str
    columns: Mapping[str, str] = field(default_factory=dict)


def _positions(header: Sequence[str]) -> tuple[int, int] | None:
    """Columns of id and text if the row is a header, else None."""
    names = [cell.strip().lower() for cell in header]
    ids = [names.index(n) for n in _ID_NAMES if n in names]
    texts = [names.index(n) for n in _TEXT_NAMES if n in names]
    return (ids[0], texts[0]) if ids and texts else None


def read_queries(path: Path) -> list[JudgedQuery]:
    """All queries in file order. Tab-separated (or comma-separated for .csv without tabs) UTF-8, or Parquet.

    With a header, the columns `qid` and `query` are read and the others kept; without one, the first two columns
    are id and text. A table of judgments with the query's text in each row (ESCI) serves as well: if its header names
    products, rows that repeat an id and its text are one query, with the columns of the first.

    Raises InvalidSource, with the line, for a missing file, a row without id or text, or an id that occurs twice (in
    judgments: with another text).
    """
    rows = list(_rows(path))
    positions = _positions(rows[0].cells) if rows else None
    header = [cell.strip() for cell in rows[0].cells] if positions else []
    judgments = any(name.lower() in _PRODUCT_NAMES for name in header)
    id_at, text_at = positions or (0, 1)
    queries: dict[str, JudgedQuery] = {}
    for row in rows[1:] if positions else rows:
        if len(row.cells) <= max(id_at, text_at) or not row.cells[id_at].strip():
            raise InvalidSource(
                f"{path}, line {row.line}: no query id and text.",
                hint="Each line needs an id, a tab and the query text.",
                field="queries",
            )
        qid, text = row.cells[id_at].strip(), row.cells[text_at].strip()
        if qid in queries:
            if judgments and queries[qid].text == text:
                continue
            raise InvalidSource(f"{path}, line {row.line}: query id {qid!r} occurs twice.", field="queries")
        columns = {
            name: cell
            for at, (name, cell) in enumerate(zip(header, row.cells, strict=False))
            if at not in (id_at, text_at)
        }
        queries[qid] = JudgedQuery(qid=qid, text=text, columns=columns)
    if not queries:
        raise InvalidSource(
            f"{path} holds no query.", hint="Each line needs an id, a tab and the text.", field="queries"
        )
    return list(queries.values())


def _rows(path: Path) -> Iterator[Row]:
    body = file_bytes(path, "queries")
    if is_parquet(body):
        return parquet_rows(path, body, "queries")
    comma = ".csv" in [suffix.lower() for suffix in path.suffixes]
    return text_rows(path, file_text(path, body, "queries"), "queries", comma=comma)
