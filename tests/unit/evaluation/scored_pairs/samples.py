"""Judged pairs whose scores rise with the grade by as much as is wished."""

from __future__ import annotations

import numpy as np

from multirecall.evaluation.scored_pairs import ScoredPairs, scored_pairs


def sample(
    *, gap: float = 0.2, noise: float = 0.2, n_queries: int = 40, per_query: int = 8, seed: int = 1
) -> ScoredPairs:
    """Grades and categories depend on the sizes alone; the levels of scores differ from query to query."""
    layout = np.random.default_rng(0)
    queries = np.repeat(np.arange(n_queries), per_query)
    grades = layout.integers(0, 3, size=len(queries))
    categories = layout.integers(0, 4, size=n_queries)[queries]
    drawn = np.random.default_rng(seed)
    offsets = 0.1 * drawn.standard_normal(n_queries)[queries]
    scores = gap * grades + offsets + noise * drawn.standard_normal(len(queries))
    return scored_pairs(queries + 100, grades, scores, categories)
