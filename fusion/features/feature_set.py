"""FeatureSet: which features a model was trained on, in which order, by which formulas."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multirecall.core.errors import InvalidSettings
from multirecall.fusion.features.base import MISSING, Feature, FeatureGroup
from multirecall.fusion.features.category_match import CATEGORY_MATCH
from multirecall.fusion.features.neighbours import BLEND, KIND, like_the_first
from multirecall.fusion.features.number_match import NUMBER_MATCH
from multirecall.fusion.features.pool import Pool
from multirecall.fusion.features.product import PRODUCT_STATE
from multirecall.fusion.features.query import QUERY_SHAPE
from multirecall.fusion.features.rewriting import rewriting_signals
from multirecall.fusion.features.rewriting_match import REWRITING_MATCH
from multirecall.fusion.features.routes import AGREEMENT, route_signals
from multirecall.fusion.features.text_match import NEAR_WORDS, TEXT_MATCH

__all__ = ["FeatureSet"]

REWRITING_ROUTE = "rewrite"
"""The route whose rankings hold rewritings; without it a set is what it was before there was one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureSet:
    """All feature groups over the named routes; a value. `rewritings`: those of the query's rewritings as well."""

    routes: tuple[str, ...]
    rewritings: bool = False

    def __post_init__(self) -> None:
        if not self.routes or len(set(self.routes)) != len(self.routes):
            raise InvalidSettings(f"A feature set needs different routes, at least one: {self.routes}.", field="routes")

    @property
    def groups(self) -> tuple[FeatureGroup[Any], ...]:
        return _groups(tuple(sorted(self.routes)), self.rewritings)

    @property
    def features(self) -> tuple[Feature[Any], ...]:
        return tuple(feature for group in self.groups for feature in group.features)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(feature.name for feature in self.features)

    @property
    def fingerprint(self) -> str:
        """16 hex digits over the names in order and the revision of each group's formulas."""
        body = [[group.name, group.revision, [f.name for f in group.features]] for group in self.groups]
        return hashlib.sha256(json.dumps(body).encode()).hexdigest()[:16]

    def matrix(self, pool: Pool, *, wanted: Sequence[bool] | None = None) -> NDArray[np.float64]:
        """Shape (number of candidates, number of features), candidates in the order of `pool.ids`.

        `wanted` says of each feature whether anybody reads it: others cost nothing, and are missing. In Fortran order:
        each feature's values lie side by side, as they are made.
        """
        n_features = len(self.features)
        wanted = (True,) * n_features if wanted is None else wanted
        rows = np.full((n_features, len(pool)), MISSING)
        if len(pool):
            at = 0
            for group in self.groups:
                end = at + len(group.features)
                group.write(pool, rows[at:end], wanted[at:end])
                at = end
        return rows.T


@lru_cache(maxsize=64)
def _groups(routes: tuple[str, ...], rewritings: bool) -> tuple[FeatureGroup[Any], ...]:
    return (
        *map(route_signals, routes),
        *(rewriting_signals(route) for route in routes if route == REWRITING_ROUTE),
        AGREEMENT,
        QUERY_SHAPE,
        TEXT_MATCH,
        NEAR_WORDS,
        NUMBER_MATCH,
        *((REWRITING_MATCH,) if rewritings else ()),
        CATEGORY_MATCH,
        PRODUCT_STATE,
        *map(like_the_first, routes),
        like_the_first(BLEND),
        like_the_first(BLEND, 30),
        KIND,
    )
