"""One threshold for all queries: chosen on some, applied to others."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.scored_pairs.pairs import Floats, Mask, ScoredPairs
from multirecall.evaluation.separation import best_f1

__all__ = ["LEAST_CALLED", "Thresholded", "held_out_threshold"]

LEAST_CALLED = 10
"""A category of which fewer products are called relevant has no precision: it would be noise."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Thresholded:
    """What calling every pair with a score of at least the threshold relevant comes to.

    `threshold`: the mean of those applied (folds have one each), `called` and `relevant` per pair, shape (n,). `f1`,
    `precision` and `recall` are over all pairs. `best_f1` is what the best threshold for these very pairs would reach:
    the room that is left. `precisions` is per category with LEAST_CALLED called or more, `spread` their standard
    deviation; NaN below two categories.
    """

    threshold: float
    called: Mask
    relevant: Mask
    f1: float
    precision: float
    recall: float
    best_f1: float
    precisions: Mapping[Any, float]
    spread: float


def held_out_threshold(
    pairs: ScoredPairs,
    *,
    validation: ScoredPairs | None = None,
    relevant_from: float = 1.0,
    folds: int = 5,
    seed: int = 7,
) -> Thresholded:
    """The threshold of the best F1 on other queries, applied to these.

    With `validation` pairs it is chosen on those. Without, the queries are cut into `folds`, by `seed`, and each fold
    gets the threshold that is best on the others. A pair is relevant if its grade is `relevant_from` or more.

    Raises InvalidInput if a query is in both, if there are fewer queries than folds, and if no pair, or every one, is
    relevant where the threshold is chosen.
    """
    relevant = pairs.grades >= relevant_from
    if validation is not None:
        both = np.intersect1d(pairs.query_ids, validation.query_ids)
        if len(both):
            raise InvalidInput(
                f"{len(both)} queries are in both sets: {', '.join(map(str, both[:3]))}.",
                hint="Choose the threshold on queries that it is not judged by.",
                field="validation",
            )
        threshold = _chosen(validation.scores, validation.grades >= relevant_from)
        thresholds = np.full(len(pairs), threshold)
    else:
        thresholds = _cross_fitted(pairs, relevant, folds, seed)
    called = pairs.scores >= thresholds
    right, n_called, n_relevant = int((called & relevant).sum()), int(called.sum()), int(relevant.sum())
    precisions = _precisions(pairs, called, relevant)
    return Thresholded(
        threshold=float(thresholds.mean()),
        called=called,
        relevant=relevant,
        f1=2.0 * right / max(1, n_called + n_relevant),
        precision=right / max(1, n_called),
        recall=right / max(1, n_relevant),
        best_f1=best_f1(pairs.scores, relevant)[0],
        precisions=precisions,
        spread=float(np.std(list(precisions.values()))) if len(precisions) > 1 else math.nan,
    )


def _cross_fitted(pairs: ScoredPairs, relevant: Mask, folds: int, seed: int) -> Floats:
    if not 2 <= folds <= pairs.n_queries:
        raise InvalidInput(f"{pairs.n_queries} queries cannot be cut into {folds} folds.", field="folds")
    fold_of_query = np.random.default_rng(seed).permutation(pairs.n_queries) % folds
    fold = fold_of_query[pairs.queries]
    thresholds = np.empty(len(pairs))
    for one in range(folds):
        others = fold != one
        thresholds[~others] = _chosen(pairs.scores[others], relevant[others])
    return thresholds


def _chosen(scores: Floats, relevant: Mask) -> float:
    if not relevant.any() or relevant.all():
        raise InvalidInput(
            "A threshold needs relevant and irrelevant pairs.",
            hint="Judge more queries, or take another `relevant_from`.",
            field="relevant_from",
        )
    return best_f1(scores, relevant)[1]


def _precisions(pairs: ScoredPairs, called: Mask, relevant: Mask) -> dict[Any, float]:
    n = len(pairs.category_ids)
    if not n:
        return {}
    n_called = np.bincount(pairs.categories[called], minlength=n)
    right = np.bincount(pairs.categories[called & relevant], minlength=n)
    return {
        pairs.category_ids[at].item(): float(right[at] / n_called[at])
        for at in range(n)
        if n_called[at] >= LEAST_CALLED
    }
