"""Rewriter: other texts for the need behind a query. A value with a name; each text says how sure it is and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from multirecall.core.deadline import Deadline
from multirecall.core.query import Query
from multirecall.core.rewriting import MAX_REWRITING_CHARS, Rewriting

__all__ = ["MAX_REWRITING_CHARS", "JoinsRewriters", "Rewriter", "Rewriting", "Rewritten"]


@runtime_checkable
class Rewriter(Protocol):
    """One way to say a query differently. Compares by value; safe for several threads; deterministic.

    `is_model` says that it may take more than a millisecond: it runs a model or asks a service.
    """

    @property
    def name(self) -> str: ...

    @property
    def fingerprint(self) -> str:
        """16 hex digits over all that its answers depend on: vocabulary, word lists, model, prompt."""
        ...

    @property
    def is_model(self) -> bool: ...

    def rewrite(self, query: Query, deadline: Deadline) -> tuple[Rewriting, ...]:
        """Best first; empty if it has nothing to say. None has the query's own text.

        One that is late raises DeadlineExceeded; a model that is broken raises what it raised.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewritten:
    """What several rewriters gave together, and of each that was late or broke, by its name, why."""

    rewritings: tuple[Rewriting, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)


@runtime_checkable
class JoinsRewriters(Protocol):
    """A rewriter made of several, of which some may fail while the others have something to say."""

    def rewrite_all(self, query: Query, deadline: Deadline) -> Rewritten:
        """As `Rewriter.rewrite`, but a part that is late or broken does not raise: it stands in `failed`."""
        ...
