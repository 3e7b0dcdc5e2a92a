"""Rewriters for the tests: one that says what a table holds, and some that misbehave."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from multirecall.core.deadline import Deadline
from multirecall.core.errors import DeadlineExceeded
from multirecall.core.query import Query
from multirecall.core.rewriting import Rewriting

__all__ = ["BrokenRewriter", "HangingRewriter", "LateRewriter", "TableRewriter", "rewriting"]


def rewriting(text: str, confidence: float = 0.8, by: str = "table") -> Rewriting:
    return Rewriting(text=text, by=by, confidence=confidence, log=(f"→ {text}",))


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRewriter:
    """Says for a text what its table holds, and nothing for another one."""

    table: Mapping[str, tuple[Rewriting, ...]] = field(default_factory=dict)
    name: str = "table"
    is_model: bool = False
    fingerprint: str = "0123456789abcdef"

    def rewrite(self, query: Query, deadline: Deadline) -> tuple[Rewriting, ...]:
        return self.table.get(query.text, ())


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenRewriter(TableRewriter):
    name: str = "broken"

    def rewrite(self, query: Query, deadline: Deadline) -> tuple[Rewriting, ...]:
        raise RuntimeError("model exploded")


@dataclass(frozen=True, slots=True, kw_only=True)
class LateRewriter(TableRewriter):
    name: str = "late"
    is_model: bool = True

    def rewrite(self, query: Query, deadline: Deadline) -> tuple[Rewriting, ...]:
        raise DeadlineExceeded("The model was late.", what="the rewriting")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HangingRewriter(TableRewriter):
    """Does not return before `gate` is open, whatever the deadline says."""

    gate: threading.Event
    name: str = "hanging"
    is_model: bool = True

    def rewrite(self, query: Query, deadline: Deadline) -> tuple[Rewriting, ...]:
        self.gate.wait(30)
        return ()
