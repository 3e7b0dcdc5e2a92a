"""Rewriter: other texts for the need behind a query; and what rewriters say to one query, made once for all who ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

from multirecall.core.codes import looks_like_part_number
from multirecall.core.deadline import Deadline
from multirecall.core.query import Query
from multirecall.core.rewriting import Rewriting
from multirecall.recall.base import RecallContext

__all__ = [
    "MAX_REWRITINGS",
    "REWRITING_SHARE",
    "JoinsRewriters",
    "Rewriter",
    "Rewritten",
    "is_part_number",
    "rewritten",
]

REWRITING_SHARE = 0.4
"""Part of the time left that rewriters may use: the rest belongs to the encoder and the engine."""

MAX_REWRITINGS = 8
"""Of more than this only the first are asked: each costs the engine as much as the query itself."""

_SHORT = 3  # letters: words of part numbers, as `hp` or `oki`, in which there is nothing to rewrite


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


def rewritten(rewriters: Rewriter, query: Query, context: RecallContext) -> Rewritten:
    """What the rewriters say to the query in their part of the time; asked once per request, whoever asks.

    A query of part numbers alone is not rewritten: what is one letter away is another product. Raises nothing: what
    failed stands in `failed`. Others wait for the first who asks, so one of them should not if a model is among them.
    """
    key = ("rewritten", rewriters.name, rewriters.fingerprint)
    return context.memory.once(key, lambda: _rewritten(rewriters, query, context))


def _rewritten(rewriters: Rewriter, query: Query, context: RecallContext) -> Rewritten:
    if not query.text or is_part_number(query):
        return Rewritten()
    deadline = context.deadline.child(REWRITING_SHARE)
    try:
        if isinstance(rewriters, JoinsRewriters):
            made = rewriters.rewrite_all(query, deadline)
        else:
            made = Rewritten(rewritings=rewriters.rewrite(query, deadline))
    except Exception as error:  # noqa: BLE001 - a search without it goes on, and the answer says what failed
        return Rewritten(failed={rewriters.name: str(error) or type(error).__name__})
    return replace(made, rewritings=made.rewritings[:MAX_REWRITINGS])


def is_part_number(query: Query) -> bool:
    """Whether the query is a part number, with at most a short word beside it: `643a`, `hp 643a`, `dgs-1008d`."""
    if not any(map(looks_like_part_number, query.codes)):
        return False
    return all(len(word) <= _SHORT or any(c.isdigit() for c in word) for word in query.text.split())
