"""Direct preference optimisation of written sequences: the better should gain on the worse, against a frozen model.

    L = - mean  log sigmoid( beta_b (log pi(b) - log ref(b)) - beta_w (log pi(w) - log ref(w)) )

Source: R. Rafailov et al., "Direct Preference Optimization", NeurIPS 2023 (with one beta). Two betas, and a sequence
that is written from two texts at once, are co-alignment: GRAM, arXiv 2504.01403, where a code is chosen if both the
query and the clicked product write it,

    pi(c | q, t) = ( pi(c | q) + pi(c | t) ) / 2

Probabilities of sequences are never formed: they are 0 in 32 bits from 100 nats on.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from multirecall.core.errors import InvalidInput
from multirecall.training.losses.preference import BETA
from multirecall.training.losses.rows import check_positive

__all__ = ["sequence_preference", "shared_log_probs"]


def sequence_preference(
    better: Tensor,
    worse: Tensor,
    *,
    reference: tuple[Tensor, Tensor],
    beta: float = BETA,
    beta_worse: float | None = None,
    weights: Tensor | None = None,
) -> Tensor:
    """The mean over all pairs, by `weights` (pairs,), 0 or more, if given; ln 2 while the model is its reference.

    All log probabilities have shape (pairs,), of whole sequences or per token, but all alike. `reference` holds those
    of the frozen model, of the better and of the worse, and gets no gradient. `beta_worse` None is `beta`.

    Raises InvalidInput for shapes that differ, no pairs, betas not above 0, and weights without a sum above 0.
    """
    check_positive("beta", beta)
    of_worse = beta if beta_worse is None else beta_worse
    check_positive("beta_worse", of_worse)
    given = {"worse": worse, "reference": reference[0], "reference of the worse": reference[1]}
    if weights is not None:
        given["weights"] = weights
    if better.ndim != 1 or not len(better):
        raise InvalidInput(f"`better` has shape (pairs,), got {tuple(better.shape)}.", field="better")
    for name, tensor in given.items():
        if tensor.shape != better.shape:
            raise InvalidInput(f"`{name}` has shape {tuple(tensor.shape)}, not {tuple(better.shape)}.", field=name)
    gained = beta * (better - reference[0].detach()) - of_worse * (worse - reference[1].detach())
    losses = functional.softplus(-gained)
    if weights is None:
        return losses.mean()
    total = weights.sum()
    if bool((weights < 0).any()) or not bool(total > 0):
        raise InvalidInput("Weights are 0 or more, and not all 0.", field="weights")
    return (losses * weights).sum() / total


def shared_log_probs(of_query: Tensor, of_product: Tensor) -> Tensor:
    """log pi(c | q, t) of log pi(c | q) and log pi(c | t), of one shape."""
    return torch.logaddexp(of_query, of_product) - math.log(2)
