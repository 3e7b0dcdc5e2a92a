"""From the grades of judgments to the levels that losses know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from multirecall.evaluation.judgments import Judgments

__all__ = ["FOUR_GRADES", "SAME", "Scale", "three_levels", "whole_grades"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """`levels[grade]`: the level of a grade, the higher the better; grades that are not in it are bad data.

    Queries whose column `class` is in `exact_need` follow `exact_levels` instead: who asks for one very thing (a part
    number, what fits a device) does not take what goes with it.
    """

    levels: Mapping[int, int]
    exact_levels: Mapping[int, int] = field(default_factory=dict)
    exact_need: frozenset[str] = frozenset()

    @property
    def n_levels(self) -> int:
        """How many levels there can be: 0 to the highest."""
        return 1 + max((*self.levels.values(), *self.exact_levels.values()))

    def level(self, grade: float, kind: str = "") -> int | None:
        """The level of a grade for a query of class `kind`; None for a grade that this scale does not know."""
        levels = self.exact_levels if kind in self.exact_need else self.levels
        return levels.get(int(grade)) if grade == int(grade) else None


FOUR_GRADES = Scale(levels=MappingProxyType({3: 3, 2: 2, 1: 1, 0: 0}))
"""Exact 3, substitute 2, complement 1, irrelevant 0: as ESCI, Icecat and the generated bed are judged."""

SAME = Scale(levels=MappingProxyType({2: 2, 1: 1, 0: 0}))
"""Three levels judged as such: WANDS (Exact 2, Partial 1, Irrelevant 0)."""


def three_levels(*, complements: int = 1, exact_need: frozenset[str] = frozenset()) -> Scale:
    """Four grades to relevant 2, moderately relevant 1, irrelevant 0 (sheet 4, section 3: E 2, S 1, C 1, I 0).

    `complements` 0 makes complements irrelevant for all queries; `exact_need` names the query classes (column `class`)
    for which alone they are.
    """
    levels = {3: 2, 2: 1, 1: complements, 0: 0}
    return Scale(
        levels=MappingProxyType(levels), exact_levels=MappingProxyType({**levels, 1: 0}), exact_need=exact_need
    )


def whole_grades(judgments: Judgments) -> Scale:
    """All whole grades from 0 to the highest that occurs, each its own level."""
    return Scale(levels=MappingProxyType({grade: grade for grade in range(int(judgments.top_grade) + 1)}))
