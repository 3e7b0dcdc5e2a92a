"""Hit, Ranking, Fused: ids and scores on their way from the routes to the page.

The order rule, everywhere: score descending, then id ascending. Ranks start at 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from operator import le, neg
from types import MappingProxyType
from typing import NamedTuple

from multirecall.core.errors import InvalidInput
from multirecall.core.rewriting import Rewriting

__all__ = [
    "NO_FIELDS",
    "FieldValue",
    "Fused",
    "FusedHit",
    "Hit",
    "Ranking",
    "RouteStatus",
    "ScoreKind",
    "Source",
    "ranked_hits",
]

FieldValue = str | int | float | bool | tuple[str, ...] | None


class RouteStatus(StrEnum):
    """How a route ended. Only `ok` promises the complete list."""

    OK = "ok"
    PARTIAL = "partial"
    TIMED_OUT = "timed_out"
    FAILED = "failed"
    SKIPPED = "skipped"


class ScoreKind(StrEnum):
    """What a score means; scores of two kinds are never added without a normaliser."""

    BM25 = "bm25"
    COSINE = "cosine"
    PROBABILITY = "probability"
    RANK = "rank"


NO_FIELDS: Mapping[str, FieldValue] = MappingProxyType({})
"""No stored values: what a hit holds when none were asked for."""


class Hit(NamedTuple):
    """One product of one route. `fields` holds the few stored values asked for (sort keys, blender features).

    A tuple, because hundreds are made for every query: a frozen dataclass takes five times as long to make.
    """

    id: str
    score: float
    rank: int
    fields: Mapping[str, FieldValue] = NO_FIELDS


def _in_order(hits: tuple[Hit, ...]) -> bool:
    """Whether the hits are as a ranking must be; says not what is wrong, but takes a third of the time."""
    if not hits:
        return True
    ids, scores, ranks, _ = zip(*hits, strict=True)
    keys = list(zip(map(neg, scores), ids, strict=True))
    return (
        ranks == tuple(range(1, len(hits) + 1))
        and all(map(math.isfinite, scores))
        and all(map(le, keys, keys[1:]))
        and len(set(ids)) == len(ids)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """What one route found. `total` is the number of all products that match (None: the route cannot know).

    A route that asks other texts than the query's names them in `rewritings`; `brought_by` has, of each hit, the place
    there of the one that it owes most of its score to. Empty: the query's own text found all.
    """

    route: str
    kind: ScoreKind
    hits: tuple[Hit, ...] = ()
    total: int | None = None
    took_ms: float = 0.0
    status: RouteStatus = RouteStatus.OK
    error: str = ""
    rewritings: tuple[Rewriting, ...] = ()
    brought_by: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.brought_by and (
            len(self.brought_by) != len(self.hits)
            or not 0 <= min(self.brought_by) <= max(self.brought_by) < len(self.rewritings)
        ):
            raise InvalidInput(f"Route {self.route!r}: each hit needs one of the rewritings.", field="brought_by")
        if _in_order(self.hits):
            return
        seen: set[str] = set()
        previous: Hit | None = None
        for position, hit in enumerate(self.hits, start=1):
            if hit.rank != position:
                raise InvalidInput(f"Route {self.route!r}: rank {hit.rank} at position {position}.", field="hits")
            if not math.isfinite(hit.score):
                raise InvalidInput(f"Route {self.route!r}: score of {hit.id!r} is {hit.score}.", field="hits")
            if hit.id in seen:
                raise InvalidInput(f"Route {self.route!r}: product {hit.id!r} occurs twice.", field="hits")
            if previous is not None and (-previous.score, previous.id) > (-hit.score, hit.id):
                raise InvalidInput(f"Route {self.route!r}: order broken at {hit.id!r}.", field="hits")
            seen.add(hit.id)
            previous = hit


def ranked_hits(
    scored: Iterable[tuple[str, float] | tuple[str, float, Mapping[str, FieldValue]]], k: int | None = None
) -> tuple[Hit, ...]:
    """Hits in the order rule (score descending, id ascending), ranks from 1, cut at `k`."""
    ordered = sorted(scored, key=lambda item: (-item[1], item[0]))
    return tuple(
        Hit(id=item[0], score=item[1], rank=rank, fields=item[2] if len(item) == 3 else {})
        for rank, item in enumerate(ordered[:k], start=1)
    )


class Source(NamedTuple):
    """One route's share in a fused hit: its rank and raw score, and the normalised score if the fusion made one.

    `contribution` is what this route added to the fused score. A tuple, as `Hit` is.
    """

    route: str
    rank: int
    score: float
    normalised: float | None = None
    contribution: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FusedHit:
    """`relevance` is the probability that the product is relevant, 0 to 1; None if the fusion is not calibrated."""

    id: str
    score: float
    rank: int
    sources: tuple[Source, ...]
    fields: Mapping[str, FieldValue] = field(default_factory=dict)
    relevance: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fused:
    """One ranking made of several; every hit says which routes brought it. `fusion` is the method's repr.

    `notes` is what the searcher should know beside the hits.
    """

    fusion: str
    hits: tuple[FusedHit, ...]
    notes: tuple[str, ...] = ()
