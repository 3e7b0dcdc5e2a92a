"""Fusion: rankings in, one ranking out. Pure, deterministic, independent of the order of the rankings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from operator import itemgetter
from typing import Protocol, runtime_checkable

from multirecall.core.errors import InvalidInput, InvalidSettings
from multirecall.core.query import Query
from multirecall.core.ranking import FieldValue, Fused, FusedHit, Ranking, Source

__all__ = [
    "Fusion",
    "ReadsRewritings",
    "Share",
    "check_rankings",
    "check_weights",
    "fuse_contributions",
    "fused_hits",
    "reads_rewritings",
    "weight_of",
]


@runtime_checkable
class Fusion(Protocol):
    """A frozen value; its `repr` is its name in config, logs and reports.

    What it may look at is the rankings, the stored values of their hits and the query
    (docs/decisions/0005-fusion-sees-the-query.md).
    """

    @property
    def fields(self) -> tuple[str, ...]:
        """The stored values that it wants with every hit, as `EngineRequest.fields` names them; mostly none."""
        ...

    def __call__(self, rankings: Sequence[Ranking], k: int, query: Query | None = None) -> Fused:
        """The best `k` products of all rankings, by the order rule. Empty and failed rankings are allowed.

        `query` is what was asked (None: not known). A hit may lack any of `fields`: its product has no such value.
        """
        ...


@runtime_checkable
class ReadsRewritings(Protocol):
    """A fusion that may compare products with the query's rewritings (`Query.rewritings`) as well."""

    @property
    def reads_rewritings(self) -> bool: ...


def reads_rewritings(fusion: Fusion) -> bool:
    """Whether the fusion compares products with the query's rewritings; most do not."""
    return isinstance(fusion, ReadsRewritings) and fusion.reads_rewritings


def check_weights(weights: Mapping[str, float] | None) -> None:
    """Raises InvalidSettings unless every weight is a finite number of 0 or more, and one is above 0."""
    if weights is None:
        return
    for route, weight in weights.items():
        if not 0.0 <= weight < float("inf"):
            raise InvalidSettings(f"Weight of route {route!r} must be 0 or more, got {weight}.", field="weights")
    if not any(weights.values()):
        raise InvalidSettings("At least one route needs a weight above 0.", field="weights")


def weight_of(weights: Mapping[str, float] | None, route: str) -> float:
    """The weight of a route: 1 where no weights were given, and for a route that they do not name."""
    return 1.0 if weights is None else weights.get(route, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One ranking's part in a fusion: per hit what it adds to the fused score, and the score normalised; None for a
    fusion that does not add up routes, or does not normalise."""

    ranking: Ranking
    contributions: Sequence[float] | None = None
    normalised: Sequence[float] | None = None


def fuse_contributions(name: str, shares: Sequence[Share], k: int) -> Fused:
    """Adds up the contributions per product and puts the best `k` in the order rule.

    The sum runs over the routes by name, so that the order of the rankings cannot change a rounding. Sources are
    made for the best `k` only: of two hundred candidates a page shows ten.
    """
    if k < 0:
        raise InvalidInput(f"k must be 0 or more, got {k}.", field="k")
    by_route = sorted(shares, key=lambda share: share.ranking.route)
    totals: dict[str, float] = {}
    for share in by_route:
        for product_id, contribution in zip(
            [hit.id for hit in share.ranking.hits], share.contributions or (), strict=True
        ):
            totals[product_id] = totals.get(product_id, 0.0) + contribution
    # sorted as (-score, id): of Python's ways to find the first few of some hundreds the quickest
    ordered = sorted([(-total, product_id) for product_id, total in totals.items()])
    ids, scores = [product_id for _, product_id in ordered[:k]], [-negative for negative, _ in ordered[:k]]
    return Fused(fusion=name, hits=fused_hits(ids, scores, by_route))


def fused_hits(
    ids: Sequence[str],
    scores: Sequence[float],
    shares: Sequence[Share],
    relevance: Sequence[float | None] | None = None,
) -> tuple[FusedHit, ...]:
    """The products `ids`, best first, each with the shares of the routes that brought it and its stored values.

    Sources stand in the order of `shares`: by the name of the route.
    """
    sources: dict[str, list[Source]] = {product_id: [] for product_id in ids}
    fields: dict[str, dict[str, FieldValue]] = {product_id: {} for product_id in ids}
    for share in shares:
        hits = share.ranking.hits
        shown = map(sources.__contains__, map(itemgetter(0), hits))  # by id, without a step of Python for each hit
        for position, hit in compress(enumerate(hits), shown):
            fields[hit.id].update(hit.fields)
            sources[hit.id].append(
                Source(
                    route=share.ranking.route,
                    rank=hit.rank,
                    score=hit.score,
                    normalised=None if share.normalised is None else share.normalised[position],
                    contribution=0.0 if share.contributions is None else share.contributions[position],
                )
            )
    return tuple(
        FusedHit(id=i, score=score, rank=rank, sources=tuple(sources[i]), fields=fields[i], relevance=probability)
        for rank, (i, score, probability) in enumerate(
            zip(ids, scores, relevance or [None] * len(ids), strict=True), start=1
        )
    )


def check_rankings(rankings: Sequence[Ranking]) -> None:
    """Raises InvalidInput if two rankings have one route name: their shares could not be told apart."""
    names = [r.route for r in rankings]
    if len(set(names)) != len(names):
        raise InvalidInput(f"Two rankings have the same route name: {names}.", field="rankings")
