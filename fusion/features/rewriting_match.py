"""How well a candidate's words are those of the query's rewritings: what nobody typed, but may have been meant."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multirecall.fusion.features.base import MISSING, Feature, FeatureGroup
from multirecall.fusion.features.pool import Pool
from multirecall.fusion.features.text_match import NEAR_WORDS, TEXT_MATCH

__all__ = ["N_REWRITINGS", "REWRITING_MATCH", "REWRITTEN"]

N_REWRITINGS = 2
"""So many of the surest rewritings are looked at: each costs as much as the query's own text."""

REWRITTEN = "rewritten."
"""What the names of these features begin with."""

_OF = (TEXT_MATCH, NEAR_WORDS)
_NAMES = (
    "title.coverage",
    "title.idf_coverage",
    "text.coverage",
    "text.idf_coverage",
    "title.phrase",
    "title.precision",
    "title.near",
    "title.idf_near",
)
"""Where more is better, so that the best rewriting is the one with the highest value."""


class _Rewritten:
    """What each group sees of the pool if a rewriting were the query, for each of the surest ones."""

    def __init__(self, pool: Pool) -> None:
        pools = [pool.reworded(one.text) for one in pool.query.rewritings[:N_REWRITINGS]]
        self.views = cache(lambda group: [group.view(one) for one in pools])

    def best(self, group: FeatureGroup[Any], feature: Feature[Any]) -> NDArray[np.float64] | float:
        """The feature by the rewriting that speaks most for each candidate; missing if there is no rewriting."""
        best: np.ufunc = np.fmax  # of a number and a missing value the number
        return reduce(best, [feature.column(view) for view in self.views(group)], MISSING)


def _feature(group: FeatureGroup[Any], feature: Feature[Any]) -> Feature[_Rewritten]:
    return replace(
        feature,
        name=REWRITTEN + feature.name,
        description=f"{feature.description}, by its best rewriting",
        column=lambda rewritten: rewritten.best(group, feature),
    )


REWRITING_MATCH: FeatureGroup[_Rewritten] = FeatureGroup(
    name=f"RewritingMatch of {N_REWRITINGS}",  # part of the fingerprint: with another number they mean another thing
    view=_Rewritten,
    features=tuple(_feature(group, one) for group in _OF for one in group.features if one.name in _NAMES),
)
