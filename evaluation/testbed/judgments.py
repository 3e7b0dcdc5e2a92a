"""Judgments of a query: its graded sets, bounded, and sampled irrelevant products."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multirecall.evaluation.testbed.draws import below, draws
from multirecall.evaluation.testbed.grading import Graded, Grader
from multirecall.evaluation.testbed.meaning import Meaning
from multirecall.evaluation.testbed.population import Population

__all__ = ["BOUNDS", "IRRELEVANT", "Judged", "judge"]

BOUNDS = {3: 1000, 2: 300, 1: 300}
"""The most products a query lists per grade; of more, a uniform sample of this size is listed and the counts in
`constraints.jsonl` say how many there are. Up to some 10,000 products no query reaches a bound of grade 3."""
IRRELEVANT = 20
"""Sampled products of grade 0 per query: half from the families of the answers, half from the whole catalogue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Listed product ordinals by grade (3, 2, 1, 0), each ascending, and the sizes of the full sets."""

    listed: dict[int, NDArray[np.int32]]
    found: dict[int, int]


def judge(population: Population, grader: Grader, meaning: Meaning, *, number: int) -> Judged:
    """The judgments of the query of this number (it keys the samples)."""
    graded: Graded = grader.grade(meaning)
    full = {3: graded.exact, 2: graded.substitute, 1: graded.complement}
    listed = {grade: _bounded(population.seed, products, BOUNDS[grade], number) for grade, products in full.items()}
    relevant = np.concatenate([graded.exact, graded.substitute, graded.complement])
    listed[0] = np.setdiff1d(_strangers(population, grader, meaning, number), relevant)
    return Judged(listed=listed, found={grade: len(products) for grade, products in full.items()})


def _bounded(seed: int, products: NDArray[np.int32], bound: int, number: int) -> NDArray[np.int32]:
    if len(products) <= bound:
        return products
    keys = draws(seed, f"bound/{number}", products)
    return np.sort(products[np.argsort(keys, kind="stable")[:bound]])


def _strangers(population: Population, grader: Grader, meaning: Meaning, number: int) -> NDArray[np.int32]:
    """Candidates for grade 0, some of which may turn out to be relevant and are then dropped."""
    world = population.world
    families = {world.type(key).family.name for answer in meaning.answers for key in answer.types}
    near = [t.ordinal for t in world.types if t.family.name in families and len(grader.products_of(t.ordinal))]
    index = np.arange(IRRELEVANT, dtype=np.int64)
    words = draws(population.seed, f"irrelevant/{number}", index)
    kinds = below(draws(population.seed, f"irrelevant kind/{number}", index), len(near)).tolist()
    out: list[Any] = below(words, len(population)).tolist()
    for i in range(IRRELEVANT // 2):
        products = grader.products_of(near[kinds[i]])
        out[i] = int(products[out[i] % len(products)])
    return np.unique(np.array(out, dtype=np.int32))
