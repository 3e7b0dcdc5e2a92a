"""The lexical route: BM25 over the text fields, part numbers in any spelling, and a second look for typos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from multirecall.core.query import Query
from multirecall.core.ranking import Ranking, RouteStatus, ScoreKind
from multirecall.engines.base import EngineRequest, EngineResult, FieldBoosts, Text
from multirecall.recall.base import RecallContext, to_ranking

__all__ = ["LexicalRoute"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LexicalRoute:
    """BM25. When fewer than `fuzzy_below` products match, the query is sent again with typos allowed.

    `min_match` is the share of the words that a product must hold; the second look asks for `fuzzy_min_match`.
    `fuzzy_below=0` switches the second look off.
    """

    k: int = 100
    boosts: FieldBoosts = FieldBoosts()
    min_match: float = 0.6
    fuzzy_below: int = 10
    fuzzy_min_match: float = 0.0
    name: str = "lexical"

    @property
    def kind(self) -> ScoreKind:
        return ScoreKind.BM25

    @property
    def needs_preparation(self) -> bool:
        return False

    def prepare(self, query: Query, context: RecallContext) -> None:
        """Nothing to do: the query is understood already."""

    def requests(self, query: Query, context: RecallContext) -> tuple[EngineRequest, ...]:
        return (self._request(query, context, fuzzy=False),)

    def fallback(
        self, query: Query, context: RecallContext, results: Sequence[EngineResult]
    ) -> tuple[EngineRequest, ...]:
        strict = results[0]
        if strict.status is not RouteStatus.OK or strict.total is None or strict.total >= self.fuzzy_below:
            return ()
        return (self._request(query, context, fuzzy=True),)

    def ranking(self, results: Sequence[EngineResult]) -> Ranking:
        strict, *second = results
        # A second look that failed must not take away what the first one found.
        best = second[0] if second and second[0].status is RouteStatus.OK and second[0].hits else strict
        return to_ranking(self.name, self.kind, best)

    def _request(self, query: Query, context: RecallContext, *, fuzzy: bool) -> EngineRequest:
        return EngineRequest(
            clause=Text(
                text=query.text,
                codes=query.codes,
                boosts=self.boosts,
                min_match=self.fuzzy_min_match if fuzzy else self.min_match,
                fuzzy=fuzzy,
            ),
            k=self.k,
            filter=query.filter,
            facets=query.facets,
            fields=context.fields,
        )
