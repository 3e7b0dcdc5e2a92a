"""Grades by construction: the full sets of exact, substitute and complement products of a meaning.

Products are indexed by type, and within a type the columns are compared as arrays: a query costs time in the size of
its types, not of the catalogue.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.testbed.meaning import Answer, Constraint, Meaning
from multirecall.evaluation.testbed.population import Population
from multirecall.evaluation.testbed.world import ProductType

__all__ = ["Graded", "Grader"]

Ordinals = NDArray[np.int32]
Mask = NDArray[np.bool_]
_NONE: Ordinals = np.zeros(0, dtype=np.int32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Graded:
    """Product ordinals per grade, each ascending; no product is in two of them."""

    exact: Ordinals
    substitute: Ordinals
    complement: Ordinals


class Grader:
    """Grades meanings against one population."""

    def __init__(self, population: Population) -> None:
        self._population = population
        self._world = population.world
        order = np.argsort(population.kind, kind="stable").astype(np.int32)
        edges = np.searchsorted(population.kind[order], np.arange(len(self._world.types) + 1))
        self._devices_of = {
            t.key: tuple(o for o in self._world.types if o.fits == t.key or t.fits == o.key) for t in self._world.types
        }
        self._of_type = [order[edges[k] : edges[k + 1]] for k in range(len(self._world.types))]

    def products_of(self, kind: int) -> Ordinals:
        """All products of a type, ascending."""
        return self._of_type[kind]

    def grade(self, meaning: Meaning) -> Graded:
        """The graded sets. Raises InvalidInput for a constraint on an attribute that the type does not have."""
        exact: list[Ordinals] = []
        near: list[Ordinals] = []
        for answer in meaning.answers:
            for key in answer.types:
                t = self._world.type(key)
                products = self._of_type[t.ordinal]
                hard, soft = self._masks(t, products, answer)
                exact.append(products[hard & soft])
                near.append(products[hard & ~soft])
        best = _union(exact)
        return Graded(
            exact=best,
            substitute=np.setdiff1d(_union(near), best, assume_unique=True),
            complement=_union(list(self._complements(meaning, best))),
        )

    def _masks(self, t: ProductType, products: Ordinals, answer: Answer) -> tuple[Mask, Mask]:
        hard = np.ones(len(products), dtype=np.bool_)
        soft = hard.copy()
        for constraint in answer.constraints:
            target = hard if constraint.hard else soft
            target &= self._met(t, products, constraint)
        return hard, soft

    def _met(self, t: ProductType, products: Ordinals, constraint: Constraint) -> Mask:
        p, value = self._population, constraint.value
        met: Mask
        if constraint.attribute == "price":
            return p.price_minor[products] <= int(value)
        if constraint.attribute == "brand":
            met = p.brand[products] == self._world.brands.index(str(value))
        elif constraint.attribute == "model":
            met = p.group[products] == constraint.ref
        elif constraint.attribute == "compatible_with":
            met = p.device[products] == constraint.ref
        else:
            slot = t.slot(constraint.attribute)
            if slot is None:
                raise InvalidInput(
                    f"{t.key} has no attribute {constraint.attribute!r}",
                    hint="Constrain an attribute of the type.",
                    field=constraint.attribute,
                )
            met = p.values[products, slot] == t.attributes[slot].values.index(str(value))
        return ~met if constraint.op == "is not" else met

    def _complements(self, meaning: Meaning, exact: Ordinals) -> Iterator[Ordinals]:
        asked = {key for answer in meaning.answers for key in answer.types}
        for answer in meaning.answers:
            for key in answer.types:
                t = self._world.type(key)
                yield from self._linked_by_device(t, exact, asked)
                for other_key, match in self._world.links[key].items():
                    if other_key not in asked:
                        yield self._linked_by_table(self._world.type(other_key), answer, match)

    def _linked_by_device(self, t: ProductType, exact: Ordinals, asked: set[str]) -> Iterator[Ordinals]:
        """Parts for a device that is an exact answer, and devices that an exact part is made for."""
        if not self._devices_of[t.key]:
            return
        p = self._population
        devices = np.unique(p.device[exact[p.kind[exact] == t.ordinal]])
        devices = devices[devices >= 0]
        for other in self._devices_of[t.key]:
            if other.key not in asked:
                products = self._of_type[other.ordinal]
                yield products[np.isin(p.device[products], devices)]

    def _linked_by_table(self, other: ProductType, answer: Answer, match: tuple[str, ...]) -> Ordinals:
        """All products of a linked type that share the asked values of the attributes in `match`."""
        products = self._of_type[other.ordinal]
        keep = np.ones(len(products), dtype=np.bool_)
        for constraint in answer.constraints:
            if constraint.attribute in match and constraint.op == "is":
                slot = other.slot(constraint.attribute)
                values = other.attributes[slot].values if slot is not None else ()
                if constraint.value in values:
                    keep &= self._population.values[products, slot] == values.index(str(constraint.value))
                else:  # the linked type does not come with this value at all
                    keep[:] = False
        return products[keep]


def _union(parts: list[Ordinals]) -> Ordinals:
    if not parts:
        return _NONE
    merged = np.sort(np.concatenate(parts))  # np.unique is several times slower on these short arrays
    fresh = np.ones(len(merged), dtype=np.bool_)
    fresh[1:] = merged[1:] != merged[:-1]
    return merged[fresh]
