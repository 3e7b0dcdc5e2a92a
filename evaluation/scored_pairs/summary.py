"""All that is said of an encoder's scores on judged pairs, and of one encoder against another."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.paired_test import bootstrap_interval
from multirecall.evaluation.scored_pairs.ordering import Ordering, ordering
from multirecall.evaluation.scored_pairs.pairs import Floats, ScoredPairs
from multirecall.evaluation.scored_pairs.resampling import (
    Gain,
    Statistic,
    auc_of,
    f1_of,
    mean_gap_of,
    overlap_of,
    paired_gains,
    spread_of,
)
from multirecall.evaluation.scored_pairs.thresholding import Thresholded, held_out_threshold
from multirecall.evaluation.separation import Separation, auc, separation

__all__ = ["EncoderSeparation", "compare_encoders", "encoder_separation"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EncoderSeparation:
    """`auc`: of the best grade above all others. `separation`: AUC, mean gap and overlap of each two grades, means and
    medians per grade, over all queries together. `thresholded`: one threshold, chosen on other queries. `ordering`: the
    grades within each query."""

    auc: float
    separation: Separation
    thresholded: Thresholded
    ordering: Ordering


def encoder_separation(
    pairs: ScoredPairs,
    *,
    validation: ScoredPairs | None = None,
    relevant_from: float = 1.0,
    least_grades: int = 2,
    folds: int = 5,
    bins: int = 50,
    seed: int = 7,
) -> EncoderSeparation:
    """How well the scores tell grades apart. The arguments are those of `held_out_threshold` and `ordering`.

    Raises InvalidInput as these do, and if all pairs have one grade.
    """
    best = pairs.grades == pairs.levels[0]
    return EncoderSeparation(
        auc=auc(pairs.scores[best], pairs.scores[~best]),
        separation=separation(pairs.scores, pairs.grades, bins=bins),
        thresholded=held_out_threshold(
            pairs, validation=validation, relevant_from=relevant_from, folds=folds, seed=seed
        ),
        ordering=ordering(pairs, least_grades=least_grades),
    )


def compare_encoders(
    old: tuple[ScoredPairs, EncoderSeparation],
    new: tuple[ScoredPairs, EncoderSeparation],
    *,
    rounds: int = 1_000,
    confidence: float = 0.95,
    bins: int = 50,
    seed: int = 7,
) -> dict[str, Gain]:
    """What the new encoder gains on the old one, with paired bootstrap intervals over queries.

    Both scored the same pairs. Names: `AUC` of the best grade above all others; for each two grades, as 2 and 1,
    `AUC 2>1`, `gap 2>1`, `overlap 2>1`; `F1` of the held-out thresholds, which stay as they were chosen; `spread` of
    precision over categories, where there are two; `order of means`, `order of representatives` and, for neighbouring
    grades, `order 2>1`.
    Raises InvalidInput if the pairs differ.
    """
    (old_pairs, was), (new_pairs, became) = old, new
    old_pairs.check_same_pairs(new_pairs)
    best = old_pairs.grades == old_pairs.levels[0]
    pooled: dict[str, tuple[Statistic, Statistic]] = {
        "AUC": (auc_of(old_pairs, best, ~best), auc_of(new_pairs, best, ~best))
    }
    for higher, lower in combinations(old_pairs.levels, 2):
        name = f"{higher:g}>{lower:g}"
        up, down = old_pairs.grades == higher, old_pairs.grades == lower
        pooled[f"AUC {name}"] = (auc_of(old_pairs, up, down), auc_of(new_pairs, up, down))
        pooled[f"gap {name}"] = (mean_gap_of(old_pairs, higher, lower), mean_gap_of(new_pairs, higher, lower))
        pooled[f"overlap {name}"] = (
            overlap_of(old_pairs, higher, lower, bins=bins),
            overlap_of(new_pairs, higher, lower, bins=bins),
        )
    cuts = (was.thresholded, became.thresholded)
    if not np.array_equal(cuts[0].relevant, cuts[1].relevant):
        raise InvalidInput("The two encoders were judged by two ideas of what is relevant.", field="new")
    of_cuts = list(zip((old_pairs, new_pairs), cuts, strict=True))
    before, after = (f1_of(pairs, cut.called, cut.relevant) for pairs, cut in of_cuts)
    pooled["F1"] = (before, after)
    if min(len(cut.precisions) for cut in cuts) > 1:
        before, after = (spread_of(pairs, cut.called, cut.relevant) for pairs, cut in of_cuts)
        pooled["spread"] = (before, after)
    gains = paired_gains(
        pooled, old_pairs.n_queries, n_pairs=len(old_pairs), rounds=rounds, confidence=confidence, seed=seed
    )
    orders = (was.ordering, became.ordering)
    per_query = {
        "order of means": (orders[0].means_ordered, orders[1].means_ordered),
        "order of representatives": (orders[0].representatives_ordered, orders[1].representatives_ordered),
    } | {
        f"order {pair[0]:g}>{pair[1]:g}": (orders[0].boundary_ordered[pair], orders[1].boundary_ordered[pair])
        for pair, figure in was.ordering.boundaries.items()
        if np.isfinite(figure)
    }
    return gains | {
        name: _mean_gain(before, after, rounds, confidence, seed) for name, (before, after) in per_query.items()
    }


def _mean_gain(old: Floats, new: Floats, rounds: int, confidence: float, seed: int) -> Gain:
    """Of means over queries; both lack the same ones."""
    known = np.isfinite(old)
    differences = new[known] - old[known]
    return Gain(
        old=float(old[known].mean()),
        new=float(new[known].mean()),
        difference=float(differences.mean()),
        interval=bootstrap_interval(differences, confidence=confidence, rounds=rounds, seed=seed),
    )
