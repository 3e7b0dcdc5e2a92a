"""Numbers, units and part numbers: one wrong digit is another product."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from multirecall.fusion.features.base import MISSING, Column, Feature, constant
from multirecall.fusion.features.pool import Pool, numbers_in

__all__ = ["NumberMatch"]

_SHORTEST_PREFIX = 4
_NOT_CODE = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberMatch:
    """Missing where the query has no number, or no code with a digit."""

    revision: int = 1

    @property
    def features(self) -> tuple[Feature, ...]:
        return (
            Feature(name="numbers.title", description="share of the query's numbers in the title", monotone=1),
            Feature(name="numbers.codes", description="share of the query's numbers among the product's", monotone=1),
            Feature(name="codes.matched", description="share of the query's codes that the product has", monotone=1),
            Feature(
                name="codes.longest",
                description="letters of the longest code matched, by the longest asked",
                monotone=1,
            ),
            Feature(
                name="codes.prefix",
                description="longest common beginning with a code, by the code's length",
                monotone=1,
            ),
            Feature(
                name="codes.within",
                description="largest share of a product's code that a query's code makes up",
                monotone=1,
            ),
            Feature(
                name="title.contains", description="1 if the title, without spaces, holds the whole query", monotone=1
            ),
        )

    def __call__(self, pool: Pool) -> list[Column]:
        numbers, codes = pool.numbers, frozenset(pool.codes)
        held = [frozenset(of_product) for of_product in pool.product_codes]
        nothing = constant(pool, MISSING)
        of_numbers = [nothing, nothing]
        if numbers:
            of_numbers = [
                np.array([len(numbers & numbers_in(" ".join(title))) / len(numbers) for title in pool.titles]),
                np.array([len(numbers & of_product) / len(numbers) for of_product in held]),
            ]
        of_codes = [nothing] * 4
        if codes:
            longest = max(map(len, codes))
            of_codes = [
                np.array([len(codes & of_product) / len(codes) for of_product in held]),
                np.array([max(map(len, codes & of_product), default=0) / longest for of_product in held]),
                np.array([_prefix(pool.codes, of_product) for of_product in pool.product_codes]),
                np.array([_within(pool.codes, of_product) for of_product in pool.product_codes]),
            ]
        asked = _NOT_CODE.sub("", "".join(pool.analyse(pool.query.text)))
        contains = np.array([asked in "".join(title) for title in pool.titles], dtype=np.float64) if asked else nothing
        return [*of_numbers, *of_codes, contains]


def _prefix(codes: tuple[str, ...], held: list[str]) -> float:
    """Part numbers of one family share their beginning; shorter beginnings than four characters say nothing."""
    best = 0.0
    for code in codes:
        start = code[:_SHORTEST_PREFIX]
        if len(start) < _SHORTEST_PREFIX:
            continue
        for other in held:
            if other.startswith(start):
                same = next(
                    (i for i, (a, b) in enumerate(zip(code, other, strict=False)) if a != b), min(len(code), len(other))
                )
                best = max(best, same / len(code))
    return best


def _within(codes: tuple[str, ...], held: list[str]) -> float:
    return max((len(code) / len(other) for code in codes for other in held if code in other), default=0.0)
