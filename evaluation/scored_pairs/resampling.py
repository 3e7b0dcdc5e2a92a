"""Pooled measures over queries drawn again: is the difference of two encoders more than luck?

A pooled measure (global AUC, overlap, F1) is no mean over queries, so its interval comes from drawing whole queries
with replacement and measuring anew. A draw is how often each query came; every measure here is computed from such
counts for many draws at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.paired_test import Interval
from multirecall.evaluation.scored_pairs.pairs import Floats, Mask, ScoredPairs
from multirecall.evaluation.scored_pairs.thresholding import LEAST_CALLED
from multirecall.evaluation.weighted_means import percentile_interval

__all__ = ["Gain", "Statistic", "auc_of", "f1_of", "mean_gap_of", "mean_of", "overlap_of", "paired_gains", "spread_of"]

Statistic = Callable[[Floats], Floats]
"""Counts of shape (draws, n_queries) in, the measure of each draw out, shape (draws,); NaN where it has none."""

_CHUNK_CELLS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """A measure of two encoders on the same pairs: `interval` is that of the difference, new less old."""

    old: float
    new: float
    difference: float
    interval: Interval

    @property
    def relative(self) -> float:
        """The difference as a share of the old value; NaN if that is 0."""
        return self.difference / self.old if self.old else float("nan")

    @property
    def significant(self) -> bool:
        """Whether 0 lies outside the interval."""
        return self.interval.low > 0.0 or self.interval.high < 0.0


def paired_gains(
    measures: Mapping[str, tuple[Statistic, Statistic]],
    n_queries: int,
    *,
    n_pairs: int | None = None,
    rounds: int = 1_000,
    confidence: float = 0.95,
    seed: int = 7,
) -> dict[str, Gain]:
    """The gain in each measure, (old, new), with its percentile bootstrap interval: one draw serves all of them.

    A draw in which a measure does not exist (a grade that was not drawn) is left out of its interval. `n_pairs` is only
    what memory is planned by. Costs about `rounds * n_pairs` steps per measure. Efron & Tibshirani 1993, chapter 13.
    Raises InvalidInput for fewer than two queries, no round, and a measure that does not exist in any draw.
    """
    if n_queries < 2 or rounds < 1:
        raise InvalidInput("Resampling needs two queries and a round at least.", field="rounds")
    generator = np.random.default_rng(seed)
    size = max(1, _CHUNK_CELLS // max(n_queries, n_pairs or 0))
    differences: dict[str, list[Floats]] = {name: [] for name in measures}
    for start in range(0, rounds, size):
        m = min(size, rounds - start)
        drawn = generator.integers(0, n_queries, size=(m, n_queries)) + np.arange(m)[:, None] * n_queries
        counts = np.bincount(drawn.ravel(), minlength=m * n_queries).reshape(m, n_queries).astype(np.float64)
        for name, (old, new) in measures.items():
            differences[name].append(new(counts) - old(counts))
    gains = {}
    once = np.ones((1, n_queries))
    for name, (old, new) in measures.items():
        moved = np.concatenate(differences[name])
        moved = moved[np.isfinite(moved)]
        was, became = float(old(once)[0]), float(new(once)[0])
        if not len(moved) or not np.isfinite(became - was):
            raise InvalidInput(f"{name} does not exist for these pairs.", field="measures")
        gains[name] = Gain(
            old=was, new=became, difference=became - was, interval=percentile_interval(moved, confidence)
        )
    return gains


def auc_of(pairs: ScoredPairs, up: Mask, down: Mask) -> Statistic:
    """The global AUC of some pairs above others: `separation.auc` of each draw. Shapes (n,) as the pairs."""
    order = np.flatnonzero(down)[np.argsort(pairs.scores[down], kind="stable")]
    low_scores, low_queries, high_queries = pairs.scores[order], pairs.queries[order], pairs.queries[up]
    below = np.searchsorted(low_scores, pairs.scores[up], side="left")
    up_to = np.searchsorted(low_scores, pairs.scores[up], side="right")

    def statistic(counts: Floats) -> Floats:
        passed = np.zeros((len(counts), len(order) + 1))
        np.cumsum(counts[:, low_queries], axis=1, out=passed[:, 1:])
        of_high = counts[:, high_queries]
        won = np.einsum("ij,ij->i", of_high, passed[:, below]) + np.einsum("ij,ij->i", of_high, passed[:, up_to])
        return _ratio(won, 2.0 * of_high.sum(axis=1) * passed[:, -1])

    return statistic


def overlap_of(pairs: ScoredPairs, first: float, second: float, *, bins: int = 50) -> Statistic:
    """The overlap of two grades' histograms: `separation.overlap` of each draw, in the bins of all pairs of the two."""
    taken = (pairs.grades == first) | (pairs.grades == second)
    edges = np.histogram_bin_edges(pairs.scores[taken], bins=bins)
    bin_of = np.clip(np.searchsorted(edges, pairs.scores, side="right") - 1, 0, bins - 1)
    tables = [_per_query(pairs, pairs.grades == grade, bin_of, bins) for grade in (first, second)]

    def statistic(counts: Floats) -> Floats:
        drawn = [counts @ table for table in tables]
        shares = [_ratio(one, one.sum(axis=1, keepdims=True)) for one in drawn]
        overlaps: Floats = np.minimum(*shares).sum(axis=1)
        return overlaps

    return statistic


def mean_gap_of(pairs: ScoredPairs, higher: float, lower: float) -> Statistic:
    """The mean score of one grade less that of another."""
    up, down = (mean_of(pairs, pairs.grades == grade) for grade in (higher, lower))
    return lambda counts: up(counts) - down(counts)


def mean_of(pairs: ScoredPairs, taken: Mask) -> Statistic:
    """The mean score of some of the pairs."""
    sums = np.bincount(pairs.queries[taken], weights=pairs.scores[taken], minlength=pairs.n_queries)
    sizes = np.bincount(pairs.queries[taken], minlength=pairs.n_queries)
    return lambda counts: _ratio(counts @ sums, counts @ sizes)


def f1_of(pairs: ScoredPairs, called: Mask, relevant: Mask) -> Statistic:
    """F1 of what was called relevant, by thresholds that the draws do not move. Shapes (n,) as the pairs."""
    right, n_called, n_relevant = (
        np.bincount(pairs.queries[which], minlength=pairs.n_queries) for which in (called & relevant, called, relevant)
    )
    return lambda counts: _ratio(2.0 * (counts @ right), counts @ (n_called + n_relevant))


def spread_of(pairs: ScoredPairs, called: Mask, relevant: Mask) -> Statistic:
    """The standard deviation of precision over the categories that have LEAST_CALLED called pairs or more."""
    n = len(pairs.category_ids)
    kept = np.bincount(pairs.categories[called], minlength=n) >= LEAST_CALLED
    tables = [_per_query(pairs, which, pairs.categories, n)[:, kept] for which in (called & relevant, called)]

    def statistic(counts: Floats) -> Floats:
        right, n_called = (counts @ table for table in tables)
        precisions = _ratio(right, n_called)
        known = np.isfinite(precisions)
        size = known.sum(axis=1)
        filled = np.where(known, precisions, 0.0)
        means = _ratio(filled.sum(axis=1), size)
        squares = np.where(known, (precisions - means[:, None]) ** 2, 0.0).sum(axis=1)
        return np.where(size > 1, np.sqrt(_ratio(squares, size)), np.nan)

    return statistic


def _per_query(pairs: ScoredPairs, taken: Mask, column: np.ndarray, n_columns: int) -> Floats:
    """How many of the pairs taken each query has in each column. Shape (n_queries, n_columns)."""
    cells = pairs.queries[taken] * n_columns + column[taken]
    counted = np.bincount(cells, minlength=pairs.n_queries * n_columns)
    return counted.reshape(pairs.n_queries, n_columns).astype(np.float64)


def _ratio(numerators: Floats, denominators: Floats) -> Floats:
    """NaN where the denominator is 0."""
    out = np.full(np.broadcast_shapes(np.shape(numerators), np.shape(denominators)), np.nan)
    np.divide(numerators, denominators, out=out, where=np.asarray(denominators) > 0)
    return out
