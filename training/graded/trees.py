"""The annotator that learns from judgments alone: LightGBM over the blender's features. Seconds on one core."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from multirecall.core.errors import InvalidInput
from multirecall.encoders.fingerprint import fingerprint
from multirecall.training.graded.evidence import Evidence
from multirecall.training.graded.groups import GradedGroup

__all__ = ["TreeAnnotator", "learn_trees"]

Floats = NDArray[np.float64]

ROUNDS = 150
_LEAST_PAIRS = 100


class TreeAnnotator:
    """Probabilities of levels from what the search knows of a pair."""

    def __init__(self, booster: Any, evidence: Evidence, n_levels: int) -> None:
        self._booster = booster
        self._evidence = evidence
        self._n_levels = n_levels
        self._fingerprint = fingerprint({"annotator": "trees", "model": booster.model_to_string()})

    @property
    def n_levels(self) -> int:
        return self._n_levels

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    def grade(self, pairs: Sequence[tuple[str, str]]) -> Floats:
        """As `Annotator.grade`; asks the engine twice for each different query."""
        found = np.full((len(pairs), self._n_levels), np.nan)
        by_query: dict[str, list[int]] = {}
        for at, (query, _) in enumerate(pairs):
            by_query.setdefault(query, []).append(at)
        for query, places in by_query.items():
            rows = self._evidence.of(query, [pairs[at][1] for at in places])
            known = ~np.isnan(rows).all(axis=1)
            if known.any():
                found[np.array(places)[known]] = self._booster.predict(rows[known], num_threads=1)
        return found


def learn_trees(
    groups: Sequence[GradedGroup],
    evidence: Evidence,
    *,
    n_levels: int,
    rounds: int = ROUNDS,
    seed: int = 0,
    advance: Callable[[], None] = lambda: None,
) -> TreeAnnotator:
    """Learns from the pairs of these groups, which must be of training queries only; `advance` is called per group.

    Each pair counts by its weight; one whose product the index does not have is left out. Blocks: some 60 ms a query to
    ask, and seconds to learn. Raises InvalidInput for fewer than 100 pairs or fewer than two levels.
    """
    parts = []
    for group in groups:
        parts.append(evidence.of(group.query, group.products))
        advance()
    rows = np.concatenate(parts) if parts else np.empty((0, len(evidence.names)))
    known = ~np.isnan(rows).all(axis=1)
    rows = rows[known]
    labels = np.array([level for group in groups for level in group.grades])[known]
    weights = np.array([group.weight(at) for group in groups for at in range(len(group))])[known]
    if len(labels) < _LEAST_PAIRS or len(set(labels.tolist())) < 2:
        raise InvalidInput(
            f"An annotator learns from {_LEAST_PAIRS} judged pairs or more of two levels, got {len(labels)} pairs.",
            hint="Judge more pairs (multirecall pool), or name an endpoint or a cross-encoder.",
            field="judgments",
        )
    parameters = {
        "objective": "multiclass", "num_class": n_levels, "learning_rate": 0.05, "num_leaves": 15,
        "min_data_in_leaf": max(5, min(100, len(rows) // 50)), "lambda_l2": 5.0, "feature_fraction": 0.4,
        "bagging_fraction": 0.7, "bagging_freq": 1, "max_bin": 127, "seed": seed, "deterministic": True,
        "force_col_wise": True, "num_threads": 1, "verbosity": -1,
    }  # fmt: skip
    booster = lightgbm.train(parameters, lightgbm.Dataset(rows, labels, weight=weights), num_boost_round=rounds)
    return TreeAnnotator(booster, evidence, n_levels)
