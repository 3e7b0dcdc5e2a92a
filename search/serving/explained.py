"""Explanations for a page of a list that was made earlier."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from multirecall.core.deadline import Deadline
from multirecall.core.query import MAX_WINDOW, Query
from multirecall.core.ranking import FusedHit
from multirecall.fusion.base import Fusion
from multirecall.fusion.explaining import ExplainsItself, Explanation, explained_by_routes
from multirecall.search.frozen import FrozenList
from multirecall.search.pipeline import Searcher

__all__ = ["Explained", "explained_page"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """Explanations by product id, and what is to be said about them."""

    by_id: Mapping[str, Explanation] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def explained_page(
    frozen: FrozenList, query: Query, searcher: Searcher, deadline: Deadline, *, fusion: Fusion | None = None
) -> Explained:
    """What the scores of the page's hits are made of.

    A sum over routes is explained by the list itself. A trained fusion looks at the candidates once more, so the query
    is ranked again: only on the index that the list is of, and for products that are candidates still.
    """
    hits = frozen.hits[query.offset : query.offset + query.size]
    made_by = fusion or searcher.fusion
    again = frozen.generation == searcher.generation and frozen.fusion == repr(made_by) and bool(query.text)
    if again and isinstance(made_by, ExplainsItself):
        answer = searcher.rank(query, MAX_WINDOW, deadline=deadline, fusion=fusion)
        candidates = {hit.id for hit in answer.hits}
        ids = [hit.id for hit in hits if hit.id in candidates]
        found = {one.product_id: one for one in searcher.explain(answer, ids, fusion=fusion)}
    else:
        found = {hit.id: explained_by_routes(hit) for hit in hits if _is_sum_of_routes(hit)}
    lacking = len(hits) - len(found)
    if not lacking:
        return Explained(by_id=found)
    note = f"{lacking} product(s) have no explanation: their list is of another index, or was cut to fit into a token."
    return Explained(by_id=found, notes=(note,))


def _is_sum_of_routes(hit: FusedHit) -> bool:
    added = sum(source.contribution for source in hit.sources)
    return bool(hit.sources) and math.isclose(added, hit.score, rel_tol=1e-6, abs_tol=1e-9)
