"""JudgedQueries: the grades of a query, found by its text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from multirecall.evaluation.joining import joined, plain_text
from multirecall.evaluation.judgments import Judgments, read_judgments
from multirecall.evaluation.queries import JudgedQuery, read_queries

__all__ = ["JudgedQueries"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedQueries:
    """The judged queries in the order of their file; `by_text` leads from a text to its query."""

    queries: tuple[JudgedQuery, ...] = ()
    judgments: Judgments = field(default_factory=lambda: Judgments(grades={}))
    by_text: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, judgments: Judgments, queries: Sequence[JudgedQuery]) -> JudgedQueries:
        """Those of the queries that have a judgment. Raises InvalidSource if none has."""
        found = joined(judgments, queries).judgments
        judged = tuple(query for query in queries if found.of(query.qid))
        by_text: dict[str, str] = {}
        for query in judged:
            by_text.setdefault(plain_text(query.text), query.qid)
        return cls(queries=judged, judgments=found, by_text=by_text)

    @classmethod
    def read(cls, judgments: Path, queries: Path) -> JudgedQueries:
        """From files, as `multirecall evaluate` reads them; rows without a grade are passed over."""
        return cls.of(read_judgments(judgments, skip_ungraded=True), read_queries(queries))

    def find(self, text: str) -> tuple[str, Mapping[str, float]]:
        """The id and the grades of the query with this text, in whatever case; empty if it is not judged."""
        qid = self.by_text.get(plain_text(text), "")
        return qid, self.judgments.of(qid)
