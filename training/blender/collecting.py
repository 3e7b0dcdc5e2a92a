"""Judged queries with what each route found for them: what a blender learns from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from multirecall.core.errors import InvalidInput
from multirecall.core.query import Query
from multirecall.core.ranking import Ranking
from multirecall.evaluation.judgments import Judgments
from multirecall.evaluation.queries import JudgedQuery
from multirecall.fusion.features.pool import POOL_FIELDS
from multirecall.fusion.features.term_statistics import TermStatistics
from multirecall.search.pipeline import Searcher
from multirecall.search.understand import understand

__all__ = ["JudgedPool", "collect", "count_terms"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedPool:
    """One query, the routes' rankings with the stored values that features need, and the grades by product id."""

    judged: JudgedQuery
    query: Query
    rankings: tuple[Ranking, ...]
    grades: Mapping[str, float]
    weights: Mapping[str, float] = field(default_factory=dict)
    """Of single judgments, 1 where not given: clicks are surer of some products than of others."""

    @property
    def qid(self) -> str:
        return self.judged.qid


def collect(
    searcher: Searcher,
    queries: Iterable[JudgedQuery],
    judgments: Judgments,
    *,
    weights: Mapping[str, Mapping[str, float]] | None = None,
    timeout_s: float = 30.0,
    advance: Callable[[], None] = lambda: None,
) -> list[JudgedPool]:
    """The pool of each query that has a relevant judgment, in the order given; `advance` is called per query.

    With rewritings if the searcher has rewriters. Raises InvalidInput if an answer is incomplete (a route failed or was
    late): learning from it would teach what the moment was like, and if no query has a relevant judgment.
    """
    pools = []
    for judged in queries:
        advance()
        if not judgments.has_relevant(judged.qid):
            continue
        answer = searcher.rank(understand(judged.text), 1, timeout_s=timeout_s, fields=POOL_FIELDS)
        if answer.degraded:
            raise InvalidInput(
                f"The answer to query {judged.qid!r} is incomplete: {dict(answer.degraded)}.",
                hint="Give more time, or see why the route fails: multirecall search.",
                field="queries",
            )
        pools.append(
            JudgedPool(
                judged=judged,
                query=answer.query,
                rankings=answer.rankings,
                grades=judgments.of(judged.qid),
                weights=(weights or {}).get(judged.qid, {}),
            )
        )
    if not pools:
        raise InvalidInput(
            "None of the queries has a judgment above 0.",
            hint="Check that the query ids of both files are the same.",
            field="judgments",
        )
    return pools


def count_terms(records: Iterable[Mapping[str, Any]]) -> TermStatistics:
    """How many products hold each term, from their match texts (`Engine.scan(["match_text"])`). Reads all records."""
    counts: Counter[str] = Counter()
    n_products = 0
    for record in records:
        n_products += 1
        parts: Sequence[str] = str(record.get("match_text") or "\t\t\t\t").split("\t")
        counts.update({*parts[0].split(), *parts[1].split(), *parts[4].split()})
    return TermStatistics.of(n_products, counts)
