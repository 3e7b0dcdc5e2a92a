"""The route `semantic_id`: a model writes ids for the query, and the products that have them are the candidates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from multirecall.core.filters import And, Terms
from multirecall.core.query import Query
from multirecall.core.ranking import Hit, Ranking, RouteStatus, ScoreKind
from multirecall.engines.base import EngineRequest, EngineResult, Holding, Vector
from multirecall.engines.schema import LabelField
from multirecall.recall.base import NOTHING_TO_SAY, RecallContext, ended
from multirecall.recall.rewriting import is_part_number
from multirecall.recall.semantic_ids.writing import IdWriter, WrittenIds

__all__ = ["SemanticIdRoute"]

_POOL = 4
"""So many times as many products are asked for as are wanted: an id may have many, and the vectors choose."""

_LATE = "The time was up while the model wrote ids."

_SHARE = 0.5
"""Part of the time left that the model may use: the rest belongs to the engine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SemanticIdRoute:
    """The products that have one of the written ids: an id says what is meant, the vectors tell its products apart.

    `labels` is the label field that holds the ids, `vector_field` the vectors. A score is 0 to 1: the probability of
    the product's id, given that one of the live ids is meant, times (1 + cosine) / 2. A query of part numbers alone is
    left to the words. If the time was up while the model wrote, the ranking has what was finished, and is partial.
    """

    writer: IdWriter
    labels: LabelField
    vector_field: str
    k: int = 100
    name: str = "semantic_id"

    @property
    def kind(self) -> ScoreKind:
        return ScoreKind.PROBABILITY

    @property
    def fingerprint(self) -> str:
        return self.writer.fingerprint

    @property
    def needs_preparation(self) -> bool:
        return True

    @property
    def n_provisional(self) -> int:
        return 0

    def prepare(self, query: Query, context: RecallContext) -> None:
        """Writes the ids, and encodes the query."""
        if self._written(query, context).ids:
            context.vectors.get(self.vector_field)

    def requests(self, query: Query, context: RecallContext) -> tuple[EngineRequest, ...]:
        """Who has the ids, and how near they are: two requests, or one where the query has no vector."""
        written = self._written(query, context)
        if not written.ids:
            return ()
        values = [self.labels.value(one) for one in written.ids]
        weights = dict(zip(values, written.probabilities, strict=True))
        k = _POOL * self.k
        holding = EngineRequest(
            clause=Holding(field="labels", weights=weights, best=True), k=k, filter=query.filter, fields=context.fields
        )
        vector = context.vectors.get(self.vector_field)
        if not vector.any():
            return (holding,)
        having = Terms(field="labels", values=tuple(values))
        near = EngineRequest(
            clause=Vector(field=self.vector_field, vector=vector),
            k=k,
            filter=having if query.filter is None else And(parts=(having, query.filter)),
        )
        return (holding, near)

    def fallback(
        self, query: Query, context: RecallContext, results: Sequence[EngineResult]
    ) -> tuple[EngineRequest, ...]:
        return ()

    def ranking(self, query: Query, context: RecallContext, results: Sequence[EngineResult]) -> Ranking:
        """By the score, ties by id. A product without a vector counts as one at a right angle to the query."""
        cut = self._written(query, context).cut
        if not results:
            return (
                ended(self, RouteStatus.TIMED_OUT, _LATE) if cut else ended(self, RouteStatus.SKIPPED, NOTHING_TO_SAY)
            )
        holding, *rest = results
        cosines = {hit.id: hit.score for near in rest for hit in near.hits}
        scored = [(hit.score * (1.0 + cosines.get(hit.id, 0.0)) / 2.0, hit) for hit in holding.hits]
        scored.sort(key=lambda pair: (-pair[0], pair[1].id))
        status, error = holding.status, holding.error
        if status is RouteStatus.OK and cut:
            status, error = RouteStatus.PARTIAL, _LATE
        return Ranking(
            route=self.name,
            kind=self.kind,
            hits=tuple(
                [Hit(hit.id, score, rank, hit.fields) for rank, (score, hit) in enumerate(scored[: self.k], start=1)]
            ),
            total=holding.total,
            took_ms=max(result.took_ms for result in results),
            status=status,
            error=error,
        )

    def _written(self, query: Query, context: RecallContext) -> WrittenIds:
        if not query.text or is_part_number(query):
            return WrittenIds((), (), False)
        return context.memory.once(
            (self.name, "ids"), lambda: self.writer.write(query.text, context.deadline.child(_SHARE))
        )
