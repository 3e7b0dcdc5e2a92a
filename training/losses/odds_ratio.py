"""ROAR: the odds of consecutive grades in a group, each above the next.

    z = s / tau,  log odds_j = z_j - logsumexp_{k != j} z_k,  Delta = log odds_upper - log odds_lower
    L = - 1/C sum over consecutive pairs  log sigmoid( Delta - margin * (grade_upper - grade_lower) )

Source: "Semantic Retrieval for Product Search in E-Commerce", arXiv 2606.01504 (relative odds alignment); C counts the
pairs of the batch. Odds are never formed: `1 - P` is 0 in 32 bits at tau = .01. The margin is ours: without one, a gap
of .1 at tau = .01 has no gradient left, so the loss orders but does not spread.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from multirecall.core.errors import InvalidInput
from multirecall.training.losses.rows import UNLABELLED, check_positive, checked_rows, mean_of_terms

__all__ = ["TEMPERATURE", "drawn_groups", "log_odds_gaps", "odds_ratio"]

TEMPERATURE = 0.05


def odds_ratio(
    scores: Tensor,
    grades: Tensor,
    *,
    ignored: Tensor | None = None,
    temperature: float = TEMPERATURE,
    margin: float = 0.0,
) -> Tensor:
    """The mean over the consecutive pairs of all rows; 0 if there is none. See `rows` for the arguments.

    A row's group are its labelled products, one per grade at most (`drawn_groups` draws such); they and its unlabelled
    products make up the softmax. `margin`, 0 or more, is in log odds per step of grade. Raises InvalidInput as
    `checked_rows`, for two products of one grade in a row, and for hyper-parameters out of range.
    """
    if not (math.isfinite(margin) and margin >= 0.0):
        raise InvalidInput(f"margin must be 0 or more, got {margin}.", field="margin")
    gaps, steps = log_odds_gaps(scores, grades, ignored=ignored, temperature=temperature)
    return mean_of_terms(functional.softplus(margin * steps - gaps))


def log_odds_gaps(
    scores: Tensor, grades: Tensor, *, ignored: Tensor | None = None, temperature: float = TEMPERATURE
) -> tuple[Tensor, Tensor]:
    """Delta of each consecutive pair, row by row and best grades first, and by how many grades the two differ.

    Shapes (C,) both. A gap above 0 is in order. Raises InvalidInput as `odds_ratio`.
    """
    check_positive("temperature", temperature)
    scores, kept = checked_rows(scores, grades, ignored)
    z = (scores / temperature).masked_fill(~kept, -torch.inf)
    member = kept & (grades > UNLABELLED)
    member &= (member.sum(dim=1) > 1)[:, None]  # a group of one has no odds to compare
    rows, columns = member.nonzero(as_tuple=True)
    levels = grades[rows, columns]
    order = (rows * (int(grades.max()) + 1) - levels).argsort(stable=True)
    rows, columns, levels = rows[order], columns[order], levels[order]
    others = z[rows].scatter(1, columns[:, None], -torch.inf)
    log_odds = z[rows, columns] - torch.logsumexp(others, dim=1)
    paired = rows[:-1] == rows[1:]
    steps = (levels[:-1] - levels[1:])[paired]
    if bool((steps == 0).any()):
        raise InvalidInput(
            "A row has two products of one grade: there is no order between them.",
            hint="Draw one per grade with `drawn_groups`.",
            field="grades",
        )
    return (log_odds[:-1] - log_odds[1:])[paired], steps


def drawn_groups(
    grades: Tensor, *, ignored: Tensor | None = None, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """One product of each grade of each row, drawn evenly: `grades` and `ignored` for `odds_ratio`. Shapes (n, m).

    The other labelled products of a row are ignored by it: they are neither of the group nor wrong. Draw anew for each
    round over the data.
    """
    out = torch.zeros_like(grades, dtype=torch.bool) if ignored is None else ignored.clone()
    drawn = torch.rand(grades.shape, generator=generator, device=grades.device)
    for grade in range(int(grades.max()) + 1):
        candidates = (grades == grade) & ~out
        chosen = drawn.masked_fill(~candidates, -1.0).argmax(dim=1, keepdim=True)
        out |= candidates & ~torch.zeros_like(candidates).scatter(1, chosen, value=True)
    return grades, out
