"""From judged pools to a model that can serve, with figures from queries it did not see."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import lightgbm
import numpy as np

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.evaluating import evaluate
from multirecall.evaluation.judgments import Judgments
from multirecall.evaluation.reliability import Reliability, reliability
from multirecall.evaluation.report import EvaluationReport
from multirecall.evaluation.separation import Separation, separation
from multirecall.fusion.blender_model import BlenderModel
from multirecall.fusion.calibration import Choice, NoGoodResult, TailCut, choose, no_good_result, tail_cut
from multirecall.fusion.features.feature_set import FeatureSet
from multirecall.fusion.features.pool import Analyse
from multirecall.fusion.features.term_statistics import TermStatistics
from multirecall.training.blender.collecting import JudgedPool
from multirecall.training.blender.cross_validation import (
    BLENDER,
    Fold,
    Scored,
    best_baseline,
    cross_validate,
    fit,
    score,
    systems,
)
from multirecall.training.blender.examples import Featuriser
from multirecall.training.blender.growing import Growing

__all__ = ["Calibrated", "TrainedBlender", "calibrated", "train_blender"]


_LISTED = 30  # features in the model card


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """The calibration and what it is worth, all on scores of trees that did not see the query."""

    choice: Choice
    reliability: Reliability
    separation: Separation
    no_good_result: NoGoodResult
    tail_cut: TailCut
    relevant_grade: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainedBlender:
    """`model` learned from all queries; `report`, `calibrated` and `scored` are of the cross-validation."""

    model: BlenderModel
    report: EvaluationReport
    calibrated: Calibrated
    folds: tuple[Fold, ...]
    scored: tuple[Scored, ...]
    name: str = BLENDER
    """The blender's among the systems of the report."""


def train_blender(
    pools: Sequence[JudgedPool],
    *,
    analyse: Analyse,
    language: str,
    terms: TermStatistics,
    growing: Growing | None = None,
    n_folds: int = 5,
    relevant_grade: float | None = None,
    data: Mapping[str, Any] | None = None,
    advance: Callable[[], None] = lambda: None,
) -> TrainedBlender:
    """A blender for the routes of the pools, and its figures by `n_folds`-fold cross-validation over queries.

    It reads rewritings if a query of the pools has any. The report's baseline is the best of the single routes and
    fixed fusions on these very queries.
    `relevant_grade`: from which grade on a product counts as relevant for the calibrated probability; by default half
    of the highest grade, rounded up. `data` goes into the card as it is. `advance` is called per tree: at most
    `(2 * rounds) * (n_folds + 1)` times. Blocks, some minutes for 350 queries of 160 candidates. Raises InvalidInput if
    there are too few queries, or nothing to learn.
    """
    growing = growing or Growing()
    routes = tuple(sorted({ranking.route for pool in pools for ranking in pool.rankings}))
    features = FeatureSet(routes=routes, rewritings=any(pool.query.rewritings for pool in pools))
    featuriser = Featuriser(features=features, analyse=analyse, terms=terms, language=language)
    folds = cross_validate(pools, featuriser, growing, n_folds=n_folds, seed=growing.seed, advance=advance)
    scored = score(folds, featuriser)
    judgments = Judgments(grades={pool.qid: pool.grades for pool in pools})
    runs = systems(folds, scored)
    report = evaluate(
        runs, [pool.judged for pool in pools], judgments, baseline=best_baseline(runs, pools), seed=growing.seed
    )
    top_grade = max(max(pool.grades.values()) for pool in pools)
    grade = float(np.ceil(top_grade / 2.0)) if relevant_grade is None else relevant_grade
    found = calibrated(scored, grade)
    booster, rounds = fit(pools, featuriser, growing, advance=advance)
    model = BlenderModel(
        features=featuriser.features,
        booster=booster,
        terms=terms,
        language=language,
        calibration=found.choice.calibration,
        no_good_result=found.no_good_result.threshold,
        tail_cut=found.tail_cut.threshold,
        card=_card(pools, featuriser, growing, folds, report, found, booster, rounds, data or {}),
    )
    return TrainedBlender(model=model, report=report, calibrated=found, folds=tuple(folds), scored=tuple(scored))


def calibrated(scored: Sequence[Scored], relevant_grade: float) -> Calibrated:
    """Scores to probabilities, learned from and judged on candidates of queries that the trees did not see.

    A candidate without a judgment counts as irrelevant, as in the measures: the probabilities err on the low side where
    good products were never judged. Raises InvalidInput if no candidate, or each one, is relevant.
    """
    some = [one for one in scored if len(one.example)]
    scores = np.concatenate([one.scores for one in some])
    grades = np.concatenate([one.example.grades for one in some])
    relevant = (grades >= relevant_grade).astype(np.float64)
    if relevant.min() == relevant.max():
        raise InvalidInput(
            f"{'No' if relevant.max() == 0 else 'Each'} candidate has grade {relevant_grade:g} or more.",
            hint="Give another --relevant-grade.",
            field="relevant_grade",
        )
    queries = [one.example.qid for one in some for _ in range(len(one.example))]
    choice = choose(scores, relevant, queries)
    by_query, relevant_by_query, start = {}, {}, 0
    for one in some:
        stop = start + len(one.example)
        order = np.argsort(-one.scores, kind="stable")
        by_query[one.example.qid] = choice.out_of_fold[start:stop][order]
        relevant_by_query[one.example.qid] = relevant[start:stop][order]
        start = stop
    judged = np.concatenate([one.example.judged for one in some])
    return Calibrated(
        choice=choice,
        reliability=reliability(choice.out_of_fold, relevant),
        separation=separation(choice.out_of_fold[judged], grades[judged]),
        no_good_result=no_good_result(by_query, relevant_by_query),
        tail_cut=tail_cut(by_query, relevant_by_query),
        relevant_grade=relevant_grade,
    )


def _card(
    pools: Sequence[JudgedPool],
    featuriser: Featuriser,
    growing: Growing,
    folds: Sequence[Fold],
    report: EvaluationReport,
    found: Calibrated,
    booster: lightgbm.Booster,
    rounds: int,
    data: Mapping[str, Any],
) -> dict[str, Any]:
    """What somebody needs to know who finds the model in a year."""
    gains = booster.feature_importance("gain")
    by_gain = sorted(zip(gains.tolist(), featuriser.features.features, strict=True), key=lambda pair: -pair[0])
    content = hashlib.sha256()
    for pool in sorted(pools, key=lambda pool: pool.qid):
        content.update(repr((pool.qid, pool.query.text, sorted(pool.grades.items()))).encode())
    return {
        "data": {
            **data,
            "queries": len(pools),
            "judgments": sum(len(pool.grades) for pool in pools),
            "sha256": content.hexdigest(),
        },
        "growing": growing.to_dict(),
        "lightgbm": lightgbm.__version__,
        "trees": rounds,
        "folds": [
            {"queries": len(fold.test), "trees": fold.rounds, "weighted_sum": dict(fold.weighted_sum.weights or {})}
            for fold in folds
        ],
        "figures": asdict(report.overall),
        "calibration": {
            **found.choice.to_dict(),
            "relevant_grade": found.relevant_grade,
            "expected_calibration_error": found.reliability.ece,
            "brier": found.reliability.brier,
            "no_good_result": found.no_good_result.to_dict(),
            "tail_cut": found.tail_cut.to_dict(),
        },
        "importances": [
            {"name": feature.name, "description": feature.description, "gain": round(gain, 1)}
            for gain, feature in by_gain[:_LISTED]
        ],
    }
