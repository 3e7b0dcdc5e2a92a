"""FeatureSet: which features a model was trained on, in which order, by which formulas."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multirecall.core.errors import InvalidSettings
from multirecall.fusion.features.base import Feature, FeatureGroup
from multirecall.fusion.features.neighbours import BLEND, Kind, LikeTheFirst
from multirecall.fusion.features.number_match import NumberMatch
from multirecall.fusion.features.pool import Pool
from multirecall.fusion.features.product import ProductState
from multirecall.fusion.features.query import QueryShape
from multirecall.fusion.features.routes import Agreement, RouteSignals
from multirecall.fusion.features.text_match import NearWords, TextMatch

__all__ = ["FeatureSet"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureSet:
    """All feature groups over the named routes; a value."""

    routes: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.routes or len(set(self.routes)) != len(self.routes):
            raise InvalidSettings(f"A feature set needs different routes, at least one: {self.routes}.", field="routes")

    @property
    def groups(self) -> tuple[FeatureGroup, ...]:
        names = sorted(self.routes)
        return (
            *(RouteSignals(route=name) for name in names),
            Agreement(),
            QueryShape(),
            TextMatch(),
            NearWords(),
            NumberMatch(),
            ProductState(),
            *(LikeTheFirst(of=name) for name in names),
            LikeTheFirst(of=BLEND),
            LikeTheFirst(of=BLEND, n=30),
            Kind(),
        )

    @property
    def features(self) -> tuple[Feature, ...]:
        return tuple(feature for group in self.groups for feature in group.features)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(feature.name for feature in self.features)

    @property
    def fingerprint(self) -> str:
        """16 hex digits over the names in order and the revision of each group's formulas."""
        body = [[type(group).__name__, group.revision, [f.name for f in group.features]] for group in self.groups]
        return hashlib.sha256(json.dumps(body).encode()).hexdigest()[:16]

    def matrix(self, pool: Pool) -> NDArray[np.float64]:
        """Shape (number of candidates, number of features), candidates in the order of `pool.ids`."""
        if not len(pool):
            return np.empty((0, len(self.features)))
        return np.column_stack([column for group in self.groups for column in group(pool)])
