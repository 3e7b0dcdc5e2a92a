"""`judgments_from_clicks`: judgments to train on, from what people clicked."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from multirecall.core.errors import InvalidInput, InvalidSource
from multirecall.evaluation.judgments import Judgments
from multirecall.training.clicks.grading import Grading, best_rate, graded
from multirecall.training.clicks.log import ClickLog
from multirecall.training.clicks.propensity import Propensities, estimate_propensities
from multirecall.training.clicks.relevance import ActionWeights, estimate_relevance
from multirecall.training.clicks.sums import sums_by

__all__ = ["MIN_EXPOSURE", "ClickJudgments", "ClickReport", "judgments_from_clicks", "write_click_judgments"]

MIN_EXPOSURE = 1.0
"""A pair that was looked at less than this often is not judged, clicked or not: to keep what was clicked by luck and
drop what was not would favour what stood far down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClickReport:
    """What judgments from clicks rest on, for a model card. `to_dict` gives it as JSON values.

    `thin_pairs`: seen too little to be judged; `unclicked_queries`: without a click, so that nothing tells their
    products apart; neither is in the judgments. `prior_strength`: how many impressions the prior is worth.
    """

    lines: int
    rejected: int
    impressions: int
    clicks: int
    carts: int
    purchases: int
    queries: int
    pairs: int
    judged_queries: int
    judged_pairs: int
    thin_pairs: int
    unclicked_queries: int
    by_grade: Mapping[int, int]
    best_rate: float
    prior_strength: float
    propensities: Propensities
    grading: Grading
    action_weights: ActionWeights

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON values."""
        return {**asdict(self), "by_grade": {str(grade): n for grade, n in self.by_grade.items()}}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClickJudgments:
    """Judgments by query id, and for each its weight and its estimated relevance (from 0 to 1) before grading.

    `weights[qid][product_id]`: the effective number of impressions behind it. `texts[qid]`: the query as typed.
    """

    judgments: Judgments
    weights: Mapping[str, Mapping[str, float]]
    relevance: Mapping[str, Mapping[str, float]]
    texts: Mapping[str, str]
    report: ClickReport


def judgments_from_clicks(
    log: ClickLog,
    *,
    propensities: Propensities | None = None,
    grading: Grading | None = None,
    action_weights: ActionWeights | None = None,
    min_exposure: float = MIN_EXPOSURE,
    seed: int = 7,
) -> ClickJudgments:
    """Judgments of the pairs that a log knows enough about.

    Examination is estimated unless `propensities` are given; relevance is shrunk to a prior (see relevance.py), graded
    from 0 to 3 (see grading.py) and weighted by its exposure. Left out, and counted: queries without a click, and pairs
    that were looked at less than `min_exposure` times.

    Raises InvalidInput for a negative `min_exposure`, InvalidSource if no pair is left.
    """
    if not min_exposure >= 0.0:
        raise InvalidInput(f"min_exposure must be 0 or more, got {min_exposure}.", field="min_exposure")
    propensities = propensities or estimate_propensities(log, seed=seed)
    grading, action_weights = grading or Grading(), action_weights or ActionWeights()
    pairs = log.pairs()
    found = estimate_relevance(log, pairs, propensities, action_weights)
    per_query = sums_by(log.query, log.clicks, len(log.queries))
    asked = np.unique(pairs.query)
    thin = found.exposure < min_exposure
    kept = np.flatnonzero((per_query[pairs.query] > 0.0) & ~thin)
    if not len(kept):
        raise InvalidSource(
            f"None of {len(pairs):,} pairs of query and product is known well enough to be judged.",
            hint="Take a longer log, or lower min_exposure.",
            field="min_exposure",
        )
    best = best_rate(found.estimate[kept], found.exposure[kept])
    grades = graded(found.estimate[kept], best, grading)
    of_grade: dict[str, dict[str, float]] = {}
    weights: dict[str, dict[str, float]] = {}
    relevance: dict[str, dict[str, float]] = {}
    columns = (pairs.query[kept], pairs.product[kept], grades, found.exposure[kept], found.estimate[kept])
    for query, product, grade, weight, estimate in zip(*(column.tolist() for column in columns), strict=True):
        qid, name = log.queries[query], log.products[product]
        of_grade.setdefault(qid, {})[name] = grade
        weights.setdefault(qid, {})[name] = weight
        relevance.setdefault(qid, {})[name] = estimate
    rounded, counts = np.unique(np.rint(grades).astype(np.int64), return_counts=True)
    report = ClickReport(
        lines=log.lines,
        rejected=log.rejected,
        impressions=int(log.impressions.sum()),
        clicks=int(log.clicks.sum()),
        carts=int(log.carts.sum()),
        purchases=int(log.purchases.sum()),
        queries=len(asked),
        pairs=len(pairs),
        judged_queries=len(of_grade),
        judged_pairs=len(kept),
        thin_pairs=int((thin & (per_query[pairs.query] > 0.0)).sum()),
        unclicked_queries=int((per_query[asked] == 0.0).sum()),
        by_grade=dict(zip(rounded.tolist(), counts.tolist(), strict=True)),
        best_rate=best,
        prior_strength=found.strength,
        propensities=propensities,
        grading=grading,
        action_weights=action_weights,
    )
    texts = dict(zip(log.queries, log.texts, strict=True))
    return ClickJudgments(
        judgments=Judgments(grades=of_grade),
        weights=weights,
        relevance=relevance,
        texts={qid: texts[qid] for qid in of_grade},
        report=report,
    )


def write_click_judgments(found: ClickJudgments, path: Path) -> None:
    """Writes a table that `read_judgments` reads: qid, product_id, grade, weight, relevance, query, tab-separated.

    Best first within a query. The file appears under its name only when complete. Raises InvalidInput if it cannot be
    written.
    """
    partial = path.with_name(f"{path.name}.partial")
    try:
        with partial.open("w", encoding="utf-8", newline="\n") as file:
            file.write("qid\tproduct_id\tgrade\tweight\trelevance\tquery\n")
            for qid, grades in found.judgments.grades.items():
                relevance, weights = found.relevance[qid], found.weights[qid]
                for product in sorted(grades, key=lambda name, of=relevance: (-of[name], name)):  # type: ignore[misc]
                    row = (qid, product, f"{grades[product]:g}", f"{weights[product]:.4g}", f"{relevance[product]:.4g}")
                    file.write("\t".join((*row, found.texts[qid])) + "\n")
        os.replace(partial, path)
    except OSError as error:
        raise InvalidInput(
            f"Cannot write {path}: {error.strerror}.", hint="Name another file.", field="out", file=str(path)
        ) from None
