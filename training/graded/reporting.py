"""What is wrong with graded data, with the first rows of each kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

from multirecall.core.errors import InvalidInput

__all__ = ["KINDS", "DataReport", "Finding", "Findings"]

FIRST_ROWS = 10
_FEW = 2

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "two_splits": "queries in two splits, so that what is trained on would be tested",
        "unknown_grade": "grades that are not on the scale",
        "contradictory": "pairs of text and product with two levels under different ids, left out",
        "unknown_product": "judgments of products that the catalogue does not have, left out",
        "unknown_query": "judged query ids that are not among the queries, left out",
        "no_judgment": "queries without a judgment, left out",
        "one_level": "queries of one level only: answers, but no order",
    }
)
"""What can be found, the worst first."""

_WRONG = ("two_splits", "unknown_grade")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """How often a kind of problem occurs, and its first rows."""

    kind: str
    count: int
    rows: tuple[str, ...]

    def told(self, *, rows: int = FIRST_ROWS) -> str:
        """In one sentence, with the first rows."""
        shown = self.rows[:rows]
        return f"{KINDS[self.kind]} ({self.count:,}): {'; '.join(shown)}{' …' if self.count > len(shown) else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataReport:
    """What the data holds (groups, those with two levels or more, pairs, pairs by level), and what was found wrong."""

    groups: int
    ordered_groups: int
    pairs: int
    by_level: Mapping[int, int]
    findings: tuple[Finding, ...] = ()

    def found(self, kind: str) -> int:
        """How often a kind of KINDS occurs."""
        return next((finding.count for finding in self.findings if finding.kind == kind), 0)

    def raise_if_wrong(self) -> None:
        """Raises InvalidInput, with the rows, if training on this would be wrong: see `graded_groups`."""
        for finding in self.findings:
            if finding.kind in _WRONG:
                scale = "Grades are whole numbers, from 0 (irrelevant) to 3 (exact). "
                raise InvalidInput(
                    f"{finding.told()}.",
                    hint=f"{scale if finding.kind == 'unknown_grade' else ''}Correct these rows, or remove them.",
                    field="split" if finding.kind == "two_splits" else "grade",
                    rows=list(finding.rows),
                )
        if not self.groups:
            raise InvalidInput(
                "No query has a judgment that can be used"
                + "".join(f"; {finding.told(rows=_FEW)}" for finding in self.findings)
                + ".",
                hint="See that the query ids of both files, and the product ids of the catalogue, are the same.",
                field="judgments",
                rows=self._rows(),
            )

    def raise_if_unordered(self) -> None:
        """Raises InvalidInput if no group has two levels: what orders levels has nothing to learn then."""
        if not self.ordered_groups:
            raise InvalidInput(
                f"None of {self.groups} judged queries has products of two levels: there is no order to learn.",
                hint="Judge products of different grades (multirecall pool).",
                field="judgments",
                rows=self._rows(),
            )

    def _rows(self) -> list[str]:
        return [row for finding in self.findings for row in finding.rows]

    def lines(self) -> list[str]:
        """The report in words, a line for each fact and row."""
        levels = ", ".join(f"{n:,} of level {level}" for level, n in sorted(self.by_level.items(), reverse=True))
        ordered = f"{self.ordered_groups:,} with two levels or more"
        out = [f"{self.groups:,} queries ({ordered}), {self.pairs:,} pairs: {levels}"]
        for finding in self.findings:
            out.append(f"{KINDS[finding.kind]}: {finding.count:,}")
            out += [f"  {row}" for row in finding.rows]
            if finding.count > len(finding.rows):
                out.append(f"  and {finding.count - len(finding.rows):,} more")
        return out

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON values."""
        return {**asdict(self), "by_level": {str(level): n for level, n in self.by_level.items()}}


class Findings:
    """Collects rows while data is read: all are counted, the first ones kept."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._rows: dict[str, list[str]] = {}

    def add(self, kind: str, row: str) -> None:
        """One more row of a kind of KINDS."""
        self._counts[kind] += 1
        kept = self._rows.setdefault(kind, [])
        if len(kept) < FIRST_ROWS:
            kept.append(row)

    def report(self, *, groups: Sequence[tuple[int, Sequence[int]]]) -> DataReport:
        """With the groups that were made: size and levels of each."""
        return DataReport(
            groups=len(groups),
            ordered_groups=sum(len(set(levels)) > 1 for _, levels in groups),
            pairs=sum(size for size, _ in groups),
            by_level=dict(sorted(Counter(level for _, levels in groups for level in levels).items())),
            findings=tuple(
                Finding(kind=kind, count=self._counts[kind], rows=tuple(self._rows[kind]))
                for kind in KINDS
                if self._counts[kind]
            ),
        )
