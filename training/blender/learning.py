"""LightGBM LambdaRank over examples: how the trees are grown, and when to stop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from multirecall.core.errors import InvalidInput
from multirecall.fusion.features.feature_set import FeatureSet
from multirecall.training.blender.examples import Example

__all__ = ["Growing", "grow", "grow_until_it_stops_helping"]

Floats = NDArray[np.float64]

_GRADE_STEPS = 8
"""Fractional grades (from clicks) are rounded to 1/8: LightGBM takes whole labels, each with its gain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Growing:
    """How the trees are grown. The defaults were found by cross-validation on the Icecat development queries.

    `unjudged_weight`: a candidate without a judgment counts as irrelevant with this weight. Without such rows the model
    never sees what it must reject and loses to the untrained fusion (docs/results/blender.md); with less than the
    weight of a judged one it believes in deep candidates more than it should.
    `monotone`: features keep the direction that they are meant to have.
    `dropout`: each query is repeated once per route with that route left out, with this weight; 0 leaves it.
    """

    rounds: int = 500
    patience: int = 60
    learning_rate: float = 0.05
    leaves: int = 15
    least_rows: int = 50
    feature_share: float = 0.5
    row_share: float = 0.8
    l2: float = 5.0
    truncation: int = 20
    unjudged_weight: float = 1.0
    monotone: bool = False
    dropout: float = 0.3
    held_out_share: float = 0.2
    seed: int = 7

    def __post_init__(self) -> None:
        for name in ("rounds", "patience", "leaves", "least_rows", "truncation"):
            if getattr(self, name) < 1 or (name == "leaves" and self.leaves < 2):
                raise InvalidInput(f"{name} is too small: {getattr(self, name)}.", field=name)
        for name in ("feature_share", "row_share", "held_out_share"):
            if not 0.0 < getattr(self, name) <= 1.0:
                raise InvalidInput(f"{name} is a share above 0, at most 1; got {getattr(self, name)}.", field=name)
        for name in ("learning_rate", "l2", "unjudged_weight", "dropout"):
            if not 0.0 <= getattr(self, name) < float("inf"):
                raise InvalidInput(f"{name} must be 0 or more, got {getattr(self, name)}.", field=name)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Rows:
    matrix: Floats
    labels: NDArray[np.int32]
    weights: Floats
    groups: list[int]
    gains: list[float]


def _rows(examples: Sequence[Example], growing: Growing) -> _Rows:
    """All rows one below the other. Queries without a row or with one grade only teach no order and are left out."""
    useful = [e for e in examples if len(e) > 1 and e.grades.min() < e.grades.max()]
    if not useful:
        raise InvalidInput(
            "No query has candidates of different grades: there is nothing to learn.",
            hint="Judge more products per query (multirecall pool), or more queries.",
            field="judgments",
        )
    grades = np.round(np.concatenate([e.grades for e in useful]) * _GRADE_STEPS) / _GRADE_STEPS
    levels, labels = np.unique(grades, return_inverse=True)
    weights = np.concatenate(
        [
            np.where(e.judged, e.weights, growing.unjudged_weight) * (growing.dropout if e.without else 1.0)
            for e in useful
        ]
    )
    return _Rows(
        matrix=np.concatenate([e.matrix for e in useful]),
        labels=labels.astype(np.int32),
        weights=weights,
        groups=[len(e) for e in useful],
        gains=(np.exp2(levels) - 1.0).tolist(),
    )


def _parameters(growing: Growing, features: FeatureSet, gains: list[float]) -> dict[str, Any]:
    constraints = [feature.monotone for feature in features.features]
    return {
        "objective": "lambdarank",
        "metric": "ndcg",
        "eval_at": [10],
        "label_gain": gains,
        "lambdarank_truncation_level": growing.truncation,
        "learning_rate": growing.learning_rate,
        "num_leaves": growing.leaves,
        "min_data_in_leaf": growing.least_rows,
        "feature_fraction": growing.feature_share,
        "bagging_fraction": growing.row_share,
        "bagging_freq": 1,
        "lambda_l2": growing.l2,
        "max_bin": 127,
        "seed": growing.seed,
        "deterministic": True,
        "force_col_wise": True,
        "num_threads": 1,  # the same trees on every machine, and no spinning beside other work
        "verbosity": -1,
        **({"monotone_constraints": constraints} if growing.monotone and any(constraints) else {}),
    }


def _dataset(rows: _Rows, features: FeatureSet) -> lightgbm.Dataset:
    return lightgbm.Dataset(
        rows.matrix,
        rows.labels,
        weight=rows.weights,
        group=rows.groups,
        feature_name=list(features.names),
        free_raw_data=False,
    )


def grow(
    examples: Sequence[Example],
    features: FeatureSet,
    growing: Growing,
    *,
    advance: Callable[[], None] = lambda: None,
) -> lightgbm.Booster:
    """`growing.rounds` trees, reproducible by the seed; `advance` is called per tree. Blocks; seconds to minutes.

    Raises InvalidInput if no query has candidates of different grades.
    """
    rows = _rows(examples, growing)
    return lightgbm.train(
        _parameters(growing, features, rows.gains),
        _dataset(rows, features),
        growing.rounds,
        callbacks=[lambda _: advance()],
    )


def grow_until_it_stops_helping(
    examples: Sequence[Example],
    held_out: Sequence[Example],
    features: FeatureSet,
    growing: Growing,
    figure: Callable[[Sequence[Floats]], float],
    *,
    advance: Callable[[], None] = lambda: None,
) -> int:
    """The number of trees at which `figure` of the held-out examples' scores is highest.

    `figure` gets the scores of each held-out example, in their order, after every fifth tree: it is the measure of the
    evaluation itself, over all judged products, not LightGBM's over the candidates. Stops `patience` trees after the
    best.
    """
    rows = _rows(examples, growing)
    booster = lightgbm.Booster(_parameters(growing, features, rows.gains), _dataset(rows, features))
    scores = [np.zeros(len(e)) for e in held_out]
    best, best_rounds = -np.inf, 1
    for done in range(1, growing.rounds + 1):
        booster.update()
        advance()
        if done % _LOOK_EVERY:
            continue
        for at, example in enumerate(held_out):
            if len(example):
                scores[at] = scores[at] + booster.predict(
                    example.matrix, start_iteration=done - _LOOK_EVERY, num_iteration=_LOOK_EVERY, num_threads=1
                )
        reached = figure(scores)
        if reached > best:
            best, best_rounds = reached, done
        elif done - best_rounds >= growing.patience:
            break
    return best_rounds


_LOOK_EVERY = 5


def with_rounds(growing: Growing, rounds: int) -> Growing:
    """The same growing for exactly so many trees."""
    return replace(growing, rounds=rounds)
