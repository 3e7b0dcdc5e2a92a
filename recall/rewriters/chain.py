"""RewriteChain: repairs that follow each other, then alternatives for the query and for its repaired text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256

from multirecall.core.codes import query_codes
from multirecall.core.deadline import Deadline
from multirecall.core.errors import InvalidInput
from multirecall.core.query import Query
from multirecall.core.rewriting import Rewriting
from multirecall.recall.rewriting import Rewriter, Rewritten

__all__ = ["RewriteChain", "best_of", "joined_fingerprint", "with_text"]

_ALMOST = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class RewriteChain:
    """Several rewriters as one.

    `repairs` follow each other, each at work on what the last one made; together they give at most one text, whose
    confidence is the product of the steps'. `alternatives` are asked for the query and for its repaired text; a model,
    which costs something, is asked once: for the repaired text if there is one. Of equal texts (case, spaces and
    punctuation apart) the surest is kept, the query's own text is dropped, and the best `n` remain by confidence
    descending, then text ascending. A rewriter that is late or broken takes nothing from the others. `notes` say what
    the chain was to hold and does not.
    """

    repairs: tuple[Rewriter, ...] = ()
    alternatives: tuple[Rewriter, ...] = ()
    n: int = 4
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.n < 1:
            raise InvalidInput(f"A chain keeps one rewriting or more, got n={self.n}.", field="n")

    @property
    def name(self) -> str:
        return "chain"

    @property
    def fingerprint(self) -> str:
        parts = (f"{rewriter.name} {rewriter.fingerprint}" for rewriter in (*self.repairs, *self.alternatives))
        return joined_fingerprint(("chain", str(self.n), str(len(self.repairs)), *parts))

    @property
    def is_model(self) -> bool:
        return any(rewriter.is_model for rewriter in (*self.repairs, *self.alternatives))

    def without_models(self) -> RewriteChain:
        """The part that answers in a millisecond or two."""
        return replace(
            self,
            repairs=tuple(rewriter for rewriter in self.repairs if not rewriter.is_model),
            alternatives=tuple(rewriter for rewriter in self.alternatives if not rewriter.is_model),
        )

    def rewrite(self, query: Query, deadline: Deadline) -> tuple[Rewriting, ...]:
        """The best `n`; `rewrite_all` also tells what failed."""
        return self.rewrite_all(query, deadline).rewritings

    def rewrite_all(self, query: Query, deadline: Deadline) -> Rewritten:
        """The best `n` of what the rewriters say until the deadline; raises nothing that one of them raised."""
        failed: dict[str, str] = {}
        repaired = self._repaired(query, deadline, failed)
        asked: list[tuple[Query, Rewriting | None]] = [(query, None)]
        if repaired is not None:
            asked.append((with_text(query, repaired.text), repaired))
        found = [repaired] if repaired is not None else []
        for rewriter in sorted(self.alternatives, key=lambda one: one.is_model):  # no model keeps the others waiting
            for subject, before in asked[-1:] if rewriter.is_model else asked:
                found += (_after(before, said) for said in _asked(rewriter, subject, deadline, failed))
        return Rewritten(rewritings=best_of(found, query.text, self.n), failed=failed)

    def _repaired(self, query: Query, deadline: Deadline, failed: dict[str, str]) -> Rewriting | None:
        repaired: Rewriting | None = None
        for rewriter in self.repairs:
            subject = query if repaired is None else with_text(query, repaired.text)
            for said in _asked(rewriter, subject, deadline, failed)[:1]:
                repaired = _after(repaired, said)
        return repaired if repaired is not None and repaired.text != query.text else None


def _asked(rewriter: Rewriter, query: Query, deadline: Deadline, failed: dict[str, str]) -> tuple[Rewriting, ...]:
    """What the rewriter says; nothing, and a reason in `failed`, if it cannot."""
    try:
        return rewriter.rewrite(query, deadline)
    except Exception as error:  # noqa: BLE001 - a rewriting is a help: without it the search goes on, and says so
        failed[rewriter.name] = str(error) or type(error).__name__
        return ()


def _after(before: Rewriting | None, said: Rewriting) -> Rewriting:
    """A rewriting of a rewriting, told as one of the query."""
    if before is None:
        return said
    return Rewriting(
        text=said.text,
        by=f"{before.by}+{said.by}",
        confidence=before.confidence * said.confidence,
        log=(*before.log, *said.log),
    )


def with_text(query: Query, text: str) -> Query:
    """The same request for another text."""
    return replace(query, text=text, codes=query_codes(text))


def best_of(rewritings: Iterable[Rewriting], own_text: str, n: int) -> tuple[Rewriting, ...]:
    """The surest of each text, without `own_text`, confidence descending, then text ascending; at most `n`.

    A repair may put a space where the query has none, so the query's text is dropped only if it is the same in all but
    case and spacing around it; among themselves rewritings are equal by their letters and digits. Of equal ones the one
    with more steps stays if it is about as sure: `black printer 15.6 inch` rather than `black printer 15,6 inch`.
    """
    own = " ".join(own_text.casefold().split())
    kept: dict[str, Rewriting] = {}
    for one in sorted(rewritings, key=lambda one: (-one.confidence, one.text, one.by)):
        if " ".join(one.text.casefold().split()) == own:
            continue
        key = "".join(_letters(one.text))
        surest = kept.setdefault(key, one)
        if len(one.log) > len(surest.log) and one.confidence >= _ALMOST * surest.confidence:
            kept[key] = one
    return tuple(sorted(kept.values(), key=lambda one: (-one.confidence, one.text)))[:n]


def _letters(text: str) -> Iterator[str]:
    return (c for c in text.casefold() if c.isalnum())


def joined_fingerprint(parts: Iterable[str]) -> str:
    """16 hex digits over texts in their order; no two sequences of texts are joined to the same bytes."""
    digest = sha256()
    for part in parts:
        body = part.encode("utf-8", "surrogatepass")
        digest.update(len(body).to_bytes(8, "big") + body)
    return digest.hexdigest()[:16]
