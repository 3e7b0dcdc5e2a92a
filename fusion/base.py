"""Fusion: rankings in, one ranking out. Pure, deterministic, independent of the order of the rankings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from multirecall.core.errors import InvalidInput, InvalidSettings
from multirecall.core.ranking import Fused, FusedHit, Ranking, Source

__all__ = ["Fusion", "check_weights", "fuse_contributions", "weight_of"]


@runtime_checkable
class Fusion(Protocol):
    """A frozen value; its `repr` is its name in config, logs and reports."""

    def __call__(self, rankings: Sequence[Ranking], k: int) -> Fused:
        """The best `k` products of all rankings, by the order rule. Empty and failed rankings are allowed."""
        ...


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


def fuse_contributions(name: str, shares: Mapping[str, Sequence[Source]], rankings: Sequence[Ranking], k: int) -> Fused:
    """Adds up the contributions per product and puts them in the order rule.

    `shares` maps a product id to its sources. The sum runs over sources ordered by route name, so that the order
    of the rankings cannot change a rounding.
    """
    if k < 0:
        raise InvalidInput(f"k must be 0 or more, got {k}.", field="k")
    names = [r.route for r in rankings]
    if len(set(names)) != len(names):
        raise InvalidInput(f"Two rankings have the same route name: {names}.", field="rankings")
    fields: dict[str, dict[str, object]] = {}
    for ranking in rankings:
        for hit in ranking.hits:
            if hit.fields:
                fields.setdefault(hit.id, {}).update(hit.fields)
    scored = []
    for product_id, sources in shares.items():
        ordered = tuple(sorted(sources, key=lambda s: s.route))
        scored.append((product_id, sum(s.contribution for s in ordered), ordered))
    scored.sort(key=lambda item: (-item[1], item[0]))
    return Fused(
        fusion=name,
        hits=tuple(
            FusedHit(id=i, score=score, rank=rank, sources=sources, fields=fields.get(i, {}))  # type: ignore[arg-type]
            for rank, (i, score, sources) in enumerate(scored[:k], start=1)
        ),
    )
