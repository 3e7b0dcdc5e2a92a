"""Graded judgments from a table with a header (tab- or comma-separated) or from TREC qrels."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from multirecall.core.errors import InvalidSource

__all__ = ["MAX_GRADE", "Judgments", "read_judgments"]

MAX_GRADE = 30.0
"""Gains are 2^grade - 1: on a scale of 0 to 100 they would mean nothing, so such a scale is refused."""

_QUERY_NAMES = ("qid", "query_id", "queryid", "query")
_PRODUCT_NAMES = ("docid", "product_id", "doc_id", "productid", "document_id", "pid")
_GRADE_NAMES = ("grade", "rating", "label", "relevance", "rel")
_TREC_COLUMNS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgments:
    """`grades[qid][product_id]`: 0 is irrelevant, above 0 relevant, the higher the better."""

    grades: Mapping[str, Mapping[str, float]]

    def __len__(self) -> int:
        return sum(len(of_query) for of_query in self.grades.values())

    def of(self, qid: str) -> Mapping[str, float]:
        """The grades of one query by product id; empty if it has none."""
        return self.grades.get(qid, {})

    def has_relevant(self, qid: str) -> bool:
        """Whether any product has a grade above 0 for this query."""
        return any(grade > 0 for grade in self.of(qid).values())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    line: int
    qid: str
    product_id: str
    grade: str


@dataclass(frozen=True, slots=True)
class _Names:
    """What the columns are called in this file, for messages, and where they are."""

    qid: tuple[str, int]
    product_id: tuple[str, int]
    grade: tuple[str, int]


def read_judgments(path: Path) -> Judgments:
    """All judgments of a file, UTF-8.

    A table names its columns in its first line: the query (`qid`, `query_id`, or `query` where the text is the id),
    the product (`docid`, `product_id`, `doc_id`, …) and the grade (`grade`, `rating`, `label`, …); other columns are
    ignored. It is comma-separated if the name ends in `.csv` or its first line has no tab. A file whose first line is
    no header is TREC qrels: `qid 0 product_id grade`, separated by white space; ids are taken as they are.

    Raises InvalidSource that names file, line and field: a missing file or column, an empty id, a grade that is no
    number from 0 to MAX_GRADE, or two different grades for one query and product. The same grade twice is allowed.
    """
    text = _text(path)
    first = next((line for line in text.split("\n") if line.strip()), "")
    if not first:
        raise InvalidSource(f"{path} holds no judgment.", hint="Check the file.", field="judgments", file=str(path))
    comma = path.suffix.lower() == ".csv" or "\t" not in first
    header = [cell.strip().strip('"').lower() for cell in first.split("," if comma else "\t")]
    if any(name in header for name in (*_QUERY_NAMES, *_PRODUCT_NAMES, *_GRADE_NAMES)):
        names = _named_columns(path, header)
        return _collected(path, names, _table_rows(path, text, names, comma))
    names = _Names(qid=("qid", 0), product_id=("docid", 2), grade=("grade", 3))
    return _collected(path, names, _trec_rows(path, text))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InvalidSource(
            f"There is no file {path}.", hint="Check --judgments.", field="judgments", file=str(path)
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSource(f"Cannot read {path}: {error}.", field="judgments", file=str(path)) from None


def _named_columns(path: Path, header: Sequence[str]) -> _Names:
    found: list[tuple[str, int]] = []
    for what, known in (("query", _QUERY_NAMES), ("product", _PRODUCT_NAMES), ("grade", _GRADE_NAMES)):
        name = next((name for name in known if name in header), None)
        if name is None:
            raise InvalidSource(
                f"{path}, line 1: no column for the {what} among {', '.join(header)}.",
                hint=f"Name it {' or '.join(known[:3])}.",
                field=known[0],
                file=str(path),
                line=1,
            )
        found.append((name, header.index(name)))
    return _Names(*found)


def _table_rows(path: Path, text: str, names: _Names, comma: bool) -> Iterator[_Row]:
    lines = io.StringIO(text)  # not splitlines, which also cuts at form feeds and other rare characters
    # Tab-separated files are not quoted: a `"` (inches) is part of an id or a query.
    reader = csv.reader(lines) if comma else csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    columns = (names.qid, names.product_id, names.grade)
    header_seen = False
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if not header_seen:
                header_seen = True
                continue
            for name, at in columns:
                if at >= len(cells):
                    raise _wrong(path, reader.line_num, name, "is missing")
            qid, product_id, grade = (cells[at].strip() for _, at in columns)
            yield _Row(line=reader.line_num, qid=qid, product_id=product_id, grade=grade)
    except csv.Error as error:
        raise InvalidSource(
            f"{path}, line {reader.line_num}: {error}.", field="judgments", file=str(path), line=reader.line_num
        ) from None


def _trec_rows(path: Path, text: str) -> Iterator[_Row]:
    for number, line in enumerate(text.split("\n"), start=1):
        cells = line.split()
        if not cells:
            continue
        if len(cells) != _TREC_COLUMNS:
            raise InvalidSource(
                f"{path}, line {number}: {len(cells)} columns where TREC qrels have {_TREC_COLUMNS} "
                "(qid, 0, product id, grade).",
                hint="A table needs a first line that names its columns: qid, product_id, grade.",
                field="judgments",
                file=str(path),
                line=number,
            )
        yield _Row(line=number, qid=cells[0], product_id=cells[2], grade=cells[3])


def _collected(path: Path, names: _Names, rows: Iterator[_Row]) -> Judgments:
    grades: dict[str, dict[str, float]] = {}
    lines: dict[tuple[str, str], int] = {}
    for row in rows:
        for (name, _), value in ((names.qid, row.qid), (names.product_id, row.product_id)):
            if not value:
                raise _wrong(path, row.line, name, "is empty")
        grade = _grade(path, row, names.grade[0])
        of_query = grades.setdefault(row.qid, {})
        before = of_query.setdefault(row.product_id, grade)
        first_line = lines.setdefault((row.qid, row.product_id), row.line)
        if before != grade:
            raise _wrong(
                path,
                row.line,
                names.grade[0],
                f"is {grade:g} for query {row.qid!r} and product {row.product_id!r}, but {before:g} in line "
                f"{first_line}",
            )
    if not grades:
        raise InvalidSource(f"{path} holds no judgment.", hint="Check the file.", field="judgments", file=str(path))
    return Judgments(grades=grades)


def _grade(path: Path, row: _Row, name: str) -> float:
    try:
        grade = float(row.grade)
    except ValueError:
        raise _wrong(path, row.line, name, f"is {row.grade!r}, not a number") from None
    if not math.isfinite(grade) or not 0.0 <= grade <= MAX_GRADE:
        raise _wrong(path, row.line, name, f"is {row.grade}, not between 0 (irrelevant) and {MAX_GRADE:g}")
    return grade


def _wrong(path: Path, line: int, field: str, what: str) -> InvalidSource:
    return InvalidSource(
        f"{path}, line {line}: {field} {what}.",
        hint="Each line needs a query id, a product id and a grade (0: irrelevant).",
        field=field,
        file=str(path),
        line=line,
    )
