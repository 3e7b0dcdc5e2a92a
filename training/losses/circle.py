"""Circle loss: each score is pulled the harder, the further it is from where it belongs.

    L = log[ 1 + sum_n exp( g a_n (s_n - Dn) ) * sum_p exp( -g a_p (s_p - Dp) ) ],  a_p = [Op - s_p]+, a_n = [s_n - On]+

with a_p, a_n held constant in the gradient. Source: Y. Sun et al., "Circle Loss", CVPR 2020; in several grades as stage
2 of "Mine and Refine", arXiv 2602.17654, whose formula is not public: here every grade has an anchor, so that a middle
one is not told to go up and down at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise

import torch
from torch import Tensor
from torch.nn import functional

from multirecall.core.errors import InvalidInput
from multirecall.training.losses.rows import UNLABELLED, check_positive, checked_rows, mean_of_terms

__all__ = ["CENTRES", "binary_circle", "circle"]

CENTRES = (0.2, 0.5, 0.8)
"""Where the scores of grades 0, 1, 2 belong."""


def circle(
    scores: Tensor,
    grades: Tensor,
    *,
    ignored: Tensor | None = None,
    centres: Sequence[float] = CENTRES,
    half_width: float = 0.1,
    gamma: float = 128.0,
    weights: Mapping[tuple[int, int], float] | None = None,
    one_sided: bool = False,
) -> Tensor:
    """The mean over rows of the mean over the pairs of grades a > b that a row holds; 0 if no row holds two grades.

    Per pair Op = c_a + h, Dp = c_a - h, On = c_b - h, Dn = c_b + h. Products past their optimum leave the sums (in the
    plain form they stay, with weight 1); a pair with an empty side is 0 (but see `one_sided`). Unlabelled products take
    no part.

    Args:
        scores: Shape (n, m), see `rows`; so are `grades` and `ignored`.
        grades: From 0 to one less than there are centres, or UNLABELLED.
        ignored: Entries that take no part.
        centres: By grade, rising. Other encoders use other ranges: take the medians of a first stage, stretched.
        half_width: h, above 0. `2 gamma h^2` should be 2.5 or more, or scores at their centres still cost.
        gamma: Sharpness, above 0.
        weights: By pair (higher, lower), 0 or more; 1 for those not named.
        one_sided: A side of which all are past their optimum counts as 1 instead of 0, so that the other side is still
            moved. Without it, an encoder whose cosines are all high learns nothing: no lower grade is pushed down.

    Raises InvalidInput as `checked_rows` and for hyper-parameters out of range.
    """
    check_positive("half_width", half_width)
    check_positive("gamma", gamma)
    if len(centres) < 2 or any(low >= high for low, high in pairwise(centres)):
        raise InvalidInput(f"Centres are two or more and rise with the grade, got {tuple(centres)}.", field="centres")
    pairs = [(a, b) for b, a in combinations(range(len(centres)), 2)]
    weight_of = dict.fromkeys(pairs, 1.0) | dict(weights or {})
    if len(weight_of) > len(pairs) or min(weight_of.values()) < 0:
        raise InvalidInput(f"Weights are 0 or more, by (higher, lower) grade, got {weights}.", field="weights")
    scores, kept = checked_rows(scores, grades, ignored, highest=len(centres) - 1)
    costs, present = [], []
    for a, b in pairs:
        up, down = kept & (grades == a), kept & (grades == b)
        both = up.any(dim=1) & down.any(dim=1)
        up = up & (scores < centres[a] + half_width)
        down = down & (scores > centres[b] - half_width)
        pull = _pull(scores, up, centres[a] + half_width, centres[a] - half_width, gamma)
        push = _pull(scores, down, centres[b] - half_width, centres[b] + half_width, gamma)
        moved = both
        if one_sided:
            moved = both & (up.any(dim=1) | down.any(dim=1))
            pull, push = (side.masked_fill(side == -torch.inf, 0.0) for side in (pull, push))
        costs.append(weight_of[a, b] * functional.softplus(pull + push).masked_fill(~moved, 0.0))
        present.append(both)
    return _mean_over_pairs(costs, present, scores)


def binary_circle(
    scores: Tensor,
    grades: Tensor,
    *,
    ignored: Tensor | None = None,
    margin: float = 0.25,
    gamma: float = 80.0,
) -> Tensor:
    """The plain circle loss (Op = 1 + m, On = -m, Dp = 1 - m, Dn = m) for every pair of grades: the control.

    A middle grade is told to go to 1 - m by the grades below it, and to m by those above. Means and arguments as in
    `circle`, any number of grades. Raises InvalidInput likewise.
    """
    check_positive("margin", margin)
    check_positive("gamma", gamma)
    scores, kept = checked_rows(scores, grades, ignored)
    costs, present = [], []
    levels = sorted(set(grades[kept & (grades > UNLABELLED)].tolist()))
    for b, a in combinations(levels, 2):
        up, down = kept & (grades == a), kept & (grades == b)
        present.append(up.any(dim=1) & down.any(dim=1))
        pull = _pull(scores, up, 1.0 + margin, 1.0 - margin, gamma)
        push = _pull(scores, down, -margin, margin, gamma)
        costs.append(functional.softplus(pull + push))
    return _mean_over_pairs(costs, present, scores)


def _pull(scores: Tensor, taken: Tensor, optimum: float, boundary: float, gamma: float) -> Tensor:
    """ln of a side's sum, shape (n,); minus infinity, which makes the pair cost 0, where the side is empty."""
    sign = 1.0 if optimum > boundary else -1.0
    missing = (sign * (optimum - scores)).detach().clamp(min=0.0)
    exponents = -sign * gamma * missing * (scores - boundary)
    return torch.logsumexp(exponents.masked_fill(~taken, -torch.inf), dim=1)


def _mean_over_pairs(costs: Sequence[Tensor], present: Sequence[Tensor], scores: Tensor) -> Tensor:
    """Per row over the pairs present (an absent one costs 0), then over the rows that have one."""
    if not costs:
        return scores.sum() * 0.0
    counts = torch.stack(list(present)).sum(dim=0)
    means = torch.stack(list(costs)).sum(dim=0) / counts.clamp(min=1)
    return mean_of_terms(means[counts > 0])
