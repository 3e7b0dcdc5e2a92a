"""What an encoder is worth on held-out queries: before and after a training, query by query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multirecall.evaluation.measures import NDCG
from multirecall.evaluation.paired_test import bootstrap_interval
from multirecall.evaluation.separation import separation
from multirecall.training.dense.base import Tower
from multirecall.training.dense.scoring import scores_of
from multirecall.training.graded.groups import GradedGroup

__all__ = ["HeldOut", "compared", "held_out"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeldOut:
    """`ndcg`: condensed nDCG@10 of each query that has a level above 0; `scores` and `levels` of all judged pairs."""

    ndcg: NDArray[np.float64]
    scores: NDArray[np.float32]
    levels: NDArray[np.int64]


def held_out(tower: Tower, groups: Sequence[GradedGroup], texts: Mapping[str, str], *, k: int = 10) -> HeldOut:
    """Ranks the judged products of each query by the tower as it is."""
    scores = scores_of(tower, groups, texts)
    measure = NDCG(k=k)
    figures, start = [], 0
    for group in groups:
        own = scores[start : start + len(group)]
        start += len(group)
        if max(group.grades) > 0:
            ranked = [group.products[at] for at in np.argsort(-own, kind="stable")]
            figures.append(measure(ranked, dict(zip(group.products, map(float, group.grades), strict=True))))
    levels = np.array([level for group in groups for level in group.grades], dtype=np.int64)
    return HeldOut(ndcg=np.array(figures), scores=scores, levels=levels)


def compared(before: HeldOut, after: HeldOut) -> dict[str, Any]:
    """For the card: nDCG with the 95 % interval of its difference, and how well one threshold tells levels apart."""
    moved = after.ndcg - before.ndcg
    out: dict[str, Any] = {"queries": len(moved), "pairs": len(after.levels)}
    told_apart = len(set(after.levels.tolist())) > 1
    if len(moved) and told_apart:  # any order of products of one level is right
        interval = bootstrap_interval(moved)
        out["condensed nDCG@10"] = {
            "before": round(float(before.ndcg.mean()), 4),
            "after": round(float(after.ndcg.mean()), 4),
            "difference": round(float(moved.mean()), 4),
            "low": round(interval.low, 4),
            "high": round(interval.high, 4),
        }
    if told_apart:
        out["separation"] = {"before": _apart(before), "after": _apart(after)}
    return out


def _apart(held: HeldOut) -> dict[str, Any]:
    found = separation(held.scores, held.levels)
    return {
        "means": {f"{level:g}": round(mean, 3) for level, mean in sorted(found.means.items(), reverse=True)},
        "auc": {f"{pair.higher:g} over {pair.lower:g}": round(pair.auc, 4) for pair in found.pairs},
        "f1": round(found.f1, 4),
        "threshold": round(found.threshold, 4),
    }
