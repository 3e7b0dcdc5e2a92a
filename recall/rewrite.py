"""The rewrite route: the same need in other words, each asked of the text fields and the vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from multirecall.core.codes import looks_like_part_number, query_codes
from multirecall.core.query import Query
from multirecall.core.ranking import Ranking, RouteStatus, ScoreKind
from multirecall.engines.base import EngineHit, EngineRequest, EngineResult, FieldBoosts, Text, Vector
from multirecall.recall.base import NOTHING_TO_SAY, RecallContext, ended
from multirecall.recall.merging import Found, check_merge, merged
from multirecall.recall.rewriters.base import JoinsRewriters, Rewriter, Rewritten

__all__ = ["MAX_REWRITINGS", "REWRITING_SHARE", "RewriteRoute"]

REWRITING_SHARE = 0.4
"""Part of the time left that rewriters may use: the rest belongs to the encoder and the engine."""

MAX_REWRITINGS = 8
"""Of more than this only the first are asked: each costs the engine as much as the query itself."""

_SHORT = 3  # letters: words of part numbers, as `hp` or `oki`, in which there is nothing to rewrite


@dataclass(frozen=True, slots=True, kw_only=True)
class RewriteRoute:
    """What the rewritings of a query find, merged by how sure each of them is (`recall/merging.py`).

    Each rewriting is asked of the text fields and, if there is a `vector_field`, of the vectors, all in the engine's
    one round trip. Only the text is another one: filter and stored fields are the query's, the facets stay with the
    routes that ask its own words. A score is 0 to 1, the confidence of a rewriting at most. A query of part numbers
    alone is not rewritten: what is one letter away is another product.
    A rewriter that is late or broken takes nothing from the others, and the ranking says that it is partial.
    """

    rewriters: Rewriter = field(repr=False)
    k: int = 100
    vector_field: str | None = None
    boosts: FieldBoosts = FieldBoosts()
    merge: str = "max"
    name: str = "rewrite"

    def __post_init__(self) -> None:
        check_merge(self.merge)

    @property
    def kind(self) -> ScoreKind:
        return ScoreKind.PROBABILITY

    @property
    def fingerprint(self) -> str:
        """That of the rewriters: a file of synonyms may be edited while they are at work."""
        return self.rewriters.fingerprint

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
        return tuple(request for _, request in self._asked(query, context))

    def fallback(
        self, query: Query, context: RecallContext, results: Sequence[EngineResult]
    ) -> tuple[EngineRequest, ...]:
        return ()

    def ranking(self, query: Query, context: RecallContext, results: Sequence[EngineResult]) -> Ranking:
        """One list of what all rewritings found; one of them that failed alone makes it partial."""
        rewritten = self._rewritten(query, context)
        trouble = "; ".join(f"{name}: {why}" for name, why in rewritten.failed.items())
        if not results:
            status = RouteStatus.FAILED if trouble else RouteStatus.SKIPPED
            return ended(self, status, trouble or NOTHING_TO_SAY)
        answered = [result.status is RouteStatus.OK for result in results]
        status, error = RouteStatus.OK, trouble
        if not all(answered):
            failed = results[answered.index(False)]
            status = RouteStatus.PARTIAL if any(answered) else failed.status
            error = "; ".join(filter(None, (failed.error, trouble)))
        elif trouble:
            status = RouteStatus.PARTIAL
        hits, brought_by = merged(self._found(query, context, results), merge=self.merge, k=self.k)
        return Ranking(
            route=self.name,
            kind=self.kind,
            hits=hits,
            took_ms=max(result.took_ms for result in results),
            status=status,
            error=error,
            rewritings=rewritten.rewritings,
            brought_by=brought_by,
        )

    def _found(self, query: Query, context: RecallContext, results: Sequence[EngineResult]) -> list[Found]:
        rewritings = self._rewritten(query, context).rewritings
        lists: dict[int, list[Sequence[EngineHit]]] = {}
        for (place, _), result in zip(self._asked(query, context), results, strict=True):
            lists.setdefault(place, []).append(result.hits)
        return [
            Found(rewriting=place, confidence=rewritings[place].confidence, lists=tuple(found))
            for place, found in lists.items()
        ]

    def _rewritten(self, query: Query, context: RecallContext) -> Rewritten:
        return context.memory.once((self.name, "rewritten"), lambda: self._rewrite(query, context))

    def _rewrite(self, query: Query, context: RecallContext) -> Rewritten:
        if not query.text or _is_part_number(query):
            return Rewritten()
        deadline = context.deadline.child(REWRITING_SHARE)
        try:
            if isinstance(self.rewriters, JoinsRewriters):
                made = self.rewriters.rewrite_all(query, deadline)
            else:
                made = Rewritten(rewritings=self.rewriters.rewrite(query, deadline))
        except Exception as error:  # noqa: BLE001 - a search without it goes on, and the ranking says what failed
            return Rewritten(failed={self.rewriters.name: str(error) or type(error).__name__})
        return replace(made, rewritings=made.rewritings[:MAX_REWRITINGS])

    def _asked(self, query: Query, context: RecallContext) -> tuple[tuple[int, EngineRequest], ...]:
        """Each request with the place of its rewriting."""
        return context.memory.once((self.name, "asked"), lambda: self._ask(query, context))

    def _ask(self, query: Query, context: RecallContext) -> tuple[tuple[int, EngineRequest], ...]:
        texts = [_plain(one.text) for one in self._rewritten(query, context).rewritings]
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
        return tuple(
            (place, EngineRequest(clause=clause, k=self.k, filter=query.filter, fields=context.fields))
            for place, clause in clauses
        )


def _is_part_number(query: Query) -> bool:
    """Whether the query is a part number, with at most a short word beside it: `643a`, `hp 643a`, `dgs-1008d`."""
    if not any(map(looks_like_part_number, query.codes)):
        return False
    return all(len(word) <= _SHORT or any(c.isdigit() for c in word) for word in query.text.split())


def _plain(text: str) -> str:
    """Without control characters and half characters, which no engine takes."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
