"""One row of figures and comparisons for a segment, and Holm's correction over rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from multirecall.evaluation.holm import holm
from multirecall.evaluation.measures import Measure
from multirecall.evaluation.policies import Unjudged
from multirecall.evaluation.report import Comparison, Figure, SegmentRow
from multirecall.evaluation.weighted_means import (
    Floats,
    paired_p_value,
    percentile_interval,
    resampled_means,
    weighted_means,
)

__all__ = ["Comparing", "Scored", "corrected", "corrected_by_measure", "segment_row"]

_POLICIES = tuple(Unjudged)
_SAME = 1e-12
"""Figures that differ by less are rounding, not a change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """One measure, per query it is defined for. Arrays: (policies, n, systems); `judged` (n, systems), nan: no hit."""

    measure: Measure
    qids: tuple[str, ...]
    values: Floats
    weights: Floats
    judged: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparing:
    """What is compared with what, and how; see `evaluate`."""

    systems: tuple[str, ...]
    baseline: str
    alpha: float
    confidence: float
    rounds: int
    seed: int


def segment_row(
    family: str, value: str, qids: Sequence[str], scored: Sequence[Scored], settings: Comparing
) -> SegmentRow:
    """The row of the queries `qids`; its p-values are not corrected yet."""
    figures: list[Figure] = []
    comparisons: list[Comparison] = []
    wanted = set(qids)
    for one in scored:
        at = np.array([qid in wanted for qid in one.qids], dtype=bool)
        values, weights, judged = one.values[:, at], one.weights[:, at], one.judged[at]
        means = np.array([weighted_means(*both) for both in zip(values, weights, strict=True)])
        resampled = (
            resampled_means(values[0], weights[0], rounds=settings.rounds, seed=settings.seed) if at.any() else None
        )
        for column, system in enumerate(settings.systems):
            shown = judged[~np.isnan(judged[:, column]), column]
            figures.append(
                Figure(
                    system=system,
                    measure=str(one.measure),
                    k=one.measure.k,
                    n=int(at.sum()),
                    n_empty=int(at.sum()) - len(shown),
                    mean=None if resampled is None else float(means[0, column]),
                    ci=None if resampled is None else percentile_interval(resampled[:, column], settings.confidence),
                    under={} if resampled is None else _by_policy(means[:, column]),
                    judged=float(shown.mean()) if len(shown) else None,
                )
            )
        base = settings.systems.index(settings.baseline)
        for column, system in enumerate(settings.systems):
            if column != base and resampled is not None:
                pair = [column, base]
                comparisons.append(_compared(system, one, settings, values[:, :, pair], weights[:, :, pair],
                                             means[:, pair], resampled[:, pair]))  # fmt: skip
    return SegmentRow(
        family=family, value=value, n_queries=len(qids), figures=tuple(figures), comparisons=tuple(comparisons)
    )


def _compared(
    system: str, one: Scored, settings: Comparing, values: Floats, weights: Floats, means: Floats, resampled: Floats
) -> Comparison:
    """The last axis of every array is (system, baseline); `p_holm` is filled in when the whole table is known."""
    per_query = values[0, :, 0] - values[0, :, 1]
    p_value = paired_p_value(
        (values[0, :, 0], values[0, :, 1]),
        (weights[0, :, 0], weights[0, :, 1]),
        rounds=2 * settings.rounds,
        seed=settings.seed,
    )
    return Comparison(
        system=system,
        baseline=settings.baseline,
        measure=str(one.measure),
        difference=float(means[0, 0] - means[0, 1]),
        ci=percentile_interval(resampled[:, 0] - resampled[:, 1], settings.confidence),
        p_value=p_value,
        p_holm=p_value,
        significant=False,
        difference_under=_by_policy(means[:, 0] - means[:, 1]),
        wins=int(np.count_nonzero(per_query > _SAME)),
        losses=int(np.count_nonzero(per_query < -_SAME)),
        ties=int(np.count_nonzero(np.abs(per_query) <= _SAME)),
    )


def _by_policy(figures: Floats) -> dict[str, float]:
    return {policy.value: float(figure) for policy, figure in zip(_POLICIES, figures, strict=True)}


def corrected(rows: Sequence[SegmentRow], alpha: float, measure: str | None = None) -> list[SegmentRow]:
    """The rows with Holm's p-values over all their comparisons (of one measure, if named)."""
    family = [(at, c) for at, row in enumerate(rows) for c in row.comparisons if measure in (None, c.measure)]
    adjusted = {
        (at, c.system, c.measure): p for (at, c), p in zip(family, holm([c.p_value for _, c in family]), strict=True)
    }
    return [
        replace(
            row,
            comparisons=tuple(
                replace(c, p_holm=p, significant=p < alpha)
                if (p := adjusted.get((at, c.system, c.measure))) is not None
                else c
                for c in row.comparisons
            ),
        )
        for at, row in enumerate(rows)
    ]


def corrected_by_measure(rows: Sequence[SegmentRow], alpha: float) -> list[SegmentRow]:
    """The rows with the comparisons of each measure as a family of their own."""
    done = list(rows)
    for measure in dict.fromkeys(c.measure for row in rows for c in row.comparisons):
        done = corrected(done, alpha, measure)
    return done
