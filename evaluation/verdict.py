"""Verdict: what a gate found, as plain data for reports, records and tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from multirecall.evaluation.paired_test import Interval

__all__ = ["Outcome", "QueryChange", "Verdict"]


class Outcome(StrEnum):
    """What the figures say; `undecided`: there are too few of them, or they are incomplete."""

    PASSED = "passed"
    STOPPED = "stopped"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryChange:
    """One query with its figure under the old and the new index; `text` may be empty."""

    qid: str
    text: str
    old: float
    new: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Means are over the `n_queries` that were compared; None where there is nothing to take a mean of.

    `difference` is new minus old, `ci` its bootstrap interval; `p_value` is one-sided, for a fall. `wins` are queries
    that the new index answers better. `judged_old` and `judged_new` are the mean shares of the first `k` products that
    have a judgment. `worst`: the queries that fell most, the deepest fall first. `incomplete`: queries left out
    because an answer was not complete, with the reason. `forced`: somebody let it through in spite of the outcome.
    """

    outcome: Outcome
    reason: str
    measure: str
    k: int
    alpha: float
    max_fall: float
    n_queries: int
    n_without_relevant: int
    incomplete: Mapping[str, str]
    old_mean: float | None
    new_mean: float | None
    difference: float | None
    ci: Interval | None
    p_value: float | None
    p_two_sided: float | None
    wins: int
    losses: int
    ties: int
    judged_old: float | None
    judged_new: float | None
    worst: tuple[QueryChange, ...]
    forced: bool = False

    @property
    def passed(self) -> bool:
        """Whether the new index may be made live."""
        return self.forced or self.outcome is Outcome.PASSED

    def force(self) -> Verdict:
        """The same verdict, let through and marked so. One that passes anyway stays as it is: nothing was forced."""
        return self if self.passed else replace(self, forced=True)

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> Verdict:
        """The verdict that `to_dict` made plain."""
        values = {name: body[name] for name in cls.__dataclass_fields__}
        values["outcome"] = Outcome(values["outcome"])
        values["ci"] = None if values["ci"] is None else Interval(**values["ci"])
        values["worst"] = tuple(QueryChange(**change) for change in values["worst"])
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, `passed` first."""
        return {
            "passed": self.passed,
            **asdict(self),
            "outcome": self.outcome.value,
            "incomplete": dict(self.incomplete),
        }
