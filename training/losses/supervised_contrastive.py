"""Label-aware supervised contrastive loss: a grade is right against the grades below it, wrong against those above.

    L = mean_i sum_c w_c mean_{p of grade c} -log( e(s_ip) / ( e(s_ip) + sum_{n in N_ic} e(s_in) ) )

with e(s) = exp(s / tau). N_ic holds the row's products of a grade below c and those without a label; products of a
higher grade, and others of grade c, are in no such sum. Source: the label-aware supervised contrastive objective of
"Mine and Refine", arXiv 2602.17654, stage 1, in the form of P. Khosla et al., "Supervised Contrastive Learning",
NeurIPS 2020.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import torch
from torch import Tensor
from torch.nn import functional

from multirecall.core.errors import InvalidInput
from multirecall.training.losses.rows import check_positive, checked_rows

__all__ = ["TEMPERATURE", "WEIGHTS", "supervised_contrastive"]

TEMPERATURE = 0.05
WEIGHTS: Mapping[int, float] = MappingProxyType({2: 1.0, 1: 0.5})


def supervised_contrastive(
    scores: Tensor,
    grades: Tensor,
    *,
    ignored: Tensor | None = None,
    temperature: float = TEMPERATURE,
    weights: Mapping[int, float] = WEIGHTS,
) -> Tensor:
    """The mean over the rows that have a product of a weighted grade; 0 if none has. See `rows` for the arguments.

    `weights` names every grade above 0 that may occur (`even_weights` makes them for any number of grades); a weight of
    0 leaves the grade's own term out, while its products stay wrong answers to the grades above. A grade without any
    product below it costs nothing. Raises InvalidInput as `checked_rows`, for a temperature that is not above 0, and
    for weights that are negative or of a grade below 1.
    """
    check_positive("temperature", temperature)
    if not weights or min(weights) < 1 or min(weights.values()) < 0:
        raise InvalidInput("Weights are 0 or more, by grade from 1.", field="weights")
    scores, kept = checked_rows(scores, grades, ignored, highest=max(weights))
    z = scores / temperature
    total = z.new_zeros(len(z))
    counted = torch.zeros(len(z), dtype=torch.bool, device=z.device)
    for grade, weight in weights.items():
        positive = (grades == grade) & kept
        below = torch.logsumexp(z.masked_fill(~(kept & (grades < grade)), -torch.inf), dim=1, keepdim=True)
        costs = functional.softplus(below - z).masked_fill(~positive, 0.0)
        n_positive = positive.sum(dim=1)
        total = total + weight * costs.sum(dim=1) / n_positive.clamp(min=1)
        counted |= n_positive > 0
    return total.sum() / counted.sum().clamp(min=1)
