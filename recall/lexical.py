"""The lexical route: BM25 over the text fields, part numbers in any spelling, and a second look for typos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from multirecall.core.query import Query
from multirecall.core.ranking import Ranking, RouteStatus, ScoreKind
from multirecall.engines.base import EngineRequest, EngineResult, FieldBoosts, Text
from multirecall.recall.base import RecallContext, to_ranking

__all__ = ["LexicalRoute"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LexicalRoute:
    """BM25 over any of the query's words; when few products hold all of them, a second look that allows typos.

    Two requests go out together: the ranking (a product needs `min_match` of the words, by default one), and a
    count of the products that hold **all** words, which also carries the facets: what a shopper takes for "the
    matches". Fewer than `fuzzy_below` of those mean that a word is misspelt or missing from the catalogue: then
    near words count too, in a second round trip, and the total and the facets are those of it. 0 switches the
    second look off. Part numbers do not count as words there: a typo beside a part number is still one.
    Whether there is a second look depends on the words alone, not on the filter: a third request counts the products
    that hold all words without it. So a facet value that counts 3 gives 3 when it is chosen, and not the near words of
    a query that suddenly matches too little.
    An engine in this process is asked for the counts first, and then for the one ranking that will be used.
    Measured: docs/results/lexical-shape.md.
    """

    k: int = 100
    boosts: FieldBoosts = FieldBoosts()
    min_match: float = 0.0
    fuzzy_below: int = 10
    name: str = "lexical"

    @property
    def kind(self) -> ScoreKind:
        return ScoreKind.BM25

    @property
    def needs_preparation(self) -> bool:
        return False

    @property
    def n_provisional(self) -> int:
        return 1  # the ranking by the words as typed: a second look that finds something takes its place

    def prepare(self, query: Query, context: RecallContext) -> None:
        """Nothing to do: the query is understood already."""

    def requests(self, query: Query, context: RecallContext) -> tuple[EngineRequest, ...]:
        all_words = EngineRequest(
            clause=Text(text=query.text, boosts=self.boosts, min_match=1.0),
            k=0,
            filter=query.filter,
            facets=query.facets,
        )
        if query.filter is None or not self.fuzzy_below:
            return (self._ranking_request(query, context), all_words)
        return (self._ranking_request(query, context), all_words, replace(all_words, filter=None, facets=()))

    def fallback(
        self, query: Query, context: RecallContext, results: Sequence[EngineResult]
    ) -> tuple[EngineRequest, ...]:
        counted = results[-1]  # over the whole catalogue
        if counted.status is not RouteStatus.OK or counted.total is None or counted.total >= self.fuzzy_below:
            return ()
        return (self._ranking_request(query, context, fuzzy=True),)

    def ranking(self, query: Query, context: RecallContext, results: Sequence[EngineResult]) -> Ranking:
        strict, all_words, *more = results
        # Only a second look brings more hits. One that failed must not take away what the first one found.
        if more and more[-1].status is RouteStatus.OK and more[-1].hits:
            return to_ranking(self.name, self.kind, more[-1])
        return to_ranking(self.name, self.kind, replace(strict, total=all_words.total))

    def _ranking_request(self, query: Query, context: RecallContext, *, fuzzy: bool = False) -> EngineRequest:
        return EngineRequest(
            clause=Text(text=query.text, codes=query.codes, boosts=self.boosts, min_match=self.min_match, fuzzy=fuzzy),
            k=self.k,
            filter=query.filter,
            facets=query.facets if fuzzy else (),
            fields=context.fields,
        )
