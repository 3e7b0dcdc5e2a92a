"""How well scores tell grades apart, across queries: whether one threshold can serve all of them.

nDCG looks at one query at a time; a model can rank each perfectly while its scores of one query's best are below those
of another's worst. These measures pool all pairs of all queries (Xi et al., "Mine and Refine", arXiv 2602.17654, calls
the property clear separation of scores by grade). `circle_loss` is that paper's training aim, as a reference and a
measure of how far scores are from the band of their grade.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from multirecall.core.errors import InvalidInput

__all__ = ["GradePair", "Separation", "auc", "best_f1", "circle_loss", "overlap", "separation"]

Floats = NDArray[np.float64]

CENTRES: Mapping[int, float] = {2: 0.8, 1: 0.5, 0: 0.2}


@dataclass(frozen=True, slots=True, kw_only=True)
class GradePair:
    """Two grades and how their scores differ.

    `auc`: the chance that a random product of the higher grade scores above one of the lower (ties count half; .5 is no
    separation). `mean_gap`: the difference of the mean scores. `overlap`: the share of the two histograms that
    coincides (0: apart, 1: alike).
    """

    higher: float
    lower: float
    auc: float
    mean_gap: float
    overlap: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Separation:
    """The separation of each two grades, and of relevant (above the lowest grade) from the rest by one threshold.

    `f1` is the best that any global threshold reaches, at `threshold` (scores of at least it count as relevant).
    `means`, `medians` and `counts` are per grade.
    """

    pairs: tuple[GradePair, ...]
    f1: float
    threshold: float
    means: Mapping[float, float]
    medians: Mapping[float, float]
    counts: Mapping[float, int]

    def of(self, higher: float, lower: float) -> GradePair:
        """The pair of these grades. Raises InvalidInput if one of them does not occur."""
        for pair in self.pairs:
            if (pair.higher, pair.lower) == (higher, lower):
                return pair
        raise InvalidInput(f"No products of grades {higher:g} and {lower:g}.", field="grades")


def separation(scores: ArrayLike, grades: ArrayLike, *, bins: int = 50) -> Separation:
    """The separation of the grades that occur, over all products of all queries together. Shapes (n,).

    Raises InvalidInput for shapes that differ, values that are not finite, or fewer than two grades.
    """
    s, g = _checked(scores, grades)
    levels = np.unique(g)[::-1].tolist()
    if len(levels) < 2:
        raise InvalidInput("All products have one grade: there is nothing to separate.", field="grades")
    by_grade = {grade: s[g == grade] for grade in levels}
    pairs = tuple(
        GradePair(
            higher=higher,
            lower=lower,
            auc=auc(by_grade[higher], by_grade[lower]),
            mean_gap=float(by_grade[higher].mean() - by_grade[lower].mean()),
            overlap=overlap(by_grade[higher], by_grade[lower], bins=bins),
        )
        for at, higher in enumerate(levels)
        for lower in levels[at + 1 :]
    )
    f1, threshold = best_f1(s, g > levels[-1])
    return Separation(
        pairs=pairs,
        f1=f1,
        threshold=threshold,
        means={grade: float(values.mean()) for grade, values in by_grade.items()},
        medians={grade: float(np.median(values)) for grade, values in by_grade.items()},
        counts={grade: len(values) for grade, values in by_grade.items()},
    )


def auc(higher: ArrayLike, lower: ArrayLike) -> float:
    """The share of pairs (one of each) in which `higher` scores more; equal scores count half (Mann & Whitney 1947)."""
    a, b = np.asarray(higher, dtype=np.float64), np.sort(np.asarray(lower, dtype=np.float64))
    below, up_to = np.searchsorted(b, a, side="left"), np.searchsorted(b, a, side="right")
    return float((below + up_to).sum() / (2.0 * len(a) * len(b)))


def overlap(first: ArrayLike, second: ArrayLike, *, bins: int = 50) -> float:
    """`sum over bins of min(share of first, share of second)`, in equal bins over the range of both; from 0 to 1.

    Weitzman 1970. Depends on `bins`: compare figures of one setting only. 1 if all scores are equal.
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    low, high = min(a.min(), b.min()), max(a.max(), b.max())
    if low == high:
        return 1.0
    shares = [np.histogram(values, bins=bins, range=(low, high))[0] / len(values) for values in (a, b)]
    return float(np.minimum(*shares).sum())


def best_f1(scores: ArrayLike, relevant: ArrayLike) -> tuple[float, float]:
    """The best F1 of calling all scores of at least a threshold relevant, and that threshold (the highest such)."""
    s, y = np.asarray(scores, dtype=np.float64), np.asarray(relevant, dtype=np.bool_)
    levels, of_level = np.unique(-s, return_inverse=True)
    taken = np.cumsum(np.bincount(of_level.reshape(-1)))
    right = np.cumsum(np.bincount(of_level.reshape(-1), weights=y))
    f1 = 2.0 * right / (taken + max(1, int(y.sum())))
    at = int(np.argmax(f1))
    return float(f1[at]), float(-levels[at])


def circle_loss(
    scores: ArrayLike,
    grades: ArrayLike,
    *,
    centres: Mapping[int, float] = CENTRES,
    half_width: float = 0.1,
    sharpness: float = 128.0,
) -> dict[tuple[int, int], float]:
    """The multi-class circle loss of one query's products, per pair of grades that occur.

    For grades a > b with centres c and half-width h, optimum and boundary are `c_a + h`, `c_a - h` above and `c_b - h`,
    `c_b + h` below: `ln(1 + sum_b exp(g (s - On) (s - Dn)) x sum_a exp(-g (Op - s) (s - Dp)))` over the products that
    have not yet passed their optimum (a side without any makes the pair 0). Sun et al., "Circle loss", CVPR 2020, with
    an anchor per grade instead of 0 and 1, so that the middle grade is not drawn both ways.
    """
    s, g = _checked(scores, grades)
    present = [grade for grade in sorted(centres, reverse=True) if (g == grade).any()]
    losses = {}
    for at, a in enumerate(present):
        for b in present[at + 1 :]:
            up = _side(s[g == a], centres[a] + half_width, centres[a] - half_width, sharpness)
            down = _side(s[g == b], centres[b] - half_width, centres[b] + half_width, sharpness)
            # ln(1 + e^z), of sums that exceed what a float holds
            losses[a, b] = float(np.logaddexp(0.0, up + down)) if np.isfinite(up + down) else 0.0
    return losses


def _side(scores: Floats, optimum: float, boundary: float, sharpness: float) -> float:
    """ln of the sum over products that have not passed their optimum; minus infinity without any."""
    sign = 1.0 if optimum > boundary else -1.0
    missing = sign * (optimum - scores)
    exponents = -sign * sharpness * missing * (scores - boundary)
    left = exponents[missing > 0.0]
    return float(np.logaddexp.reduce(left)) if len(left) else float("-inf")


def _checked(scores: ArrayLike, grades: ArrayLike | Sequence[float]) -> tuple[Floats, Floats]:
    s, g = np.asarray(scores, dtype=np.float64), np.asarray(grades, dtype=np.float64)
    if s.ndim != 1 or s.shape != g.shape or not (np.isfinite(s).all() and np.isfinite(g).all()):
        raise InvalidInput(
            f"Scores and grades have shapes {s.shape} and {g.shape}, or hold what is no number.",
            hint="Each product needs a score and a grade.",
            field="scores",
        )
    return s, g
