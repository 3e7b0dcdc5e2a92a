"""Numbers, units and part numbers: one wrong digit is another product."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
        nothing = constant(pool, MISSING)
        of_numbers = [nothing, nothing]
        if pool.numbers:
            of_numbers = [_numbers_in_title(pool), _held(pool, sorted(pool.numbers)).mean(axis=0)]
        of_codes = [nothing] * 4
        if pool.codes:
            held = _held(pool, pool.codes)
            lengths = np.array([len(code) for code in pool.codes], dtype=np.float64)
            of_codes = [
                held.mean(axis=0),
                (held * lengths[:, None]).max(axis=0) / lengths.max(),
                np.array([_prefix(pool.codes, text) for text in pool.code_texts]),
                np.array([_within(pool.codes, text) for text in pool.code_texts]),
            ]
        asked = _NOT_CODE.sub("", "".join(pool.analyse(pool.query.text)))
        if not asked:
            return [*of_numbers, *of_codes, nothing]
        return [
            *of_numbers,
            *of_codes,
            np.array([asked in title.replace(" ", "") for title in pool.titles], dtype=np.float64),
        ]


def _held(pool: Pool, codes: Sequence[str]) -> NDArray[np.bool_]:
    """Whether each candidate has each code. Shape (number of codes, n)."""
    sought = [f" {code} " for code in codes]
    return np.array([[code in text for text in pool.code_texts] for code in sought], dtype=np.bool_)


def _numbers_in_title(pool: Pool) -> Column:
    titles = pool.title_incidence
    by_word = [numbers_in(word) for word in titles.index]
    found = constant(pool, 0.0)
    for number in sorted(pool.numbers):
        found += titles.largest(np.array([number in of_word for of_word in by_word], dtype=np.float64))
    return found / len(pool.numbers)


def _prefix(codes: Sequence[str], held: str) -> float:
    """Part numbers of one family share their beginning; shorter beginnings than four characters say nothing."""
    best = 0.0
    for code in codes:
        start = code[:_SHORTEST_PREFIX]
        if len(start) < _SHORTEST_PREFIX or f" {start}" not in held:
            continue
        for other in held.split():
            if other.startswith(start):
                differs = (at for at, (a, b) in enumerate(zip(code, other, strict=False)) if a != b)
                best = max(best, next(differs, min(len(code), len(other))) / len(code))
    return best


def _within(codes: Sequence[str], held: str) -> float:
    found = [code for code in codes if code in held]
    if not found:
        return 0.0
    return max(len(code) / len(other) for other in held.split() for code in found if code in other)
