"""The rewrite route: the same need in other words, each asked of the text fields and the vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from multirecall.core.codes import query_codes
from multirecall.core.query import Query
from multirecall.core.ranking import Ranking, RouteStatus, ScoreKind
from multirecall.core.rewriting import Rewriting
from multirecall.engines.base import EngineRequest, EngineResult, FieldBoosts, Text, Vector
from multirecall.recall.base import NOTHING_TO_SAY, RecallContext, ended
from multirecall.recall.feedback import feedback_rewriting
from multirecall.recall.merging import Found, check_merge, merged
from multirecall.recall.rewriting import Rewriter, Rewritten, is_part_number, rewritten

__all__ = ["RewriteRoute"]


class _Asked(NamedTuple):
    """A request with the place of its rewriting; what is asked about the query itself has none."""

    place: int | None
    request: EngineRequest


class _Again(NamedTuple):
    """What the second round trip adds."""

    rewritten: Rewritten = Rewritten()
    asked: tuple[_Asked, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RewriteRoute:
    """What the rewritings of a query find, merged by how sure each of them is (`recall/merging.py`).

    Each rewriting is asked of the text fields and, if there is a `vector_field`, of the vectors, all in the engine's
    one round trip. Only the text is another one: filter and stored fields are the query's, the facets stay with the
    routes that ask its own words. A score is 0 to 1. A query of part numbers
    alone is not rewritten: what is one letter away is another product.
    A rewriter that is late or broken takes nothing from the others, and the ranking says that it is partial.

    Two options ask more in a second round trip. `feedback` above 0: the query with words that so many of its first
    products share. `second`: other rewriters, for queries whose words `weak_below` products together hold neither as
    typed nor rewritten; they must keep to their deadline by themselves.
    """

    rewriters: Rewriter = field(repr=False)
    k: int = 100
    vector_field: str | None = None
    boosts: FieldBoosts = FieldBoosts()
    merge: str = "noisy_or"
    feedback: int = 0
    second: Rewriter | None = field(default=None, repr=False)
    weak_below: int = 10
    name: str = "rewrite"

    def __post_init__(self) -> None:
        check_merge(self.merge)

    @property
    def kind(self) -> ScoreKind:
        return ScoreKind.PROBABILITY

    @property
    def fingerprint(self) -> str:
        """That of the rewriters: a file of synonyms may be edited while they are at work."""
        own = self.rewriters.fingerprint
        return own if self.second is None else f"{own} {self.second.fingerprint}"

    @property
    def needs_preparation(self) -> bool:
        return self.rewriters.is_model or self.vector_field is not None

    @property
    def n_provisional(self) -> int:
        return 0

    def prepare(self, query: Query, context: RecallContext) -> None:
        """Rewrites the query, and encodes what came of it in one batch."""
        self._asked(query, context)

    def requests(self, query: Query, context: RecallContext) -> tuple[EngineRequest, ...]:
        return tuple([asked.request for asked in self._asked(query, context)])

    def fallback(
        self, query: Query, context: RecallContext, results: Sequence[EngineResult]
    ) -> tuple[EngineRequest, ...]:
        again = context.memory.once((self.name, "again"), lambda: self._ask_again(query, context, results))
        return tuple([asked.request for asked in again.asked])

    def ranking(self, query: Query, context: RecallContext, results: Sequence[EngineResult]) -> Ranking:
        """One list of what all rewritings found; one of them that failed alone makes it partial."""
        first = rewritten(self.rewriters, query, context)
        again = context.memory.once((self.name, "again"), _Again)
        rewritings = (*first.rewritings, *again.rewritten.rewritings)
        failed = {**first.failed, **again.rewritten.failed}
        trouble = "; ".join(f"{name}: {why}" for name, why in failed.items())
        lists: dict[int, list[EngineResult]] = {}
        for asked, result in zip((*self._asked(query, context), *again.asked), results, strict=True):
            if asked.place is not None:
                lists.setdefault(asked.place, []).append(result)
        if not lists:
            return ended(self, RouteStatus.FAILED if trouble else RouteStatus.SKIPPED, trouble or NOTHING_TO_SAY)
        found = [
            Found(rewriting=at, confidence=rewritings[at].confidence, lists=tuple([one.hits for one in of]))
            for at, of in lists.items()
        ]
        hits, brought_by = merged(found, merge=self.merge, k=self.k)
        status, error = _status([result for of in lists.values() for result in of], trouble)
        return Ranking(
            route=self.name,
            kind=self.kind,
            hits=hits,
            took_ms=max(result.took_ms for result in results),
            status=status,
            error=error,
            rewritings=rewritings,
            brought_by=brought_by,
        )

    def _asked(self, query: Query, context: RecallContext) -> tuple[_Asked, ...]:
        return context.memory.once((self.name, "asked"), lambda: self._ask(query, context))

    def _ask(self, query: Query, context: RecallContext) -> tuple[_Asked, ...]:
        texts = [_plain(one.text) for one in rewritten(self.rewriters, query, context).rewritings]
        asked = self._about(texts, query, context)
        if not query.text or is_part_number(query):
            return ()
        if self.feedback:
            own = self._request(Text(text=query.text, codes=query.codes, boosts=self.boosts), query, ("match_text",))
            asked.append(_Asked(None, replace(own, k=self.feedback)))
        if self.second is not None:
            for text in (query.text, *texts):
                all_words = Text(text=text, boosts=self.boosts, min_match=1.0)
                asked.append(_Asked(None, replace(self._request(all_words, query), k=0)))
        return tuple(asked)

    def _ask_again(self, query: Query, context: RecallContext, results: Sequence[EngineResult]) -> _Again:
        looks = [r for a, r in zip(self._asked(query, context), results, strict=True) if a.place is None]
        known = rewritten(self.rewriters, query, context).rewritings
        said: list[Rewriting] = []
        failed: Mapping[str, str] = {}
        if self.feedback:
            first = looks.pop(0)
            one = feedback_rewriting(query.text, [str(hit.fields.get("match_text", "")) for hit in first.hits])
            said += [] if one is None else [one]
        if self.second is not None and sum(look.total or 0 for look in looks) < self.weak_below:
            more = rewritten(self.second, query, context)
            failed, texts = more.failed, {one.text for one in known}
            said += [one for one in more.rewritings if one.text not in texts]
        texts_asked = [_plain(one.text) for one in said]
        asked = self._about(texts_asked, query, context, start=len(known))
        return _Again(Rewritten(rewritings=tuple(said), failed=failed), tuple(asked))

    def _about(self, texts: Sequence[str], query: Query, context: RecallContext, *, start: int = 0) -> list[_Asked]:
        """The requests for these texts, whose rewritings stand from `start` on."""
        clauses: list[tuple[int, Text | Vector]] = [
            (place, Text(text=text, codes=query_codes(text), boosts=self.boosts)) for place, text in enumerate(texts)
        ]
        if self.vector_field is not None and texts:
            vectors = context.vectors.of(self.vector_field, texts)
            clauses += [
                (place, Vector(field=self.vector_field, vector=vector))
                for place, vector in enumerate(vectors)
                if vector.any()  # else no token of it is known to the model: nothing is near
            ]
        return [_Asked(start + at, self._request(clause, query, context.fields)) for at, clause in clauses]

    def _request(self, clause: Text | Vector, query: Query, fields: tuple[str, ...] = ()) -> EngineRequest:
        """Another clause and nothing else: the filter is the query's."""
        return EngineRequest(clause=clause, k=self.k, filter=query.filter, fields=fields)


def _status(results: Sequence[EngineResult], trouble: str) -> tuple[RouteStatus, str]:
    """How the route ended, by how its requests did and what became of its rewriters."""
    bad = [result for result in results if result.status is not RouteStatus.OK]
    if bad:
        status = RouteStatus.PARTIAL if len(bad) < len(results) else bad[0].status
        return status, "; ".join(filter(None, (bad[0].error, trouble)))
    return (RouteStatus.PARTIAL if trouble else RouteStatus.OK), trouble


def _plain(text: str) -> str:
    """Without control characters and half characters, which no engine takes."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
