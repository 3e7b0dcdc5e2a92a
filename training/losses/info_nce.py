"""InfoNCE: every query picks its product out of the batch; known answers do not count as wrong ones.

    L = - mean_i w_i log( exp(s_ii / tau) / sum_{j not masked} exp(s_ij / tau) ),   s = cosine

Source: A. van den Oord, Y. Li, O. Vinyals, "Representation Learning with Contrastive Predictive Coding", 2018; cosine
and a small temperature as in the sentence encoders of today. With `delta`, false negatives leave the sum as well (see
`false_negatives`).
"""

from __future__ import annotations

import torch
from torch import Tensor

from multirecall.core.errors import InvalidInput
from multirecall.training.losses.false_negatives import check_positives, false_negative_mask
from multirecall.training.losses.rows import check_positive, cosines

__all__ = ["TEMPERATURE", "info_nce", "info_nce_of_scores"]

TEMPERATURE = 0.05


def info_nce(
    queries: Tensor,
    products: Tensor,
    *,
    known: Tensor | None = None,
    weights: Tensor | None = None,
    temperature: float = TEMPERATURE,
    delta: float | None = None,
) -> Tensor:
    """The loss of a batch, a scalar that gradients flow through.

    Args:
        queries: Shape (n, dim); of any length, they are normalised here.
        products: Shape (m, dim), m >= n: product i answers query i; the rest are further wrong answers.
        known: Shape (n, m), boolean: product j is known to answer query i (from any source, or the same product once
            more). It then is no wrong answer of query i: it leaves the denominator. The diagonal does not matter.
        weights: Shape (n,), 0 or more; the mean is weighted by them. Default: 1 each.
        temperature: Above 0. Safe at the smallest: the exponents are shifted by their maximum.
        delta: What scores more than this above the positive is assumed to be right too; None assumes nothing.

    Raises InvalidInput for shapes that do not fit, a temperature that is not above 0, and weights without a sum.
    """
    n, m = queries.shape[0], products.shape[0]
    if queries.ndim != 2 or products.ndim != 2 or queries.shape[1] != products.shape[1] or not 0 < n <= m:
        raise InvalidInput(
            f"InfoNCE takes n queries and m >= n products of one width, got {tuple(queries.shape)} and "
            f"{tuple(products.shape)}.",
            field="products",
        )
    if known is not None and known.shape != (n, m):
        raise InvalidInput(f"`known` has shape {tuple(known.shape)}, not {(n, m)}.", field="known")
    scores = cosines(queries, products)
    positives = torch.arange(n, device=scores.device)
    if delta is not None:
        masked = false_negative_mask(scores, positives, delta=delta)
        known = masked if known is None else known | masked
    return info_nce_of_scores(scores, positives, ignored=known, weights=weights, temperature=temperature)


def info_nce_of_scores(
    scores: Tensor,
    positives: Tensor,
    *,
    ignored: Tensor | None = None,
    weights: Tensor | None = None,
    temperature: float = TEMPERATURE,
) -> Tensor:
    """The same of cosines: `scores` has shape (n, m), `positives` (n,) holds the column of each row's positive, int64.

    `ignored` entries, shape (n, m), leave the denominator; a row's positive stays whatever it says. Raises InvalidInput
    as `info_nce` does.
    """
    check_positives(scores, positives)
    check_positive("temperature", temperature)
    z = scores / temperature
    if ignored is not None:
        if ignored.shape != scores.shape:
            raise InvalidInput(
                f"`ignored` has shape {tuple(ignored.shape)}, not {tuple(scores.shape)}.", field="ignored"
            )
        z = z.masked_fill(ignored.scatter(1, positives[:, None], value=False), -torch.inf)
    losses = torch.logsumexp(z, dim=1) - z.gather(1, positives[:, None]).squeeze(1)
    if weights is None:
        return losses.mean()
    total = weights.sum()
    if weights.shape != losses.shape or not bool(total > 0):
        raise InvalidInput("InfoNCE wants one weight of 0 or more per query, and one above 0.", field="weights")
    return (losses * weights).sum() / total
