"""Rewritings of a mined query, those kept that keep its intent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from multirecall.core.deadline import Deadline
from multirecall.core.errors import EncoderError
from multirecall.core.query import Query
from multirecall.core.rewriting import Rewriting
from multirecall.recall.rewriters.chain import joined_fingerprint
from multirecall.recall.rewriters.knowledge import Concept
from multirecall.recall.rewriting import JoinsRewriters, Rewriter
from multirecall.search.understand import understand

__all__ = ["MIN_INTENT", "IntentJudge", "Teacher", "kept_rewritings"]

MIN_INTENT = 0.7
"""Rewritings whose judged probability to keep the intent is lower are dropped."""

IntentJudge = Callable[[str, Sequence[str]], Sequence[float]]
"""(query, its rewritings): for each the probability that a product which answers it answers the query."""


def kept_rewritings(
    text: str, rewriter: Rewriter, *, judge: IntentJudge | None = None, min_intent: float = MIN_INTENT
) -> tuple[Rewriting, ...]:
    """What the rewriter says of the query with J >= `min_intent`, best first; `confidence` is J afterwards.

    Without a judge the rewriter's own confidence is J. No deadline: this is offline work, a model takes its time.
    Raises what the rewriter raises, and EncoderError where one of a chain failed: a query is not settled without it.
    """
    query = understand(text)
    if isinstance(rewriter, JoinsRewriters):
        said = rewriter.rewrite_all(query, Deadline.never())
        if said.failed:
            failed = "; ".join(f"{name}: {reason}" for name, reason in said.failed.items())
            raise EncoderError(
                f"A rewriter failed at {text!r}: {failed}.",
                hint="Mend it or leave it out of the setting `rewriters`; what is settled is kept.",
                rewriters=list(said.failed),
            )
        found = said.rewritings
    else:
        found = rewriter.rewrite(query, Deadline.never())
    if judge is not None and found:
        judged = judge(text, [one.text for one in found])
        found = tuple(
            Rewriting(text=one.text, by=one.by, confidence=float(j), log=one.log)
            for one, j in zip(found, judged, strict=True)
        )
    kept = [one for one in found if one.confidence >= min_intent]
    return tuple(sorted(kept, key=lambda one: (-one.confidence, one.text)))


class Teacher:
    """A rewriter that looks queries up: it knows which concept each of them was made of, and says what to find.

    For queries that `queries_of_concepts` made. It has nothing to say to any other text.
    """

    is_model = False
    name = "teacher"

    def __init__(self, concepts: Iterable[Concept], concept_of: dict[str, str], *, n: int = 5) -> None:
        """`concept_of`: the key by query text (`MinedQuery.why`)."""
        self._find = {concept.key: concept.find[:n] for concept in concepts}
        self._concept_of = dict(concept_of)
        self._fingerprint = joined_fingerprint(text for key in sorted(self._find) for text in (key, *self._find[key]))

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    def rewrite(self, query: Query, deadline: Deadline) -> tuple[Rewriting, ...]:
        key = self._concept_of.get(query.text)
        own = query.text.casefold()
        return tuple(
            Rewriting(text=text, by=self.name, confidence=1.0, log=(f"{key} → {text}",))
            for text in self._find.get(key or "", ())
            if text.casefold() != own
        )
