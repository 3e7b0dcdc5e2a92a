"""Queries from a tab- or comma-separated file."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from multirecall.core.errors import InvalidSource

__all__ = ["JudgedQuery", "read_queries"]

_ID_NAMES = ("qid", "query_id", "id")
_TEXT_NAMES = ("query", "text", "query_text")


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedQuery:
    """A query of an evaluation set; `columns` holds the other columns of its row (class, split, …)."""

    qid: str
    text: str
    columns: Mapping[str, str] = field(default_factory=dict)


def _positions(header: list[str]) -> tuple[int, int] | None:
    """Columns of id and text if the row is a header, else None."""
    names = [cell.strip().lower() for cell in header]
    ids = [names.index(n) for n in _ID_NAMES if n in names]
    texts = [names.index(n) for n in _TEXT_NAMES if n in names]
    return (ids[0], texts[0]) if ids and texts else None


def read_queries(path: Path) -> list[JudgedQuery]:
    """All queries in file order. Tab-separated (or comma-separated for .csv), UTF-8.

    With a header, the columns `qid` and `query` are read and the others kept; without one, the first two columns
    are id and text. Raises InvalidSource, with the line, for a missing file, a row without id or text, or an id
    that occurs twice.
    """
    comma = path.suffix.lower() == ".csv"
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            # Tab-separated query files are not quoted: a `"` (inches) is part of the query.
            rows = list(csv.reader(lines) if comma else csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    except FileNotFoundError:
        raise InvalidSource(f"There is no file {path}.", hint="Check --queries.", field="queries") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidSource(f"Cannot read {path}: {error}.", field="queries") from None
    positions = _positions(rows[0]) if rows else None
    header = [cell.strip() for cell in rows[0]] if positions else []
    id_at, text_at = positions or (0, 1)
    queries: dict[str, JudgedQuery] = {}
    for number, row in enumerate(rows, start=1):
        if (positions and number == 1) or not any(cell.strip() for cell in row):
            continue
        if len(row) <= max(id_at, text_at) or not row[id_at].strip():
            raise InvalidSource(
                f"{path}, line {number}: no query id and text.",
                hint="Each line needs an id, a tab and the query text.",
                field="queries",
            )
        qid = row[id_at].strip()
        if qid in queries:
            raise InvalidSource(f"{path}, line {number}: query id {qid!r} occurs twice.", field="queries")
        columns = {
            name: cell for at, (name, cell) in enumerate(zip(header, row, strict=False)) if at not in (id_at, text_at)
        }
        queries[qid] = JudgedQuery(qid=qid, text=row[text_at].strip(), columns=columns)
    if not queries:
        raise InvalidSource(
            f"{path} holds no query.", hint="Each line needs an id, a tab and the text.", field="queries"
        )
    return list(queries.values())
