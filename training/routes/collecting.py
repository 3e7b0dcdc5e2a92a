"""Judged queries with what each route found and how long it took: each query is asked once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.judgments import Judgments
from multirecall.evaluation.queries import JudgedQuery
from multirecall.search.pipeline import Searcher
from multirecall.search.understand import understand
from multirecall.training.blender.collecting import JudgedPool

__all__ = ["RoutedQuery", "ask_routes"]

WARM_UP = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutedQuery:
    """One judged query with the rankings of all routes; `prepared_ms` is the time of each route's model (0: none)."""

    pool: JudgedPool
    prepared_ms: Mapping[str, float]

    @property
    def qid(self) -> str:
        return self.pool.qid

    @property
    def routes(self) -> tuple[str, ...]:
        return tuple(ranking.route for ranking in self.pool.rankings)

    def engine_ms(self, route: str) -> float:
        return next(ranking.took_ms for ranking in self.pool.rankings if ranking.route == route)

    def total_ms(self, route: str) -> float:
        """What leaving the route out saves: its model and the engine."""
        return self.prepared_ms.get(route, 0.0) + self.engine_ms(route)


def ask_routes(
    searcher: Searcher,
    queries: Iterable[JudgedQuery],
    judgments: Judgments,
    *,
    timeout_s: float = 30.0,
    advance: Callable[[], None] = lambda: None,
) -> list[RoutedQuery]:
    """Every query that has a relevant judgment, in the order given; `advance` is called per query.

    The searcher must have no route policy. Some queries are asked once more beforehand, so that times are not those of
    a cold start. Raises InvalidInput if an answer is incomplete (it would say of the moment, not of the route), and if
    no query has a relevant judgment.
    """
    found: list[RoutedQuery] = []
    judged_queries = list(queries)
    for judged in judged_queries[:WARM_UP]:
        searcher.rank(understand(judged.text), 1, timeout_s=timeout_s)
    for judged in judged_queries:
        advance()
        if not judgments.has_relevant(judged.qid):
            continue
        query = understand(judged.text)
        answer = searcher.rank(query, 1, timeout_s=timeout_s)
        if answer.degraded:
            raise InvalidInput(
                f"The answer to query {judged.qid!r} is incomplete: {dict(answer.degraded)}.",
                hint="Give more time with --timeout, or see why the route fails: multirecall search.",
                field="queries",
            )
        pool = JudgedPool(judged=judged, query=query, rankings=answer.rankings, grades=judgments.of(judged.qid))
        found.append(RoutedQuery(pool=pool, prepared_ms=answer.prepared_ms))
    if not found:
        raise InvalidInput(
            "None of the queries has a judgment above 0.",
            hint="Check that the query ids of both files are the same.",
            field="judgments",
        )
    return found
