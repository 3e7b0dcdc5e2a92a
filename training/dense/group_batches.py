"""Batches of graded groups: some products of each query's grades, and all that is known of every query and product."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from multirecall.core.errors import InvalidInput
from multirecall.training.dense.pairs import Laps
from multirecall.training.graded.groups import GradedGroup
from multirecall.training.losses.rows import UNLABELLED

__all__ = ["GroupBatch", "GroupBatches"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroupBatch:
    """n queries by their texts, the m products that they drew by id, and what is known of each pair.

    Shapes (n, m): `levels` int64, UNLABELLED where nobody judged the pair; `own`, whether the query itself drew the
    product; `ignored`, whether the pair says nothing: no judgment, but as good as a product with a level above 0.
    """

    queries: Sequence[str]
    products: Sequence[str]
    levels: NDArray[np.int64]
    own: NDArray[np.bool_]
    ignored: NDArray[np.bool_]


class GroupBatches:
    """Batch `step` is a function of seed and step: a training that goes on in the middle sees what it would have seen.

    A round goes through all groups in an order of its own, and each group draws `per_level` products of each of its
    levels anew. Of those drawn, a product stays with the probability that its weight is: what is less than sure teaches
    so much less, whatever the loss. Where none would stay, all do.
    """

    def __init__(
        self,
        groups: Sequence[GradedGroup],
        *,
        batch: int,
        per_level: int,
        seed: int,
        judged: Sequence[GradedGroup] = (),
        kinds: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """`judged` are not drawn from, but what they say of the groups' queries is known. `kinds` gives, by product,
        what its near duplicates share (a title, or brand and category).

        Raises InvalidInput without a group, or for a batch or a number per level below 1.
        """
        if not groups or batch < 1 or per_level < 1:
            raise InvalidInput(
                f"{len(groups)} groups in batches of {batch} with {per_level} products of each level cannot be had.",
                hint="Each must be 1 or more.",
                field="batch",
            )
        self._groups = tuple(groups)
        self._batch = min(batch, len(groups))
        self._per_level = per_level
        self._seed = seed
        self._laps = Laps(len(groups), seed=(seed, 0))
        self._kinds = kinds
        self._known = _Judged()
        drawn = {group.query for group in groups}
        for group in (*groups, *(group for group in judged if group.query in drawn)):
            self._known.add(group.query, dict(zip(group.products, group.grades, strict=True)), kinds)

    def steps(self, epochs: float) -> int:
        """How many batches that many rounds are, one at least."""
        return max(1, round(epochs * len(self._groups) / self._batch))

    def batch(self, step: int) -> GroupBatch:
        """The batch of one step, counted from 0."""
        drawn = [self._drawn(at) for at in range(step * self._batch, (step + 1) * self._batch)]
        columns = {product: at for at, product in enumerate(dict.fromkeys(p for _, some in drawn for p in some))}
        shape = (len(drawn), len(columns))
        levels = np.full(shape, UNLABELLED, dtype=np.int64)
        own, ignored = np.zeros(shape, dtype=np.bool_), np.zeros(shape, dtype=np.bool_)
        kinds = [self._kinds.get(product) for product in columns]
        for row, (group, products) in enumerate(drawn):
            own[row, [columns[product] for product in products]] = True
            judged, answers = self._known.levels[group.query], self._known.answers[group.query]
            for product, column in columns.items():
                if product in judged:
                    levels[row, column] = judged[product]
                elif kinds[column] in answers:
                    ignored[row, column] = True
        return GroupBatch(
            queries=[group.query for group, _ in drawn],
            products=list(columns),
            levels=levels,
            own=own,
            ignored=ignored,
        )

    def _drawn(self, at: int) -> tuple[GradedGroup, list[str]]:
        """The group at a place of the endless course over all rounds, and the products that it draws there."""
        lap, number = self._laps.at(at)
        group = self._groups[number]
        random = np.random.default_rng((self._seed, 1, lap, number))
        drawn: list[int] = []
        for level in group.levels:
            of_level = [at for at, grade in enumerate(group.grades) if grade == level]
            drawn += [of_level[i] for i in sorted(random.permutation(len(of_level))[: self._per_level])]
        if group.weights:
            drawn = [at for at in drawn if random.random() < group.weight(at)] or drawn
        return group, [group.products[at] for at in drawn]


@dataclass(frozen=True, slots=True)
class _Judged:
    """By query: levels of products, and what the near duplicates of those with a level above 0 share."""

    levels: dict[str, dict[str, int]] = field(default_factory=dict)
    answers: dict[str, set[str | None]] = field(default_factory=dict)

    def add(self, query: str, judged: Mapping[str, int], kinds: Mapping[str, str]) -> None:
        self.levels.setdefault(query, {}).update(judged)
        kept = self.answers.setdefault(query, set())
        kept.update(kinds[product] for product, level in judged.items() if level > 0 and product in kinds)
