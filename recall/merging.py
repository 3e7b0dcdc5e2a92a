"""What several rewritings found, as one list: each product by the rewritings that found it and how sure they are."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from multirecall.core.errors import InvalidSettings
from multirecall.core.ranking import FieldValue, Hit, ranked_hits
from multirecall.engines.base import EngineHit

__all__ = ["MERGES", "Found", "check_merge", "merged"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one rewriting found: its place among the rewritings, its confidence, and a list per way of searching."""

    rewriting: int
    confidence: float
    lists: tuple[Sequence[EngineHit], ...]


def _noisy_or(shares: Sequence[float], total: float) -> float:
    return 1.0 - math.prod(1.0 - share for share in shares)


MERGES: Mapping[str, Callable[[Sequence[float], float], float]] = {
    "max": lambda shares, total: max(shares),
    "noisy_or": _noisy_or,
    "parts": lambda shares, total: sum(shares) / total,
}
"""How the shares that rewritings give a product, 0 to 1 each, become its score; `total` is all their confidence.

`max`: they are alternatives, and the best of them counts. `noisy_or`: alternatives that agree are worth more. `parts`:
they are parts of one need, and a product that answers all of them is best.
"""


def check_merge(name: str) -> None:
    """Raises InvalidSettings for a merge that MERGES does not have."""
    if name not in MERGES:
        raise InvalidSettings(
            f"There is no way to merge rewritings called {name!r}.", hint=f"Known: {', '.join(MERGES)}.", field="merge"
        )


def merged(found: Sequence[Found], *, merge: str, k: int) -> tuple[tuple[Hit, ...], tuple[int, ...]]:
    """The best `k` products in the order rule, and of each the rewriting that gave it most (ties: the first).

    A rewriting's share in a product is `confidence · mean over its lists of (s - min) / (max - min)`, 0 for a list that
    lacks the product: `WeightedSum` of the lists, so that BM25 and cosine can stand beside each other, times the
    confidence, so that rewritings can. A list whose hits have one score gives each of them 1.
    """
    shares: dict[str, dict[int, float]] = {}
    fields: dict[str, Mapping[str, FieldValue]] = {}
    for one in found:
        weight = one.confidence / len(one.lists)
        for found_by in one.lists:
            if not found_by:
                continue
            highest, lowest = found_by[0].score, found_by[-1].score
            spread = highest - lowest
            for hit in found_by:
                of_product = shares.setdefault(hit.id, {})
                share = weight * ((hit.score - lowest) / spread if spread > 0.0 else 1.0)
                of_product[one.rewriting] = of_product.get(one.rewriting, 0.0) + share
                fields.setdefault(hit.id, hit.fields)
    score_of, total = MERGES[merge], sum(one.confidence for one in found)
    hits = ranked_hits(
        ((name, score_of([*of.values()], total) if total else 0.0, fields[name]) for name, of in shares.items()), k
    )
    return hits, tuple([max(shares[hit.id], key=lambda place: shares[hit.id][place]) for hit in hits])
