"""The route `xmc`: products that a tree of linear classifiers names for the query's words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from multirecall.core.query import Query
from multirecall.core.ranking import Ranking, RouteStatus, ScoreKind
from multirecall.engines.base import MAX_VALUES, EngineRequest, EngineResult, Holding
from multirecall.recall.base import NOTHING_TO_SAY, RecallContext, ended, to_ranking
from multirecall.recall.xmc.tree import Scored, XmcTree

__all__ = ["XmcRoute"]

_WITH_FILTER = 5
"""So many times as many products are named if a filter will take some away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class XmcRoute:
    """The tree names ids; the engine says which of them are there and pass the filter. A score is 0 to 1.

    Products that came after training are not in the tree; those that are gone from the index bring no hit.
    """

    tree: XmcTree = field(repr=False)
    k: int = 100
    beam: int = 10
    name: str = "xmc"

    @property
    def kind(self) -> ScoreKind:
        return ScoreKind.PROBABILITY

    @property
    def fingerprint(self) -> str:
        return self.tree.fingerprint

    @property
    def needs_preparation(self) -> bool:
        return True

    @property
    def n_provisional(self) -> int:
        return 0

    def prepare(self, query: Query, context: RecallContext) -> None:
        """Goes down the tree."""
        self._named(query, context)

    def requests(self, query: Query, context: RecallContext) -> tuple[EngineRequest, ...]:
        """The named products that pass the filter, in one request."""
        named = self._named(query, context)
        if not named.products:
            return ()
        return (
            EngineRequest(
                clause=Holding(field="id", weights=dict(zip(named.products, named.scores, strict=True))),
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
        """The hits by the tree's score, ties by id."""
        if not results:
            return ended(self, RouteStatus.SKIPPED, NOTHING_TO_SAY)
        return to_ranking(self.name, self.kind, replace(results[0], total=None))

    def _named(self, query: Query, context: RecallContext) -> Scored:
        k = self.k if query.filter is None else min(_WITH_FILTER * self.k, MAX_VALUES)
        return context.memory.once((self.name, "named"), lambda: self.tree.best(query.text, k, beam=self.beam))
