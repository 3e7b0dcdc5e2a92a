"""Rewriting: one other text for the need behind a query, with how sure it is and why."""

from __future__ import annotations

from dataclasses import dataclass

from multirecall.core.errors import InvalidInput

__all__ = ["MAX_REWRITING_CHARS", "Rewriting"]

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
