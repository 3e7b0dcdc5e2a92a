"""What a tower makes of judged groups while it learns: scores of pairs, and how well it ranks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from multirecall.evaluation.measures import NDCG
from multirecall.training.dense.base import Tower
from multirecall.training.dense.stages import encoded
from multirecall.training.graded.groups import GradedGroup

__all__ = ["held_out_ndcg", "scores_of", "unit_vectors"]

Floats = NDArray[np.float32]


def unit_vectors(tower: Tower, texts: Sequence[str]) -> Floats:
    """Rows of length 1 in the order of the texts, shape (n, dim), by the tower as it is."""
    found = encoded(tower, texts)
    rows: Floats = functional.normalize(torch.stack(list(found.values())), dim=1).cpu().numpy()
    row_of = {text: at for at, text in enumerate(found)}
    return rows[[row_of[text] for text in texts]]


def scores_of(tower: Tower, groups: Sequence[GradedGroup], texts: Mapping[str, str]) -> Floats:
    """The cosine of every judged pair, group after group in the groups' order; shape (pairs,)."""
    queries = unit_vectors(tower, [group.query for group in groups])
    products = unit_vectors(tower, [texts[product] for group in groups for product in group.products])
    sizes = [len(group) for group in groups]
    scores: Floats = np.einsum("nd,nd->n", np.repeat(queries, sizes, axis=0), products)
    return scores


def held_out_ndcg(tower: Tower, groups: Sequence[GradedGroup], texts: Mapping[str, str], *, k: int = 10) -> float:
    """Mean nDCG@k of an exact search over the products that were judged for any of these queries; a product without a
    judgment for the query counts as irrelevant. Queries without a level above 0 do not count; 0 without any other."""
    asked = [group for group in groups if max(group.grades) > 0]
    if not asked:
        return 0.0
    products = sorted({product for group in groups for product in group.products})
    queries = unit_vectors(tower, [group.query for group in asked])
    scores = queries @ unit_vectors(tower, [texts[product] for product in products]).T
    measure = NDCG(k=k)
    figures = [
        measure(
            [products[at] for at in np.argsort(-row, kind="stable")[:k]],
            dict(zip(group.products, map(float, group.grades), strict=True)),
        )
        for group, row in zip(asked, scores, strict=True)
    ]
    return float(np.mean(figures))
