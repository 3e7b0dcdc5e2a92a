"""Thresholds on calibrated probabilities: when to say that nothing good was found, and where to cut a list's tail.

Both are chosen on queries that neither the model nor the calibration was fitted to (`Choice.out_of_fold` will do).
Both trade: a high `no_good_result` threshold spares people bad pages and hides some good ones; a high `tail_cut`
threshold leaves fewer irrelevant products on a page, and fewer relevant ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from multirecall.core.errors import InvalidInput
from multirecall.fusion.calibration.base import Floats, checked_scores

__all__ = ["NoGoodResult", "TailCut", "cut_of", "has_good_result", "no_good_result", "tail_cut"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoGoodResult:
    """A list whose best probability lies below `threshold` holds no good result.

    `precision`: of the lists below it, the share that had indeed no relevant product; `recall`: of the lists without
    one, the share below it; `hidden`: of the lists with a relevant product, the share below it, which is the harm.
    `met`: whether the aim could be met; if not, the threshold is 0 and nothing is ever called bad. The curves hold the
    same figures for each threshold that was tried, rising.
    """

    threshold: float
    precision: float
    recall: float
    hidden: float
    met: bool
    aim: float
    thresholds: Floats
    precisions: Floats
    recalls: Floats

    def to_dict(self) -> dict[str, Any]:
        """The chosen point as JSON values, without the curves."""
        names = ("threshold", "precision", "recall", "hidden", "met", "aim")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True, kw_only=True)
class TailCut:
    """A list is cut before its first product whose probability lies below `threshold`.

    `precision` and `recall` are over all products of all lists, what is left against what was there; `kept` is the
    share of products that stay. `met`: whether the aim could be met; if not, the threshold is that of the best
    precision there is. The curves hold the same figures for each threshold that was tried, rising.
    """

    threshold: float
    precision: float
    recall: float
    kept: float
    met: bool
    aim: float
    thresholds: Floats
    precisions: Floats
    recalls: Floats

    def to_dict(self) -> dict[str, Any]:
        """The chosen point as JSON values, without the curves."""
        names = ("threshold", "precision", "recall", "kept", "met", "aim")
        return {name: getattr(self, name) for name in names}


def no_good_result(
    probabilities: Mapping[str, ArrayLike], relevant: Mapping[str, ArrayLike], *, precision: float = 0.9
) -> NoGoodResult:
    """The highest threshold at which at least `precision` of the lists called bad are bad.

    `probabilities[qid]` and `relevant[qid]` (0 or 1) hold one entry per product of the query's list, same shape; an
    empty list has the best probability 0 and is bad. Thresholds are tried midway between the best probabilities of
    neighbouring lists, so that equal ones are never parted.

    Raises InvalidInput for a precision that is not above 0 and at most 1, no list, or shapes that differ.
    """
    _check_share(precision, "precision")
    lists = _lists(probabilities, relevant)
    best = np.array([float(p.max()) if len(p) else 0.0 for p, _ in lists])
    bad = np.array([not y.any() for _, y in lists])
    thresholds = _between(best)
    order = np.argsort(best, kind="stable")
    below = np.searchsorted(best[order], thresholds, side="left")
    bad_below = np.concatenate([[0], np.cumsum(bad[order])])[below]
    precisions = np.divide(bad_below, below, out=np.ones(len(below)), where=below > 0)
    recalls = bad_below / max(1, int(bad.sum()))
    allowed = np.flatnonzero((precisions >= precision) & (below > 0))
    at = int(allowed[-1]) if len(allowed) else 0
    return NoGoodResult(
        threshold=float(thresholds[at]),
        precision=float(precisions[at]),
        recall=float(recalls[at]),
        hidden=float((below[at] - bad_below[at]) / max(1, int((~bad).sum()))),
        met=bool(len(allowed)),
        aim=precision,
        thresholds=thresholds,
        precisions=precisions,
        recalls=recalls,
    )


def tail_cut(
    probabilities: Mapping[str, ArrayLike], relevant: Mapping[str, ArrayLike], *, precision: float = 0.8
) -> TailCut:
    """The lowest threshold at which at least `precision` of all products that stay are relevant.

    The lowest loses the fewest relevant products. Arguments as in no_good_result, each list best first; what is cut is
    decided by the probability alone, since a calibrated list falls in probability from top to bottom. Raises
    InvalidInput as no_good_result does, and if no list holds a product.
    """
    _check_share(precision, "precision")
    lists = _lists(probabilities, relevant)
    p, y = np.concatenate([p for p, _ in lists]), np.concatenate([y for _, y in lists])
    if not len(p):
        raise InvalidInput("No list holds a product.", field="probabilities")
    levels = np.unique(p)
    thresholds = np.concatenate([[0.0], (levels[1:] + levels[:-1]) / 2.0])
    order = np.argsort(p, kind="stable")
    left = len(p) - np.searchsorted(p[order], thresholds, side="left")
    relevant_left = int(y.sum()) - np.concatenate([[0], np.cumsum(y[order])])[len(p) - left]
    precisions = relevant_left / left
    recalls = relevant_left / max(1, int(y.sum()))
    allowed = np.flatnonzero(precisions >= precision)
    at = int(allowed[0]) if len(allowed) else int(np.argmax(precisions))
    return TailCut(
        threshold=float(thresholds[at]),
        precision=float(precisions[at]),
        recall=float(recalls[at]),
        kept=float(left[at] / len(p)),
        met=bool(len(allowed)),
        aim=precision,
        thresholds=thresholds,
        precisions=precisions,
        recalls=recalls,
    )


def has_good_result(probabilities: ArrayLike, threshold: float) -> bool:
    """Whether the best product of a list reaches the threshold; an empty list has none."""
    p = checked_scores(probabilities)
    return bool(len(p)) and float(p.max()) >= threshold


def cut_of(probabilities: ArrayLike, threshold: float) -> int:
    """How many products of a list stay: those before the first below the threshold. The list is best first."""
    below = np.flatnonzero(checked_scores(probabilities) < threshold)
    return int(below[0]) if len(below) else int(np.size(probabilities))


def _between(values: Floats) -> Floats:
    """0, the middles between neighbouring distinct values, and just above the highest."""
    levels = np.unique(values)
    return np.concatenate([[0.0], (levels[1:] + levels[:-1]) / 2.0, [np.nextafter(levels[-1], np.inf)]])


def _check_share(value: float, field: str) -> None:
    if not 0.0 < value <= 1.0:
        raise InvalidInput(f"{field} must be above 0 and at most 1, got {value}.", field=field)


def _lists(
    probabilities: Mapping[str, ArrayLike], relevant: Mapping[str, ArrayLike]
) -> Sequence[tuple[Floats, NDArray[np.bool_]]]:
    if not probabilities or probabilities.keys() != relevant.keys():
        raise InvalidInput(
            f"Probabilities are of {len(probabilities)} queries, relevance of {len(relevant)}.",
            hint="Give both for the same queries, at least one.",
            field="relevant",
        )
    lists = []
    for qid, values in probabilities.items():
        p, y = checked_scores(values), np.asarray(relevant[qid], dtype=np.float64) > 0.0
        if p.ndim != 1 or p.shape != y.shape:
            raise InvalidInput(f"Query {qid!r}: shapes {p.shape} and {y.shape} differ.", field="relevant")
        if ((p < 0.0) | (p > 1.0)).any():
            raise InvalidInput(f"Query {qid!r}: a probability lies outside 0 to 1.", field="probabilities")
        lists.append((p, y))
    return lists
