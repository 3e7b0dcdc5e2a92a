"""XmcTree: from a query to products by a beam search down a tree of linear classifiers.

XR-Linear (PECOS, Yu et al., JMLR 2022) after Parabel (Prabhu et al., WWW 2018): inner nodes are groups of products that
are asked for in like words, leaves are products. A path's score is the product of what its classifiers say,
exp(-max(0, 1 - w x - b)^3) for each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from multirecall.core.compiled import compiled
from multirecall.core.errors import InvalidInput
from multirecall.encoders.base import Float32Array
from multirecall.recall.xmc.grams import Columns, Grams, SparseRow

__all__ = ["Scored", "TreeLevel", "XmcTree"]

Places = NDArray[np.int64]

_LEAST = float(np.log(1e-30))
"""Paths that are less likely lead nowhere; float32 still holds their score."""


class Scored(NamedTuple):
    """Products with their scores, 0 to 1, best first (ties: the order of the tree)."""

    products: tuple[str, ...]
    scores: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TreeLevel:
    """The classifiers of one level. Node p of the level above has the children `first[p]` to `first[p + 1]`.

    Weights of child c: `columns` and `weights` from `starts[c]` to `starts[c + 1]`, and `bias[c]`. Shapes: first
    (parents + 1,), starts (children + 1,), columns and weights (all weights,), bias (children,).
    """

    first: Places
    starts: Places
    columns: Columns
    weights: Float32Array
    bias: Float32Array

    def margins(self, children: Places, query: Float32Array) -> Float32Array:
        """w x + b of these children for a query as a dense row; shape (children,)."""
        return _margins(children, self.starts, self.columns, self.weights, self.bias, query)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class XmcTree:
    """`levels` from the root down; the children of the last one are `products`, in their order."""

    grams: Grams
    levels: tuple[TreeLevel, ...]
    products: tuple[str, ...]
    fingerprint: str = ""

    def __post_init__(self) -> None:
        parents = 1
        for level in self.levels:
            if len(level.first) != parents + 1 or len(level.starts) != int(level.first[-1]) + 1:
                raise InvalidInput("The levels of the tree do not fit each other.", field="levels")
            parents = len(level.bias)
        if not parents == len(self.products) == len(set(self.products)):
            raise InvalidInput(f"The tree has {parents} leaves, which must be as many products.", field="products")

    def best(self, text: str, k: int, *, beam: int = 10) -> Scored:
        """The `k` best products that lie below the `beam` best nodes of each level. None for a text without a gram that
        training saw. Safe for several threads."""
        row = self.grams.row(text)
        if not len(row.columns):
            return Scored((), ())
        query = _dense(row, len(self.grams.weights))
        nodes, scores = np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.float32)
        for depth, level in enumerate(self.levels, start=1):
            if not len(nodes):
                break
            widths = level.first[nodes + 1] - level.first[nodes]
            children = np.concatenate([np.arange(level.first[node], level.first[node + 1]) for node in nodes.tolist()])
            short = np.maximum(0.0, 1.0 - level.margins(children, query))
            reached = np.repeat(scores, widths) - short**3
            kept = _top(reached, k if depth == len(self.levels) else beam)
            kept = kept[reached[kept] > _LEAST]
            nodes, scores = children[kept], reached[kept]
        return Scored(tuple([self.products[at] for at in nodes.tolist()]), tuple(np.exp(scores).tolist()))


@compiled
def _margins(
    children: Places, starts: Places, columns: Columns, weights: Float32Array, bias: Float32Array, query: Float32Array
) -> Float32Array:
    found = np.empty(len(children), dtype=np.float32)
    for place in range(len(children)):
        child = children[place]
        margin = bias[child]
        for at in range(starts[child], starts[child + 1]):
            margin += weights[at] * query[columns[at]]
        found[place] = margin
    return found


def _dense(row: SparseRow, size: int) -> Float32Array:
    query = np.zeros(size, dtype=np.float32)
    query[row.columns] = row.values
    return query


def _top(scores: Float32Array, k: int) -> NDArray[np.intp]:
    """Places of the `k` highest, highest first."""
    return np.argsort(-scores, kind="stable")[:k]
