"""Cross-validation by query: every figure of a blender comes from trees that never saw the query."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import lightgbm
import numpy as np
from numpy.typing import NDArray

from multirecall.evaluation.measures import NDCG
from multirecall.fusion.weighted_sum import WeightedSum
from multirecall.training.blender.baselines import fixed_fusions, run_by, tuned_weighted_sum
from multirecall.training.blender.collecting import JudgedPool
from multirecall.training.blender.examples import REWRITINGS, Example, Featuriser
from multirecall.training.blender.folds import deal, split_off
from multirecall.training.blender.growing import Growing
from multirecall.training.blender.learning import grow, most_trees_that_do_not_hurt

__all__ = ["BLENDER", "Fold", "Scored", "best_baseline", "blended_run", "cross_validate", "fit", "score", "systems"]

Floats = NDArray[np.float64]
MEASURE = NDCG(k=10)

BLENDER = "blender"
"""Name of the blender among the systems."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fold:
    """One part held out: the trees and the weighted sum learned from all other parts."""

    test: tuple[JudgedPool, ...]
    booster: lightgbm.Booster
    rounds: int
    weighted_sum: WeightedSum


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scored:
    """A held-out query's candidates with the scores of trees that did not see it."""

    example: Example
    scores: Floats

    @property
    def ranked(self) -> list[str]:
        """Product ids, best first; ties by id."""
        return [self.example.ids[at] for at in np.argsort(-self.scores, kind="stable")]


def examples_of(pools: Sequence[JudgedPool], featuriser: Featuriser, growing: Growing) -> list[Example]:
    """The example of each pool, and with dropout one more for each route that can be left out, and for rewritings."""
    examples = []
    for pool in pools:
        examples.append(featuriser.example(pool))
        found = [ranking.route for ranking in pool.rankings if ranking.hits]
        if growing.dropout > 0.0 and len(found) > 1:
            examples.extend(featuriser.example(pool, without=(route,)) for route in found)
        if growing.dropout > 0.0 and featuriser.features.rewritings and pool.query.rewritings:
            examples.append(featuriser.example(pool, without=(REWRITINGS,)))
    return examples


def fit(
    pools: Sequence[JudgedPool],
    featuriser: Featuriser,
    growing: Growing,
    *,
    advance: Callable[[], None] = lambda: None,
) -> tuple[lightgbm.Booster, int]:
    """Trees from all these queries, and how many.

    Their number is found on a share of the queries held out, then all queries are learned from: with a few hundred
    judged queries each one counts.
    """
    rest, held_out = split_off(pools, growing.held_out_share, seed=growing.seed)
    held = [featuriser.example(pool) for pool in held_out]

    def figures(scores: Sequence[Floats]) -> Floats:
        found = [Scored(example=e, scores=s).ranked for e, s in zip(held, scores, strict=True)]
        return np.array([MEASURE(ids, pool.grades) for ids, pool in zip(found, held_out, strict=True)])

    rounds = most_trees_that_do_not_hurt(
        examples_of(rest, featuriser, growing), held, featuriser.features, growing, figures, advance=advance
    )
    chosen = replace(growing, rounds=rounds)
    return grow(examples_of(pools, featuriser, growing), featuriser.features, chosen, advance=advance), rounds


def cross_validate(
    pools: Sequence[JudgedPool],
    featuriser: Featuriser,
    growing: Growing,
    *,
    n_folds: int = 5,
    seed: int = 7,
    advance: Callable[[], None] = lambda: None,
) -> list[Fold]:
    """One model per fold, each learned from the other folds alone: trees, their number, and the baseline's weights."""
    parts = deal(pools, n_folds, seed=seed)
    folds = []
    for at, test in enumerate(parts):
        train = [pool for other, part in enumerate(parts) if other != at for pool in part]
        booster, rounds = fit(train, featuriser, growing, advance=advance)
        folds.append(Fold(test=tuple(test), booster=booster, rounds=rounds, weighted_sum=tuned_weighted_sum(train)))
    return folds


def score(folds: Sequence[Fold], featuriser: Featuriser, *, without: Sequence[str] = ()) -> list[Scored]:
    """The candidates of every query, scored by trees that did not see it; `without` as in `Example`."""
    scored = []
    for fold in folds:
        for pool in fold.test:
            example = featuriser.example(pool, without=without)
            scores = fold.booster.predict(example.matrix, num_threads=1) if len(example) else np.empty(0)
            scored.append(Scored(example=example, scores=np.asarray(scores, dtype=np.float64)))
    return scored


def blended_run(scored: Sequence[Scored], *, k: int = 100) -> dict[str, list[str]]:
    """The first `k` of each query."""
    return {one.example.qid: one.ranked[:k] for one in scored}


def best_baseline(runs: Mapping[str, Mapping[str, Sequence[str]]], pools: Sequence[JudgedPool]) -> str:
    """The system with the highest mean nDCG@10 of all but the blender: what a gain must be measured against."""

    def reached(name: str) -> float:
        return float(np.mean([MEASURE(runs[name].get(pool.qid, ()), pool.grades) for pool in pools]))

    return max((name for name in runs if name != BLENDER), key=reached)


def systems(
    folds: Sequence[Fold], scored: Sequence[Scored], *, k: int = 100
) -> Mapping[str, Mapping[str, Sequence[str]]]:
    """The run of the blender and of everything it must beat, all on the same queries.

    Each route alone, RRF, the default weighted sum, the weighted sum tuned on the training folds, and the blender.
    """
    pools = [pool for fold in folds for pool in fold.test]
    runs: dict[str, Mapping[str, Sequence[str]]] = {}
    for route in sorted({ranking.route for pool in pools for ranking in pool.rankings}):
        runs[route] = {
            pool.qid: [hit.id for r in pool.rankings if r.route == route for hit in r.hits][:k] for pool in pools
        }
    for name, fusion in fixed_fusions().items():
        runs[name] = run_by(fusion, pools, k=k)
    tuned: dict[str, Sequence[str]] = {}
    for fold in folds:
        tuned.update(run_by(fold.weighted_sum, fold.test, k=k))
    runs["WeightedSum tuned"] = tuned
    runs[BLENDER] = blended_run(scored, k=k)
    return runs
