"""InfoNCE: every query picks its product out of the batch; known answers do not count as wrong ones.

    L = - mean_i w_i log( exp(s_ii / tau) / sum_{j not masked} exp(s_ij / tau) ),   s = cosine

Source: A. van den Oord, Y. Li, O. Vinyals, "Representation Learning with Contrastive Predictive Coding", 2018; cosine
and a small temperature as in the sentence encoders of today.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from multirecall.core.errors import InvalidInput

__all__ = ["TEMPERATURE", "info_nce"]

TEMPERATURE = 0.05


def info_nce(
    queries: Tensor,
    products: Tensor,
    *,
    known: Tensor | None = None,
    weights: Tensor | None = None,
    temperature: float = TEMPERATURE,
) -> Tensor:
    """The loss of a batch, a scalar that gradients flow through.

    Args:
        queries: Shape (n, dim); of any length, they are normalised here.
        products: Shape (m, dim), m >= n: product i answers query i; the rest are further wrong answers.
        known: Shape (n, m), boolean: product j is known to answer query i (from any source, or the same product once
            more). It then is no wrong answer of query i: it leaves the denominator. The diagonal does not matter.
        weights: Shape (n,), 0 or more; the mean is weighted by them. Default: 1 each.
        temperature: Above 0. Safe at the smallest: the exponents are shifted by their maximum.

    Raises InvalidInput for shapes that do not fit, a temperature that is not above 0, and weights without a sum.
    """
    n, m = queries.shape[0], products.shape[0]
    if queries.ndim != 2 or products.ndim != 2 or queries.shape[1] != products.shape[1] or not 0 < n <= m:
        raise InvalidInput(
            f"InfoNCE takes n queries and m >= n products of one width, got {tuple(queries.shape)} and "
            f"{tuple(products.shape)}.",
            field="products",
        )
    if not (math.isfinite(temperature) and temperature > 0.0):
        raise InvalidInput(f"The temperature must be above 0, got {temperature}.", field="temperature")
    scores = functional.normalize(queries, dim=1) @ functional.normalize(products, dim=1).T / temperature
    if known is not None:
        if known.shape != scores.shape:
            raise InvalidInput(f"`known` has shape {tuple(known.shape)}, not {(n, m)}.", field="known")
        own = torch.eye(n, m, dtype=torch.bool, device=scores.device)
        scores = scores.masked_fill(known & ~own, -torch.inf)
    losses = torch.logsumexp(scores, dim=1) - scores.diagonal()
    if weights is None:
        return losses.mean()
    total = weights.sum()
    if weights.shape != (n,) or not bool(total > 0):
        raise InvalidInput("InfoNCE wants one weight of 0 or more per query, and one above 0.", field="weights")
    return (losses * weights).sum() / total
