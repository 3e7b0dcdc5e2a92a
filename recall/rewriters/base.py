"""Rewriter: other texts for the need behind a query. A value with a name; each text says how sure it is and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from multirecall.core.deadline import Deadline
from multirecall.core.errors import InvalidInput
from multirecall.core.query import Query

__all__ = ["MAX_REWRITING_CHARS", "Rewriter", "Rewriting"]

MAX_REWRITING_CHARS = 200
"""Longest text of a rewriting; a rewriter that has more to say cuts it, or drops it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewriting:
    """One other text for the query's need. It is data, as the query's own text is: no character is an operator.

    `by` names the rewriter, or several in the order of their work (`spelling+languages`). `confidence`, 0 to 1, is the
    probability that a product which answers `text` answers the query. `log` says what was done, one step each
    (`procesor → processor`). A rewriting changes the text alone: filters, sort and facets stay the query's.
    """

    text: str
    by: str
    confidence: float
    log: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0.0 <= self.confidence <= 1.0:
            raise InvalidInput(f"Confidence lies in 0..1, got {self.confidence}.", field="confidence")
        if not any(c.isalnum() for c in self.text) or len(self.text) > MAX_REWRITING_CHARS:
            raise InvalidInput(
                f"A rewriting needs a letter or digit and at most {MAX_REWRITING_CHARS} characters, "
                f"got {self.text[:MAX_REWRITING_CHARS]!r}.",
                field="text",
            )


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
