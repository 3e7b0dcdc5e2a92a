"""Ordering the fused candidates by stored fields instead of by score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from multirecall.core.query import Sort
from multirecall.core.ranking import FusedHit

__all__ = ["sorted_hits"]


def sorted_hits(hits: Sequence[FusedHit], sort: Sequence[Sort]) -> list[FusedHit]:
    """The hits by the sort keys in turn; those without the field last either way; ties: id ascending.

    It orders the candidates that the routes found, not the whole catalogue: what does not fit the query stays
    out of a list that is sorted by price.
    """
    ordered = sorted(hits, key=lambda hit: hit.id)
    for key in reversed(sort):  # stable sorts, the least important key first

        def value(hit: FusedHit, field: str = key.field) -> Any:
            return hit.fields.get(field)

        known = [hit for hit in ordered if value(hit) is not None]
        unknown = [hit for hit in ordered if value(hit) is None]
        known.sort(key=value, reverse=key.descending)
        ordered = known + unknown
    return ordered
