"""Pools to matrices: one row per candidate, grouped by query, with routes left out in some copies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from multirecall.fusion.features.feature_set import FeatureSet
from multirecall.fusion.features.pool import Analyse, Pool
from multirecall.fusion.features.product_words import ProductWords
from multirecall.fusion.features.term_statistics import TermStatistics
from multirecall.training.blender.collecting import JudgedPool

__all__ = ["REWRITINGS", "Example", "Featuriser"]

Floats = NDArray[np.float64]

REWRITINGS = "rewritings"
"""What is left out beside routes: the query in other words."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Example:
    """The candidates of one query. `matrix` (n, features); `grades` (n,), 0 for unjudged ones; `judged` (n,) says which
    are judged; `weights` (n,) of the judgments. `without` names what is left out: routes, or `REWRITINGS`."""

    qid: str
    ids: tuple[str, ...]
    matrix: Floats
    grades: Floats
    judged: NDArray[np.bool_]
    weights: Floats
    without: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Featuriser:
    """Makes examples as the blender will see them when it serves: by the same pool and the same feature set."""

    features: FeatureSet
    analyse: Analyse
    terms: TermStatistics
    language: str = "none"
    """Of the index, as its schema names it; `none` if it is not known: features that need it are missing then."""
    _made: dict[tuple[int, tuple[str, ...]], tuple[JudgedPool, Example]] = field(default_factory=dict, repr=False)
    """By the pool's identity, with the pool itself, so that no other one can take its place in memory."""
    _words: ProductWords = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_words", ProductWords(self.terms))

    def example(self, pool: JudgedPool, *, without: Sequence[str] = ()) -> Example:
        """The candidates of the routes that are left; no row if there is none. `without` as in `Example`.

        Made once per pool and what is left out: every fold asks for nearly all of them, twice. Kept as long as this.
        """
        key = (id(pool), tuple(without))
        if key not in self._made:
            self._made[key] = (pool, self._example(pool, without))
        return self._made[key][1]

    def _example(self, pool: JudgedPool, without: Sequence[str]) -> Example:
        rankings = [ranking for ranking in pool.rankings if ranking.route not in without]
        candidates = Pool(
            replace(pool.query, rewritings=()) if REWRITINGS in without else pool.query,
            rankings,
            routes=self.features.routes,
            analyse=self.analyse,
            words=self._words,
            language=self.language,
        )
        return Example(
            qid=pool.qid,
            ids=candidates.ids,
            matrix=self.features.matrix(candidates),
            grades=np.array([pool.grades.get(product_id, 0.0) for product_id in candidates.ids]),
            judged=np.array([product_id in pool.grades for product_id in candidates.ids], dtype=np.bool_),
            weights=np.array([pool.weights.get(product_id, 1.0) for product_id in candidates.ids]),
            without=tuple(without),
        )
