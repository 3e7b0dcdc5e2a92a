"""Training of the tree: shape first, then the classifiers of every node."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from multirecall.core.errors import InvalidInput
from multirecall.recall.xmc.tree import TreeLevel, XmcTree
from multirecall.training.xmc.classifiers import fit_children
from multirecall.training.xmc.clustering import grouped, product_vectors
from multirecall.training.xmc.instances import Instances, collect

__all__ = ["XmcTraining"]

Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class XmcTraining:
    """How a tree is trained.

    `branches` per node at most, about `leaf` products below the last node. `cost` of an error against |w|^2 / 2, and
    `positive_weight` times that for a node's own examples: both chosen on Icecat (docs/results/generative.md). Weights
    below `threshold` are dropped; grams are hashed to `columns`.
    """

    branches: int = 32
    leaf: int = 64
    cost: float = 0.1
    positive_weight: float = 3.0
    rounds: int = 10
    threshold: float = 0.02
    columns: int = 1 << 18
    seed: int = 0

    def __post_init__(self) -> None:
        above_0 = (self.rounds, self.columns, self.cost, self.positive_weight)
        if min(self.branches, self.leaf) < 2 or min(above_0) <= 0:
            raise InvalidInput("branches and leaf are 2 or more, rounds, columns, costs above 0.", field="branches")

    def fit(
        self,
        pairs: Iterable[tuple[str, str]],
        *,
        language: str,
        advance: Callable[[int, int], None] = lambda done, total: None,
    ) -> XmcTree:
        """A tree of (text, id of a product that answers it) pairs; a product without a text is not in it.

        `advance` is told (nodes done, nodes in all) and may raise to stop. The same pairs give the same tree on one
        machine. Raises InvalidInput without a text.
        """
        instances = collect(pairs, language=language, columns=self.columns)
        vectors = product_vectors(instances, seed=self.seed)
        levels = grouped(vectors, branches=self.branches, leaf=self.leaf, seed=self.seed)
        order = np.argsort(levels[-1], kind="stable") if levels else np.arange(len(vectors))
        leaves = np.empty_like(order)
        leaves[order] = np.arange(len(order))
        chain = [np.zeros_like(leaves), *levels, leaves]
        total = sum(int(parents.max()) + 1 for parents in chain[:-1])
        done = 0
        made = []
        for parents, children in pairwise(chain):
            nodes = []
            for node in self._nodes(instances, parents, children):
                nodes.append(node)
                done += 1
                advance(done, total)
            made.append(_level(nodes))
        products = tuple(instances.products[at] for at in order.tolist())
        return XmcTree(grams=instances.grams, levels=tuple(made), products=products)

    def _nodes(self, instances: Instances, parents: Places, children: Places) -> Iterator[list[_Classifier]]:
        """The classifiers of each parent's children, parent by parent."""
        of_pair = children[instances.product]
        pairs = np.unique(np.column_stack([of_pair, instances.row]), axis=0)  # a row counts once for a child
        parent_of = np.zeros(int(children.max()) + 1, dtype=np.int64)
        parent_of[children] = parents
        owner = parent_of[pairs[:, 0]]
        bounds = np.searchsorted(owner, np.arange(int(parents.max()) + 2))
        for start, stop in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
            yield self._node(instances, pairs[start:stop, 0], pairs[start:stop, 1])

    def _node(self, instances: Instances, child: Places, row: Places) -> list[_Classifier]:
        """`child` rises, and is numbered through within one parent."""
        rows, positives = np.unique(row, return_inverse=True)
        sizes = instances.starts[rows + 1] - instances.starts[rows]
        starts = np.concatenate([[0], np.cumsum(sizes)])
        places = np.arange(starts[-1]) + np.repeat(instances.starts[rows] - starts[:-1], sizes)
        used, columns = np.unique(instances.columns[places], return_inverse=True)
        firsts = np.searchsorted(child, np.arange(child[0], child[-1] + 2))
        weights = fit_children(
            starts,
            columns,
            instances.values[places],
            len(used),
            firsts,
            positives,
            self.cost,
            self.positive_weight,
            self.rounds,
        )
        out = []
        for learned in weights:
            kept = np.flatnonzero(np.abs(learned[:-1]) >= self.threshold)
            out.append(_Classifier(columns=used[kept], weights=learned[kept], bias=float(learned[-1])))
        return out


@dataclass(frozen=True, slots=True, kw_only=True)
class _Classifier:
    columns: NDArray[np.uint32]
    weights: NDArray[np.float32]
    bias: float


def _level(nodes: list[list[_Classifier]]) -> TreeLevel:
    flat = [one for node in nodes for one in node]
    return TreeLevel(
        first=np.concatenate([[0], np.cumsum([len(node) for node in nodes])]).astype(np.int64),
        starts=np.concatenate([[0], np.cumsum([len(one.columns) for one in flat])]).astype(np.int64),
        columns=np.concatenate([one.columns for one in flat]).astype(np.uint32),
        weights=np.concatenate([one.weights for one in flat]).astype(np.float32),
        bias=np.array([one.bias for one in flat], dtype=np.float32),
    )
