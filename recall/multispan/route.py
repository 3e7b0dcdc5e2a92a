"""The route `multispan`: products whose titles hold the spans that a model writes for the query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from multirecall.core.query import Query
from multirecall.core.ranking import Hit, Ranking, RouteStatus, ScoreKind
from multirecall.engines.base import MAX_VALUES, EngineRequest, EngineResult, Holding
from multirecall.recall.base import NOTHING_TO_SAY, RecallContext, ended
from multirecall.recall.multispan.writing import Pointed, SpanWriter
from multirecall.recall.rewriting import is_part_number

__all__ = ["MultiSpanRoute"]

_WITH_FILTER = 5
"""So many times as many products are pointed to if a filter will take some away."""

_SHARE = 0.5
"""Part of the time left that the model may use: the rest belongs to the engine."""

_LATE = "The time was up while the model wrote spans."


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiSpanRoute:
    """The writer points to products, the engine says which of them are there and pass the filter.

    A score is SEAL's W, comparable within one query alone. Products that are gone from the index bring no hit. A query
    of part numbers alone is left to the words.
    """

    writer: SpanWriter
    k: int = 100
    name: str = "multispan"

    @property
    def kind(self) -> ScoreKind:
        return ScoreKind.BM25

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
        """Writes the spans and finds who has them."""
        self._pointed(query, context)

    def requests(self, query: Query, context: RecallContext) -> tuple[EngineRequest, ...]:
        """The products pointed to that pass the filter, in one request."""
        hits = self._pointed(query, context).hits
        if not hits:
            return ()
        weights = {hit.product_id: hit.score for hit in hits}
        return (
            EngineRequest(
                clause=Holding(field="id", weights=weights),
                k=self.k,
                filter=query.filter,
                fields=context.fields,
            ),
        )

    def fallback(
        self, query: Query, context: RecallContext, results: Sequence[EngineResult]
    ) -> tuple[EngineRequest, ...]:
        return ()

    def ranking(self, query: Query, context: RecallContext, results: Sequence[EngineResult]) -> Ranking:
        """The hits by their W, ties by id; what was finished when the time was up is a partial ranking."""
        cut = self._pointed(query, context).cut
        if not results:
            status, why = (RouteStatus.TIMED_OUT, _LATE) if cut else (RouteStatus.SKIPPED, NOTHING_TO_SAY)
            return ended(self, status, why)
        (result,) = results
        status, error = result.status, result.error
        if status is RouteStatus.OK and cut:
            status, error = RouteStatus.PARTIAL, _LATE
        return Ranking(
            route=self.name,
            kind=self.kind,
            hits=tuple([Hit(hit.id, hit.score, rank, hit.fields) for rank, hit in enumerate(result.hits, start=1)]),
            took_ms=result.took_ms,
            status=status,
            error=error,
        )

    def _pointed(self, query: Query, context: RecallContext) -> Pointed:
        if not query.text or is_part_number(query):
            return Pointed((), False)
        k = min(MAX_VALUES, self.k * (1 if query.filter is None else _WITH_FILTER))
        return context.memory.once(
            (self.name, "pointed"), lambda: self.writer.point(query.text, k, context.deadline.child(_SHARE))
        )
