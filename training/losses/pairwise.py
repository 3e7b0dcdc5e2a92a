"""Bradley-Terry on cosines: in each pair of grades, the better product should score more.

    L = - mean over a row's pairs with grade_a > grade_b, over all rows  log sigmoid( (s_a - s_b) / tau )

Source: R. A. Bradley, M. E. Terry, "Rank analysis of incomplete block designs", Biometrika 1952; as RankNet, C. Burges
et al., ICML 2005. The simplest baseline of `odds_ratio`: it sees no product outside of the pair.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from multirecall.training.losses.rows import UNLABELLED, check_positive, checked_rows, labelled_first, mean_of_terms

__all__ = ["TEMPERATURE", "bradley_terry", "gaps_of_pairs"]

TEMPERATURE = 0.05


def bradley_terry(
    scores: Tensor, grades: Tensor, *, ignored: Tensor | None = None, temperature: float = TEMPERATURE
) -> Tensor:
    """The mean over all pairs of different grades of all rows; 0 without any. See `rows` for the arguments.

    Unlabelled products take no part. Raises InvalidInput as `checked_rows`, and for a temperature that is not above 0.
    """
    check_positive("temperature", temperature)
    scores, kept = checked_rows(scores, grades, ignored)
    return mean_of_terms(functional.softplus(-gaps_of_pairs(scores, grades, kept) / temperature))


def gaps_of_pairs(scores: Tensor, grades: Tensor, kept: Tensor) -> Tensor:
    """`s_a - s_b` of every pair of a row with grade_a > grade_b >= 0, row by row; shape (pairs,)."""
    s, g = labelled_first(scores, grades, kept)
    pairs = (g[:, :, None] > g[:, None, :]) & (g[:, None, :] > UNLABELLED)
    return (s[:, :, None] - s[:, None, :])[pairs]
