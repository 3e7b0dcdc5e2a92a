"""Curation: what two judges agree on, capped, without near-copies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multirecall.core.errors import InvalidInput
from multirecall.engines.analysis import split_words
from multirecall.training.synthesis.records import SyntheticPair
from multirecall.training.synthesis.retrieve import Candidate
from multirecall.training.synthesis.scorers import Floats

__all__ = ["Caps", "Curated", "Threshold", "curate", "threshold_for"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """From `value` on a judge's yes was right in `precision` of `n` labelled pairs; `recall` of the good ones pass.

    `met`: the precision that was asked for is reached; else it is the best there is.
    """

    value: float
    precision: float
    recall: float
    n: int
    met: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """Most products of a query, and of one of its categories; titles whose words have a Jaccard index of `same_title`
    or more are one product; a query with fewer than `min_pairs` is dropped: its rewritings probably missed."""

    per_query: int = 20
    per_category: int = 8
    same_title: float = 0.9
    min_pairs: int = 3

    def __post_init__(self) -> None:
        if min(self.per_query, self.per_category, self.min_pairs) < 1 or not 0.0 < self.same_title <= 1.0:
            raise InvalidInput("Caps are 1 or more, same_title above 0 and at most 1.", field="caps")


@dataclass(frozen=True, slots=True, kw_only=True)
class Curated:
    """The pairs of a query, the best first; `rejected` ids by the reason: `judges`, `same title`, `category`, `query`.

    `dropped`: too few were left, so there are no pairs.
    """

    pairs: tuple[SyntheticPair, ...]
    rejected: dict[str, tuple[str, ...]]
    dropped: bool


def threshold_for(scores: Floats, good: NDArray[np.bool_], *, precision: float = 0.9, min_pairs: int = 20) -> Threshold:
    """The lowest threshold from which on at least `precision` of the labelled pairs are good.

    Lower ones would let more through. Thresholds that fewer than `min_pairs` pass are not looked at: their precision is
    luck. If none reaches the precision, the one with the highest is given, with `met` False.
    Raises InvalidInput for fewer labelled pairs than that, or without a good one.
    """
    if len(scores) != len(good) or len(scores) < min_pairs or not good.any():
        raise InvalidInput(
            f"A threshold needs {min_pairs} labelled pairs with a good one among them, got {len(scores)} "
            f"({int(good.sum())} good).",
            hint="Judge more pairs.",
            field="scores",
        )
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], np.cumsum(good[order])
    passed = np.arange(1, len(scores) + 1)
    last_of_value = np.append(ranked[1:] < ranked[:-1], True)  # equal scores pass together
    usable = last_of_value & (passed >= min_pairs)
    precisions = hits / passed
    reached = np.flatnonzero(usable & (precisions >= precision))
    at = int(reached[-1]) if len(reached) else int(np.argmax(np.where(usable, precisions, -1.0)))
    return Threshold(
        value=float(ranked[at]),
        precision=float(precisions[at]),
        recall=float(hits[at] / good.sum()),
        n=int(passed[at]),
        met=bool(len(reached)),
    )


def curate(
    query: str,
    type: str,
    candidates: Sequence[Candidate],
    b: Floats,
    s: Floats,
    *,
    tau_b: float,
    tau_s: float,
    caps: Caps | None = None,
) -> Curated:
    """The products that both judges accept (`b >= tau_b` and `s >= tau_s`), by b descending, then id; within the caps.

    A threshold of 0 leaves that judge out.
    """
    caps = caps or Caps()
    rejected: dict[str, list[str]] = {"judges": [], "same title": [], "category": [], "query": []}
    kept: list[SyntheticPair] = []
    titles: list[frozenset[str]] = []
    categories: Counter[str] = Counter()
    for at in sorted(range(len(candidates)), key=lambda at: (-b[at], candidates[at].id)):
        candidate = candidates[at]
        words = frozenset(split_words(candidate.about.title))
        if b[at] < tau_b or s[at] < tau_s:
            rejected["judges"].append(candidate.id)
        elif any(_jaccard(words, other) >= caps.same_title for other in titles):
            rejected["same title"].append(candidate.id)
        elif categories[candidate.about.leaf] >= caps.per_category:
            rejected["category"].append(candidate.id)
        elif len(kept) >= caps.per_query:
            rejected["query"].append(candidate.id)
        else:
            titles.append(words)
            categories[candidate.about.leaf] += 1
            kept.append(_pair(query, type, candidate, float(b[at]), float(s[at])))
    enough = len(kept) >= caps.min_pairs
    return Curated(
        pairs=tuple(kept) if enough else (),
        rejected={reason: tuple(ids) for reason, ids in rejected.items()},
        dropped=not enough,
    )


def _pair(query: str, type: str, candidate: Candidate, b: float, s: float) -> SyntheticPair:
    used = candidate.best.rewriting
    return SyntheticPair(x=query, p=candidate.id, y_used=used.text, by=used.by, j=used.confidence, b=b, s=s, type=type)


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other) if one or other else 1.0
