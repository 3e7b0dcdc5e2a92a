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
from multirecall.evaluation.testbed.rows import product_id

__all__ = ["BOUNDS", "IRRELEVANT", "Judged", "judge", "judgment_lines"]

BOUNDS = {3: 1000, 2: 1000, 1: 300}
"""The most products a query lists per grade.

Of more, a uniform sample of this size is listed, and the counts in `constraints.jsonl` say how many there are. Up to
50,000 products only queries for several types at once reach the bounds of grades 3 and 2.
"""
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


def judgment_lines(qid: str, products: NDArray[np.int32], grade: int) -> bytes:
    """The lines of `judgments.tsv` for products of one grade, in their order.

    All lines of a query are equally long, so the digits of the ids are put into copies of one line as an array:
    a hundred times faster than line by line, which counts with millions of judgments.
    """
    line = f"{qid}\t{product_id(0)}\t{grade}\tconstructed\n".encode()
    text = np.tile(np.frombuffer(line, dtype=np.uint8), (len(products), 1))
    last = len(qid) + len(product_id(0))  # the column of the id's last digit
    left = products.astype(np.int64)
    for column in range(last, last - 7, -1):
        left, digit = np.divmod(left, 10)
        text[:, column] = digit + ord("0")
    return text.tobytes()


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
