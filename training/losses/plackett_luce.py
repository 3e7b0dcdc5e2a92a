"""Plackett-Luce: the best product is chosen out of the group, then the next out of what is left.

    L = - mean over choices  log( exp(s_p / tau) / ( exp(s_p / tau) + sum_{q: grade_q < grade_p} exp(s_q / tau) ) )

With one product per grade this is the likelihood of the ordered group; products of one grade do not compete. Source:
R. L. Plackett, "The Analysis of Permutations", Applied Statistics 1975; as ListMLE, F. Xia et al., ICML 2008.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from multirecall.training.losses.rows import UNLABELLED, check_positive, checked_rows, labelled_first, mean_of_terms

__all__ = ["TEMPERATURE", "plackett_luce"]

TEMPERATURE = 0.05


def plackett_luce(
    scores: Tensor, grades: Tensor, *, ignored: Tensor | None = None, temperature: float = TEMPERATURE
) -> Tensor:
    """The mean over the choices of all rows, one per product that has a lower grade below it; 0 without any.

    Unlabelled products take no part. See `rows` for the arguments. Raises InvalidInput as `checked_rows`, and for a
    temperature that is not above 0.
    """
    check_positive("temperature", temperature)
    scores, kept = checked_rows(scores, grades, ignored)
    s, g = labelled_first(scores / temperature, grades, kept)
    below = (g[:, :, None] > g[:, None, :]) & (g[:, None, :] > UNLABELLED)
    rows, chosen = below.any(dim=2).nonzero(as_tuple=True)
    left = torch.logsumexp(s[rows].masked_fill(~below[rows, chosen], -torch.inf), dim=1)
    return mean_of_terms(functional.softplus(left - s[rows, chosen]))
