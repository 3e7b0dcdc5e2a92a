"""LightGBM LambdaRank over examples: how the trees are grown, and when to stop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray

from multirecall.core.errors import InvalidInput
from multirecall.fusion.features.feature_set import FeatureSet
from multirecall.training.blender.examples import Example
from multirecall.training.blender.growing import Growing

__all__ = ["grow", "most_trees_that_do_not_hurt"]

Floats = NDArray[np.float64]

_GRADE_STEPS = 8
"""Fractional grades (from clicks) are rounded to 1/8: LightGBM takes whole labels, each with its gain."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Rows:
    matrix: Floats
    labels: NDArray[np.int32]
    weights: Floats
    groups: list[int]
    gains: list[float]


def _rows(examples: Sequence[Example], growing: Growing) -> _Rows:
    """All rows one below the other; no unjudged ones if they weigh nothing.

    Queries without two rows, or with one grade only, teach no order and are left out.
    """
    kept = [e.judged if growing.unjudged_weight == 0.0 else np.ones(len(e), dtype=np.bool_) for e in examples]
    useful = [(e, k) for e, k in zip(examples, kept, strict=True) if k.any() and np.ptp(e.grades[k]) > 0.0]
    if not useful:
        raise InvalidInput(
            "No query has candidates of different grades: there is nothing to learn.",
            hint="Judge more products per query (multirecall pool), or more queries.",
            field="judgments",
        )
    grades = np.round(np.concatenate([e.grades[k] for e, k in useful]) * _GRADE_STEPS) / _GRADE_STEPS
    levels, labels = np.unique(grades, return_inverse=True)
    weights = [
        np.where(e.judged, e.weights, growing.unjudged_weight)[k] * (growing.dropout if e.without else 1.0)
        for e, k in useful
    ]
    return _Rows(
        matrix=np.concatenate([e.matrix[k] for e, k in useful]),
        labels=labels.astype(np.int32),
        weights=np.concatenate(weights),
        groups=[int(k.sum()) for _, k in useful],
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
        params={"verbosity": -1},
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


def most_trees_that_do_not_hurt(
    examples: Sequence[Example],
    held_out: Sequence[Example],
    features: FeatureSet,
    growing: Growing,
    figures: Callable[[Sequence[Floats]], Floats],
    *,
    advance: Callable[[], None] = lambda: None,
) -> int:
    """The most trees whose figures on the held-out examples are not clearly worse than the best seen.

    `figures` gets the scores of each held-out example, in their order, after every fifth tree, and returns one figure
    per query: the measure of the evaluation itself, over all judged products, not LightGBM's over the candidates.
    Clearly worse is a mean loss of more than two standard errors (paired by query): some ten held-out queries can say
    which number of trees is bad, but the highest of their means is where luck is, and mostly too early.
    Stops `patience` trees after the last number that was not clearly worse.
    """
    rows = _rows(examples, growing)
    booster = lightgbm.Booster(_parameters(growing, features, rows.gains), _dataset(rows, features))
    scores = [np.zeros(len(e)) for e in held_out]
    best, fine = np.full(len(held_out), -np.inf), 1
    for done in range(1, growing.rounds + 1):
        booster.update()
        advance()
        if done % _LOOK_EVERY and done < growing.rounds:
            continue
        since = (done - 1) // _LOOK_EVERY * _LOOK_EVERY
        for at, example in enumerate(held_out):
            if len(example):
                scores[at] = scores[at] + booster.predict(
                    example.matrix, start_iteration=since, num_iteration=done - since, num_threads=1
                )
        reached = figures(scores)
        if reached.mean() > best.mean():
            best = reached
        loss = best - reached
        if loss.mean() <= 2.0 * loss.std() / np.sqrt(len(loss)):
            fine = done
        elif done - fine >= growing.patience:
            break
    return fine


_LOOK_EVERY = 5
