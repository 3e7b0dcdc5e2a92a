"""Direct preference optimisation: the better product should gain on the other, against a frozen encoder.

    L = - mean over pairs with grade_a > grade_b  log sigmoid( beta [ (s_a - s_b) - (r_a - r_b) ] / tau )

`r` are the scores of the encoder before the training. Source: R. Rafailov et al., "Direct Preference Optimization",
NeurIPS 2023, with log pi = log softmax(s / tau) over the row: the normaliser of a row cancels in each pair.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from multirecall.core.errors import InvalidInput
from multirecall.training.losses.pairwise import TEMPERATURE, gaps_of_pairs
from multirecall.training.losses.rows import check_positive, checked_rows, mean_of_terms

__all__ = ["BETA", "direct_preference"]

BETA = 0.1


def direct_preference(
    scores: Tensor,
    grades: Tensor,
    *,
    reference: Tensor,
    ignored: Tensor | None = None,
    temperature: float = TEMPERATURE,
    beta: float = BETA,
) -> Tensor:
    """The mean over all pairs of different grades of all rows; 0 without any. See `rows` for the arguments.

    `reference` has the shape of the scores and gets no gradient; `beta`, above 0, says how freely the scores may leave
    it. Raises InvalidInput as `checked_rows`, and for what is out of range.
    """
    check_positive("temperature", temperature)
    check_positive("beta", beta)
    scores, kept = checked_rows(scores, grades, ignored)
    if reference.shape != scores.shape:
        raise InvalidInput(
            f"`reference` has shape {tuple(reference.shape)}, not {tuple(scores.shape)}.", field="reference"
        )
    gained = gaps_of_pairs(scores - reference.detach(), grades, kept)
    return mean_of_terms(functional.softplus(-beta * gained / temperature))
