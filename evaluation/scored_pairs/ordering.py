"""Are the grades of a query in order: exact above substitute, substitute above complement?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.scored_pairs.pairs import Floats, ScoredPairs

__all__ = ["Ordering", "ordering"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ordering:
    """How often the grades of a query are strictly in order; equal scores are not.

    A group is a query with as many grades as asked for. `by_means`: the share of groups whose mean scores per grade
    fall from the best grade to the lowest. `by_representatives`: the chance that one product drawn of each grade does.
    `boundaries`: by neighbouring grades (higher, lower), the mean over the queries that have both of the share of pairs
    of products in order. The arrays, shape (n_queries,), are what paired intervals are made of; NaN where a query is no
    group, or lacks a grade.
    """

    n_groups: int
    by_means: float
    by_representatives: float
    boundaries: Mapping[tuple[float, float], float]
    means_ordered: Floats
    representatives_ordered: Floats
    boundary_ordered: Mapping[tuple[float, float], Floats]


def ordering(pairs: ScoredPairs, *, least_grades: int = 2) -> Ordering:
    """The order of the grades within each query; a group has `least_grades` of them or more, 2 at least.

    Raises InvalidInput if no query is a group, or `least_grades` is below 2.
    """
    if least_grades < 2:
        raise InvalidInput(f"A group has 2 grades or more, got {least_grades}.", field="least_grades")
    levels = pairs.levels
    n = pairs.n_queries
    by_means, by_drawn = np.full(n, np.nan), np.full(n, np.nan)
    boundaries = {pair: np.full(n, np.nan) for pair in pairwise(levels)}
    order = np.argsort(pairs.queries, kind="stable")
    edges = np.searchsorted(pairs.queries[order], np.arange(n + 1))
    for query in range(n):
        own = order[edges[query] : edges[query + 1]]
        scores, grades = pairs.scores[own], pairs.grades[own]
        of_level = {level: np.sort(scores[grades == level]) for level in levels}
        present = [values for values in of_level.values() if len(values)]
        if len(present) >= least_grades:
            means = [float(values.mean()) for values in present]
            by_means[query] = all(high > low for high, low in pairwise(means))
            by_drawn[query] = _chance_of_order(present)
        for (higher, lower), shares in boundaries.items():
            if len(of_level[higher]) and len(of_level[lower]):
                shares[query] = np.searchsorted(of_level[lower], of_level[higher], side="left").mean() / len(
                    of_level[lower]
                )
    n_groups = int(np.isfinite(by_means).sum())
    if not n_groups:
        raise InvalidInput(f"No query has products of {least_grades} grades.", field="grades")
    return Ordering(
        n_groups=n_groups,
        by_means=float(np.nanmean(by_means)),
        by_representatives=float(np.nanmean(by_drawn)),
        boundaries={pair: _mean(shares) for pair, shares in boundaries.items()},
        means_ordered=by_means,
        representatives_ordered=by_drawn,
        boundary_ordered=boundaries,
    )


def _chance_of_order(best_first: Sequence[Floats]) -> float:
    """The chance that scores drawn evenly, one of each ascending array, fall strictly; chains are counted by level."""
    below, chains = best_first[-1], np.full(len(best_first[-1]), 1.0 / len(best_first[-1]))
    for values in best_first[-2::-1]:
        reached = np.append(0.0, np.cumsum(chains))[np.searchsorted(below, values, side="left")]
        below, chains = values, reached / len(values)
    return float(chains.sum())


def _mean(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else math.nan
