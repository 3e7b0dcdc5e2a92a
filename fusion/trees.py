"""Trees: the scores of a LightGBM model for some hundred candidates, many times faster than LightGBM's own.

LightGBM walks each row down each tree, and at every node the processor guesses the way, often wrongly. QuickScorer
(Lucchese et al., SIGIR 2015) asks every node of all rows instead, several rows in one instruction: a row that goes to
the right of a node cannot end in the leaves to its left, and the first leaf that remains is the row's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from multirecall.core.compiled import compiled, lowest_bit
from multirecall.core.errors import InvalidInput, InvalidSettings

__all__ = ["MAX_LEAVES", "Trees"]

MAX_LEAVES = 64
"""Of a tree: one bit each."""

_BLOCK = 64
"""Rows scored together: what of them is looked at again and again (the leaves of all trees) stays in the cache."""

_CATEGORICAL, _DEFAULT_LEFT, _ZERO_IS_MISSING, _NAN_IS_MISSING = 1, 2, 4, 8
"""Bits of a node's decision type in LightGBM's text."""

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]
Leaves = NDArray[np.uint64]
"""Sets of leaves of one tree: the lowest bit is the leaf furthest to the left."""


class _Node(NamedTuple):
    """A row goes left if its value is `<= threshold`; if right, `right` has the leaves that it may still end in.

    `missing` stands in for a missing value: -inf goes left always; NaN goes right always, even where the threshold is
    infinite; 0 is what LightGBM takes where no value was missing in training.
    """

    feature: int
    missing: float
    threshold: float
    tree: int
    right: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trees:
    """The nodes of all trees, those of one feature and one `missing` side by side, thresholds rising: a column.

    Shapes: (n_columns,) `features` and `missing`; (n_columns + 1,) `begins`, where the nodes of each column begin;
    (n_nodes,) `thresholds`, `trees` and `right`; (n_trees, most leaves of a tree) `values` of the leaves from left to
    right.
    """

    n_features: int
    features: Integers
    missing: Floats
    begins: Integers
    thresholds: Floats
    trees: Integers
    right: Leaves
    values: Floats

    @classmethod
    def of(cls, text: str) -> Trees:
        """Those of a model as LightGBM writes it (`Booster.model_to_string`).

        The first in a process compiles for about a second, or reads what another one compiled (`fusion/compiled.py`).
        Raises InvalidSettings for trees that no blender grows: with more than `MAX_LEAVES` leaves, with linear leaves,
        with categories, or with 0 as missing.
        """
        header, *blocks = text.split("\nend of trees")[0].split("\nTree=")
        values: list[list[float]] = []
        nodes: list[_Node] = []
        for number, block in enumerate(blocks):
            tree = _fields(block)
            of_leaf = [float(value) for value in tree["leaf_value"].split()]
            if len(of_leaf) > MAX_LEAVES or int(tree.get("is_linear", 0)):
                raise _unreadable(f"tree {number} has linear leaves, or more than {MAX_LEAVES}")
            leaves = _leaves(tree, number, nodes) if len(of_leaf) > 1 else [0]
            values.append([of_leaf[leaf] for leaf in leaves])
        nodes.sort(key=lambda node: (node.feature, str(node.missing), node.threshold))
        columns = [(node.feature, str(node.missing)) for node in nodes]
        most = max(map(len, values))
        begins = [at for at, column in enumerate(columns) if not at or column != columns[at - 1]]
        trees = cls(
            n_features=1 + int(_fields(header)["max_feature_idx"]),
            features=np.array([nodes[at].feature for at in begins], dtype=np.intp),
            missing=np.array([nodes[at].missing for at in begins], dtype=np.float64),
            begins=np.array([*begins, len(nodes)], dtype=np.intp),
            thresholds=np.array([node.threshold for node in nodes], dtype=np.float64),
            trees=np.array([node.tree for node in nodes], dtype=np.intp),
            right=np.array([node.right for node in nodes], dtype=np.uint64),
            values=np.array([[*row, *[0.0] * (most - len(row))] for row in values]),
        )
        trees.scores(np.zeros((1, trees.n_features)))  # compiled now, not in a search
        return trees

    def scores(self, matrix: Floats) -> Floats:
        """As `Booster.predict` gives them, to the last bit. Shape (n, n_features) in, (n,) out.

        Fastest in Fortran order. Raises InvalidInput for another number of features.
        """
        if matrix.ndim != 2 or matrix.shape[1] != self.n_features:
            raise InvalidInput(f"The trees need {self.n_features} features, got {matrix.shape}.", field="matrix")
        rows = np.ascontiguousarray(matrix.T, dtype=np.float64)
        scores: Floats = _scores(
            rows, self.features, self.missing, self.begins, self.thresholds, self.trees, self.right, self.values
        )
        return scores


def _fields(block: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in block.splitlines() if "=" in line)


def _leaves(tree: Mapping[str, str], number: int, nodes: list[_Node]) -> list[int]:
    """The numbers of a tree's leaves from left to right; its nodes are added to `nodes`."""
    features, kinds, left, right = (
        [int(value) for value in tree[name].split()]
        for name in ("split_feature", "decision_type", "left_child", "right_child")
    )
    thresholds = [float(value) for value in tree["threshold"].split()]
    all_leaves = (1 << len(features) + 1) - 1

    def below(child: int, place: int) -> list[int]:
        """Of a node, or of a leaf (below 0), of which `place` leaves stand to the left."""
        if child < 0:
            return [~child]
        to_left = below(left[child], place)
        to_right = below(right[child], place + len(to_left))
        lost = (1 << len(to_left)) - 1 << place
        nodes.append(_Node(features[child], _missing(kinds[child]), thresholds[child], number, all_leaves & ~lost))
        return to_left + to_right

    return below(0, 0)


def _missing(kind: int) -> float:
    """What stands in for a missing value at a node of this decision type."""
    if kind & (_CATEGORICAL | _ZERO_IS_MISSING):
        raise _unreadable("they split by categories, or take 0 as missing")
    if not kind & _NAN_IS_MISSING:
        return 0.0
    return -np.inf if kind & _DEFAULT_LEFT else np.nan


def _unreadable(why: str) -> InvalidSettings:
    return InvalidSettings(
        f"These are not the trees of a blender: {why}.",
        hint="Train it again: multirecall train blender.",
        field="fusion",
    )


@compiled
def _scores(
    rows: Floats,
    features: Integers,
    missing: Floats,
    begins: Integers,
    thresholds: Floats,
    trees: Integers,
    right: Leaves,
    values: Floats,
) -> Floats:
    n = rows.shape[1]
    every = ~np.uint64(0)
    scores = np.zeros(n)
    possible, of_all = np.empty((len(values), _BLOCK), dtype=np.uint64), np.empty(len(values), dtype=np.uint64)
    value = np.empty(_BLOCK)
    for first in range(0, n, _BLOCK):
        size = min(_BLOCK, n - first)  # of the last block; the last row fills it up
        possible[:], of_all[:] = every, every
        for column in range(len(features)):
            row, stand_in = rows[features[column], first : first + size], missing[column]
            lowest, highest, unknown = np.inf, -np.inf, False
            for i in range(_BLOCK):
                one = row[min(i, size - 1)]
                value[i] = stand_in if np.isnan(one) else one
                lowest, highest = min(lowest, value[i]), max(highest, value[i])
                unknown |= np.isnan(value[i])
            node, end = begins[column], begins[column + 1]
            while node < end and not lowest <= thresholds[node]:  # all go right
                of_all[trees[node]] &= right[node]
                node += 1
            while node < end and (unknown or highest > thresholds[node]):  # some do; at the nodes after these, none
                threshold, if_right, of_tree = thresholds[node], right[node], possible[trees[node]]
                for i in range(_BLOCK):  # without a branch: the compiler makes it a few instructions for many rows
                    of_tree[i] &= every if value[i] <= threshold else if_right
                node += 1
        for tree in range(len(values)):
            of_tree, of_leaf = possible[tree], values[tree]
            for i in range(size):
                scores[first + i] += of_leaf[lowest_bit(of_tree[i] & of_all[tree])]
    return scores
