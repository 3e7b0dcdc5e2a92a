"""Thresholds with a guarantee, per category: at most a tenth of what is called relevant is not, with 95 % confidence.

A threshold that keeps its promise on the judged queries breaks it on half of all others: it was chosen for looking good
there. Here one part of the queries chooses how to test, the other tests. For a threshold t a query has

    x = (share of irrelevant pairs among its pairs of score >= t) - share,  0 without such pairs

and t keeps the promise if E[x] <= 0. The capital of a gambler who bets that it does, `product of 1 - stake * x`, is
expected not to grow if it does not; so a capital of 1 / (1 - confidence) has at most the chance `1 - confidence` of
arising by luck (Ville 1939; I. Waudby-Smith, A. Ramdas, "Estimating means of bounded random variables by betting", JRSS
B 2024). Thresholds are tested from the most promising one downwards until one fails, which costs no confidence (A.
Angelopoulos et al., "Learn then Test", 2021). No distribution is assumed, and pairs of one query may depend on each
other; queries must be drawn as those to come. Every query counts alike, however many of its pairs are called: a query
of many could otherwise break the promise alone, and nothing could be certified with less than thousands.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.scored_pairs.pairs import Floats, Ints, Mask, ScoredPairs

__all__ = ["CertifiedThresholds", "certified_thresholds"]

_CHOOSING = 0.4  # of the queries choose what to test, the others test it
_CANDIDATES = 64
_BOLDEST = 0.9  # of the stake at which one bad query could cost the whole capital


@dataclass(frozen=True, slots=True, kw_only=True)
class CertifiedThresholds:
    """The lowest thresholds that are certified: `overall` for all queries, `of_category` where there was evidence.

    A threshold of infinity calls nothing relevant: the promise could not be certified. The confidence is that of each
    threshold, not of all together.
    """

    overall: float
    of_category: Mapping[Any, float]
    share: float
    confidence: float

    def of(self, category: Any) -> float:
        """The category's own threshold, or the overall one where there was too little evidence for one."""
        return self.of_category.get(category, self.overall)


def certified_thresholds(
    pairs: ScoredPairs,
    *,
    share: float = 0.1,
    confidence: float = 0.95,
    relevant_from: float = 1.0,
    seed: int = 7,
) -> CertifiedThresholds:
    """The lowest threshold at which at most `share` of a query's pairs with that score or more are irrelevant.

    Args:
        pairs: Judged pairs of queries that the encoder has not learned from.
        share: Between 0 and 1: of the pairs called relevant, the mean over the queries to come that have some.
        confidence: The chance, over the draw of these queries, that a threshold keeps its promise.
        relevant_from: The least grade that is relevant.
        seed: Of the split of the queries.

    Raises InvalidInput for a share or confidence
    that does not lie between 0 and 1.
    """
    for name, value in (("share", share), ("confidence", confidence)):
        if not 0.0 < value < 1.0:
            raise InvalidInput(f"{name} must lie between 0 and 1, got {value}.", field=name)
    chooses = np.random.default_rng(seed).random(pairs.n_queries) < _CHOOSING
    irrelevant = pairs.grades < relevant_from
    of_category = {}
    for at, name in enumerate(pairs.category_ids.tolist()):
        threshold = _certified(pairs, pairs.categories == at, irrelevant, chooses, share, confidence)
        if math.isfinite(threshold):
            of_category[name] = threshold
    return CertifiedThresholds(
        overall=_certified(pairs, np.ones(len(pairs), dtype=np.bool_), irrelevant, chooses, share, confidence),
        of_category=of_category,
        share=share,
        confidence=confidence,
    )


def _certified(
    pairs: ScoredPairs, taken: Mask, irrelevant: Mask, chooses: Mask, share: float, confidence: float
) -> float:
    """The lowest certified threshold for the pairs taken; infinity if there is none."""
    queries, scores, wrong = pairs.queries[taken], pairs.scores[taken], irrelevant[taken]
    choosing = chooses[queries]
    if not choosing.any() or choosing.all():
        return math.inf
    candidates = np.unique(np.quantile(scores[choosing], np.linspace(0.0, 1.0, _CANDIDATES), method="higher"))[::-1]
    present, at = np.unique(queries, return_inverse=True)
    tests = ~chooses[present]
    gains = _gains(at, len(present), scores, wrong, candidates, share)
    means, squares = gains[~tests].mean(axis=0), (gains[~tests] ** 2).mean(axis=0)
    stakes = np.clip(np.divide(means, squares, out=np.zeros_like(means), where=squares > 0), 0, _BOLDEST / (1 - share))
    growths = np.log1p(stakes * gains)
    first = int(np.argmax(growths[~tests].mean(axis=0)))
    failed = np.flatnonzero(growths[tests].sum(axis=0)[first:] < -math.log(1.0 - confidence))
    n_certified = int(failed[0]) if len(failed) else len(candidates) - first
    return float(candidates[first + n_certified - 1]) if n_certified else math.inf


def _gains(at: Ints, n: int, scores: Floats, wrong: Mask, candidates: Floats, share: float) -> Floats:
    """-x of each query and candidate, shape (n, candidates); candidates fall."""
    reached = len(candidates) - np.searchsorted(candidates[::-1], scores, side="right")  # the first that is not above
    counted = reached < len(candidates)
    cells = at[counted] * len(candidates) + reached[counted]
    n_called, n_wrong = (
        np.cumsum(np.bincount(cells, weights=of, minlength=n * len(candidates)).reshape(n, -1), axis=1)
        for of in (None, wrong[counted])
    )
    return np.where(n_called > 0, share - n_wrong / np.maximum(n_called, 1), 0.0)
