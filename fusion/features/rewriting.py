"""What other texts for the query's need say about a candidate: which of them brought it, and how sure that one is."""

from __future__ import annotations

import numpy as np

from multirecall.core.ranking import Ranking
from multirecall.fusion.features.base import MISSING, Column, Feature, FeatureGroup
from multirecall.fusion.features.pool import Pool

__all__ = ["rewriting_signals"]


class _Rewritings:
    """The rewritings of one route, and of each candidate the confidence of the one that it owes most to."""

    def __init__(self, pool: Pool, of: str) -> None:
        ranking = pool.rankings.get(of)
        self.rewritings = ranking.rewritings if ranking is not None and pool.routes[of].ran else ()
        self.ran = pool.routes[of].ran
        self.confidence: Column = np.full(len(pool), MISSING)
        if ranking is not None and ranking.brought_by and self.ran:
            self.confidence[pool.routes[of].positions] = _confidences(ranking)
        found = [np.isfinite(columns.rank) for name, columns in pool.routes.items() if name != of]
        self.elsewhere = np.any(found, axis=0) if found else np.zeros(len(pool), dtype=np.bool_)

    def alone(self) -> Column | float:
        """Whether only a rewriting brought it."""
        return np.asarray(~self.elsewhere & np.isfinite(self.confidence), dtype=np.float64) if self.ran else MISSING


def _confidences(ranking: Ranking) -> list[float]:
    return [ranking.rewritings[place].confidence for place in ranking.brought_by]


def rewriting_signals(of: str) -> FeatureGroup[_Rewritings]:
    """Of a route that asks other texts; all missing where it did not run, as with a query that it has nothing for."""
    return FeatureGroup(
        name="Rewriting",
        view=lambda pool: _Rewritings(pool, of),
        features=(
            Feature(
                name=f"{of}.confidence",
                description="how sure the rewriting is that brought it",
                column=lambda view: view.confidence,
            ),
            Feature(
                name=f"{of}.alone", description="1 if only a rewriting brought it", column=lambda view: view.alone()
            ),
            Feature(
                name=f"{of}.surest",
                description="query: how sure its surest rewriting is",
                column=lambda view: max((one.confidence for one in view.rewritings), default=MISSING),
            ),
            Feature(
                name=f"{of}.rewritings",
                description="query: number of rewritings",
                column=lambda view: float(len(view.rewritings)) if view.ran else MISSING,
            ),
        ),
    )
