"""Rules found by search: which queries, told by one or two conditions, lose nothing without a route."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from multirecall.core.errors import InvalidInput
from multirecall.recall.policy import Condition

__all__ = ["Learning", "find_rules"]

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

_THRESHOLDS = 6  # per feature
_PRIOR = 10.0  # queries' worth of the variance of all, so that a few equal ones do not look certain


@dataclass(frozen=True, slots=True, kw_only=True)
class Learning:
    """How rules are learned. `tolerance`: the mean fall of the figure over **all** queries that may be paid.

    `certainty`: a set of queries counts with the upper end of its fall, mean plus so many standard errors (1.64: one-
    sided 95%). `least_queries` that a rule must cover in learning; `most_rules` per route.
    """

    tolerance: float = 0.002
    alpha: float = 0.05
    certainty: float = 1.64
    least_queries: int = 10
    most_rules: int = 3
    n_folds: int = 5
    seed: int = 7

    def __post_init__(self) -> None:
        if not 0.0 <= self.tolerance < 1.0 or not 0.0 < self.alpha < 1.0 or not self.certainty >= 0.0:
            raise InvalidInput("tolerance and alpha are shares, certainty is 0 or more.", field="tolerance")
        if self.least_queries < 2 or self.most_rules < 1 or self.n_folds < 2:
            raise InvalidInput(
                "A rule needs 2 queries, a policy a rule, a cross-validation 2 folds.", field="least_queries"
            )


def find_rules(
    shapes: Sequence[Mapping[str, float]], falls: Floats, learning: Learning
) -> tuple[tuple[Condition, ...], ...]:
    """Rules, each of one or two conditions, whose queries together lose at most `learning.tolerance` on the mean.

    `shapes` are the features of each query, `falls` (n,) what its figure loses without the route (below 0: gains).
    Greedy: of all rules that fit the budget the one that covers most queries not covered yet, then the lowest fall,
    then the fewest conditions. Empty if no rule fits.
    """
    n = len(falls)
    conditions = _conditions(shapes)
    if not n or not conditions:
        return ()
    holds = np.array([[c.holds(shape[c.feature]) for shape in shapes] for c in conditions], dtype=np.bool_)
    rules: list[tuple[int, ...]] = [(at,) for at in range(len(conditions))]
    rules += [
        (a, b) for a, b in combinations(range(len(conditions)), 2) if conditions[a].feature != conditions[b].feature
    ]
    covers = np.array([holds[list(rule)].all(axis=0) for rule in rules], dtype=np.bool_)
    free = np.ones(n, dtype=np.bool_)
    budget = learning.tolerance * n
    found: list[tuple[Condition, ...]] = []
    for _ in range(learning.most_rules):
        new = covers & free
        upper = _upper_falls(new, falls, learning.certainty)
        counts = new.sum(axis=1)
        fits = [at for at in range(len(rules)) if counts[at] >= learning.least_queries and upper[at] <= budget]
        if not fits:
            break
        best = min(fits, key=lambda at: (-counts[at], upper[at], len(rules[at]), at))
        found.append(tuple(conditions[at] for at in rules[best]))
        budget -= max(0.0, upper[best])  # what one rule gains pays for none of the next
        free &= ~covers[best]
    return tuple(found)


def _conditions(shapes: Sequence[Mapping[str, float]]) -> list[Condition]:
    """Both sides of the thresholds of each feature, halfway between values that occur."""
    conditions = []
    for name in shapes[0] if shapes else ():
        values = np.unique([shape[name] for shape in shapes])
        middles = (values[1:] + values[:-1]) / 2.0
        if len(middles) > _THRESHOLDS:
            observed = np.array([shape[name] for shape in shapes])
            wanted = np.quantile(observed, np.linspace(0, 1, _THRESHOLDS + 2)[1:-1])
            middles = middles[np.unique(np.clip(np.searchsorted(middles, wanted), 0, len(middles) - 1))]
        conditions += [
            Condition(feature=name, above=above, threshold=float(np.floor(middle) + 0.5))
            for middle in middles
            for above in (True, False)
        ]
    return list(dict.fromkeys(conditions))


def _upper_falls(covered: NDArray[np.bool_], falls: Floats, certainty: float) -> Floats:
    """Upper end of the summed fall of each row's queries. `covered`: (rules, n); returns (rules,)."""
    counts = covered.sum(axis=1)
    sums = covered @ falls
    means = sums / np.maximum(counts, 1)
    squares = covered @ falls**2 - counts * means**2
    spread = float(falls.var())
    variance = (np.maximum(squares, 0.0) + _PRIOR * spread) / np.maximum(counts - 1 + _PRIOR, 1.0)
    upper: Floats = sums + certainty * np.sqrt(variance * counts)
    return upper
