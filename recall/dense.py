"""The dense route: nearest products by cosine between query and product vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from multirecall.core.query import Query
from multirecall.core.ranking import Ranking, RouteStatus, ScoreKind
from multirecall.engines.base import EngineRequest, EngineResult, Vector
from multirecall.recall.base import NOTHING_TO_SAY, RecallContext, ended, to_ranking

__all__ = ["DenseRoute"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DenseRoute:
    """Cosine over one vector field. `n_candidates` 0 leaves the effort of the approximate search to the engine."""

    k: int = 100
    field: str = "dense"
    n_candidates: int = 0
    name: str = "dense"

    @property
    def kind(self) -> ScoreKind:
        return ScoreKind.COSINE

    @property
    def needs_preparation(self) -> bool:
        return True

    @property
    def n_provisional(self) -> int:
        return 0

    def prepare(self, query: Query, context: RecallContext) -> None:
        """Encodes the query; another route with the same field shares the vector."""
        context.vectors.get(self.field)

    def requests(self, query: Query, context: RecallContext) -> tuple[EngineRequest, ...]:
        vector = context.vectors.get(self.field)
        if not vector.any():  # no token of the query is known to the model: nothing is near
            return ()
        return (
            EngineRequest(
                clause=Vector(field=self.field, vector=vector, n_candidates=self.n_candidates),
                k=self.k,
                filter=query.filter,
                facets=query.facets,
                fields=context.fields,
            ),
        )

    def fallback(
        self, query: Query, context: RecallContext, results: Sequence[EngineResult]
    ) -> tuple[EngineRequest, ...]:
        return ()

    def ranking(self, query: Query, context: RecallContext, results: Sequence[EngineResult]) -> Ranking:
        return (
            to_ranking(self.name, self.kind, results[0])
            if results
            else ended(self, RouteStatus.SKIPPED, NOTHING_TO_SAY)
        )
