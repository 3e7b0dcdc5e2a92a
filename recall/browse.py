"""The browse route: answers a request without words with the most popular products that pass the filter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from multirecall.core.query import Query, Sort
from multirecall.core.ranking import Hit, Ranking, ScoreKind
from multirecall.engines.base import EngineRequest, EngineResult, Everything
from multirecall.recall.base import RecallContext

__all__ = ["BrowseRoute"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowseRoute:
    """Everything that passes the filter, by popularity (the unknown last), then id; the score is 1 / rank."""

    k: int = 100
    name: str = "browse"

    @property
    def kind(self) -> ScoreKind:
        return ScoreKind.RANK

    @property
    def needs_preparation(self) -> bool:
        return False

    @property
    def n_provisional(self) -> int:
        return 0

    def prepare(self, query: Query, context: RecallContext) -> None:
        """Nothing to do."""

    def requests(self, query: Query, context: RecallContext) -> tuple[EngineRequest, ...]:
        return (
            EngineRequest(
                clause=Everything(),
                k=self.k,
                filter=query.filter,
                sort=query.sort or (Sort(field="popularity", descending=True),),
                facets=query.facets,
                fields=context.fields,
            ),
        )

    def fallback(
        self, query: Query, context: RecallContext, results: Sequence[EngineResult]
    ) -> tuple[EngineRequest, ...]:
        return ()

    def ranking(self, query: Query, context: RecallContext, results: Sequence[EngineResult]) -> Ranking:
        result = results[0]
        hits = tuple(Hit(id=h.id, score=1.0 / r, rank=r, fields=h.fields) for r, h in enumerate(result.hits, start=1))
        return Ranking(
            route=self.name,
            kind=self.kind,
            hits=hits,
            total=result.total,
            took_ms=result.took_ms,
            status=result.status,
            error=result.error,
        )
