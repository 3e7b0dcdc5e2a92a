"""Judgments from the rows of any format, checked."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from multirecall.core.errors import InvalidSource
from multirecall.evaluation.judgments.graded import MAX_GRADE, Judgments
from multirecall.evaluation.tables import wrong

__all__ = ["Names", "Triple", "collected"]


@dataclass(frozen=True, slots=True)
class Triple:
    """One judgment as it stands in the file."""

    line: int
    qid: str
    product_id: str
    grade: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What the fields are called in this file, for messages; `words` gives the grades of labels that are words."""

    qid: str = "qid"
    product_id: str = "docid"
    grade: str = "grade"
    words: Mapping[str, float] = field(default_factory=dict)


def collected(path: Path, names: Names, rows: Iterable[Triple], *, skip_ungraded: bool) -> Judgments:
    """The judgments of the rows. Raises InvalidSource as `read_judgments` says."""
    grades: dict[str, dict[str, float]] = {}
    lines: dict[tuple[str, str], int] = {}
    n_ungraded = 0
    for row in rows:
        for name, value in ((names.qid, row.qid), (names.product_id, row.product_id)):
            if not value:
                raise _wrong(path, row.line, name, "is empty")
        if not row.grade and skip_ungraded:
            n_ungraded += 1
            continue
        grade = _grade(path, row, names)
        of_query = grades.setdefault(row.qid, {})
        before = of_query.setdefault(row.product_id, grade)
        first_line = lines.setdefault((row.qid, row.product_id), row.line)
        if before != grade:
            raise _wrong(
                path,
                row.line,
                names.grade,
                f"is {grade:g} for query {row.qid!r} and product {row.product_id!r}, but {before:g} in line "
                f"{first_line}",
            )
    if not grades:
        hint = "None of its rows has a grade yet." if n_ungraded else "Check the file."
        raise InvalidSource(f"{path} holds no judgment.", hint=hint, field="judgments", file=str(path))
    return Judgments(grades=grades, n_ungraded=n_ungraded)


def _grade(path: Path, row: Triple, names: Names) -> float:
    if not row.grade:
        raise wrong(
            path,
            row.line,
            names.grade,
            f"is empty: product {row.product_id!r} is not judged yet for query {row.qid!r}",
            hint="Fill it in, or leave such rows out with --skip-ungraded.",
        )
    by_word = names.words.get(row.grade.lower())
    if by_word is not None:
        return by_word
    try:
        grade = float(row.grade)
    except ValueError:
        words = f" or one of {', '.join(names.words)}" if names.words else ""
        raise _wrong(path, row.line, names.grade, f"is {row.grade!r}, not a number{words}") from None
    if not math.isfinite(grade) or not 0.0 <= grade <= MAX_GRADE:
        raise _wrong(path, row.line, names.grade, f"is {row.grade}, not between 0 (irrelevant) and {MAX_GRADE:g}")
    return grade


def _wrong(path: Path, line: int, field: str, what: str) -> InvalidSource:
    return wrong(path, line, field, what, "Each line needs a query id, a product id and a grade (0: irrelevant).")
