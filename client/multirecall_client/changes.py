"""Changes of products, and what became of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from multirecall_client.errors import MultirecallError
from multirecall_client.showing import Shown, Table
from multirecall_client.wire import Wire

__all__ = [
    "BulkIncomplete",
    "BulkReport",
    "BulkStopped",
    "Change",
    "ChangeResult",
    "Delete",
    "Update",
    "Upsert",
    "WriteItem",
    "WriteResult",
]


class WriteItem(Wire):
    """What became of one change: `accepted`, `applied`, `refused`, `missing` or `failed`."""

    id: str
    status: str
    error: str = ""
    field: str = ""


class WriteResult(Wire):
    """One item per change, in their order. `by`: `workers` or `straight`."""

    request_id: str = ""
    by: str = ""
    job: str = ""
    applied: bool = False
    items: list[WriteItem]
    took_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Upsert:
    """A whole product: a row as in the catalogue, by its field names."""

    kind: ClassVar[str] = "upsert"
    product: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Update:
    """Some fields of a product: price, currency, in_stock, popularity, updated_at; None clears one.

    `version`: the product's version after the change, if the catalogue carries versions of its own.
    """

    kind: ClassVar[str] = "update"
    id: str
    set: Mapping[str, Any]
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """A product to delete. `version`: the product's version after the change, if the catalogue carries versions."""

    kind: ClassVar[str] = "delete"
    id: str
    version: int | None = None


Change = Upsert | Update | Delete


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeResult:
    """What became of a change.

    `index` counts the changes from 0, in the order in which they were given. `status`: `accepted` (the workers have it,
    durably), `applied` (searches see it), `refused` (it cannot be read, and never goes in), `missing` (there is no such
    product), `failed` (given up for now, after `attempts`).
    """

    index: int
    kind: str
    id: str
    status: str
    error: str = ""
    field: str = ""
    attempts: int = 1
    request_id: str = ""

    @property
    def ok(self) -> bool:
        """Whether all is as the change wants it; a product to delete that is not there counts as such."""
        return self.status in ("accepted", "applied") or (self.status == "missing" and self.kind == "delete")


@dataclass(kw_only=True, slots=True)
class BulkReport(Shown):
    """What became of all changes: how many by status, and those that did not go in.

    `problems` holds the first of them, at most `keep`; `counts` counts all.
    """

    keep: int = 1_000
    counts: Counter[str] = field(default_factory=Counter)
    problems: list[ChangeResult] = field(default_factory=list)
    n_problems: int = 0

    def add(self, result: ChangeResult) -> None:
        """Counts a result in."""
        self.counts[result.status] += 1
        if not result.ok:
            self.n_problems += 1
            if len(self.problems) < self.keep:
                self.problems.append(result)

    @property
    def ok(self) -> bool:
        return not self.n_problems

    @property
    def total(self) -> int:
        """Changes that have a result."""
        return self.counts.total()

    def raise_for_problems(self) -> BulkReport:
        """This report. Raises BulkIncomplete if a change did not go in."""
        if self.n_problems:
            raise BulkIncomplete(self)
        return self

    def table(self) -> Table:
        return Table(
            caption=f"{self.total} changes: {_counted(self.counts)}",
            columns=("change", "kind", "id", "status", "field", "error"),
            rows=[(one.index, one.kind, one.id, one.status, one.field, one.error) for one in self.problems],
        )


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {status}" for status, count in sorted(counts.items())) or "none"


class BulkIncomplete(MultirecallError):
    """Some changes did not go in: `report.problems` says which and why."""

    def __init__(self, report: BulkReport) -> None:
        first = report.problems[0] if report.problems else None
        told = f" The first: {first.kind} {first.id!r}: {first.error or first.status}" if first else ""
        super().__init__(f"{report.n_problems} of {report.total} changes did not go in.{told}")
        self.report = report


class BulkStopped(MultirecallError):
    """A bulk job ended early, because of `reason`. The first `settled` changes have their result; of those after them,
    the ones that were under way may have gone in or not. To go on, give the changes from number `settled` on.

    `report` counts the results, if the method makes a report.
    """

    def __init__(self, reason: MultirecallError, *, settled: int, report: BulkReport | None = None) -> None:
        super().__init__(f"After {settled} changes: {reason}", request_id=reason.request_id)
        self.reason = reason
        self.settled = settled
        self.report = report
