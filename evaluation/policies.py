"""What a measure says of one ranking under each way of taking the products that nobody judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Protocol, runtime_checkable

from multirecall.evaluation.measures.base import Measure

__all__ = ["Unjudged", "figure_under"]


class Unjudged(StrEnum):
    """How products without a judgment are taken.

    `irrelevant`: as grade 0. `condensed`: they are taken out of the ranking before it is cut, so those below move up
    (Sakai, "Alternatives to Bpref", SIGIR 2007). `worst` and `best`: the least and the greatest figure over all ways
    of giving the unjudged products among the first k grades from 0 to the highest of the scale. The grades count in
    the ideal ranking and in the number of relevant products too, so `worst` may lie below `irrelevant`: a product far
    down that turns out to be the best one spoils the ranking. Products that are not shown keep what judgment they have:
    the bounds speak of what this system shows, not of what all systems missed.
    """

    IRRELEVANT = "irrelevant"
    CONDENSED = "condensed"
    WORST = "worst"
    BEST = "best"


@runtime_checkable
class _KnowsItsBest(Protocol):
    """A measure of more than two grades, where the best assignment is not one of 0 and the highest grade alone."""

    def best(self, ranked: Sequence[str], grades: Mapping[str, float], top_grade: float) -> float: ...


def figure_under(
    policy: Unjudged, measure: Measure, ranked: Sequence[str], grades: Mapping[str, float], *, top_grade: float
) -> tuple[float, float]:
    """The figure of one query and its weight in the mean. `top_grade` is the highest grade of the scale.

    The bounds are exact. With m of the unjudged products relevant, the figure is least if they are the last m and
    greatest if they are the first m, so each m is tried (for a measure that is `monotone` only none and all), which
    costs two figures for each unjudged product. Raises what the measure raises.
    """
    match policy:
        case Unjudged.IRRELEVANT:
            return measure(ranked, grades), measure.weight(ranked)
        case Unjudged.CONDENSED:
            judged = [product_id for product_id in ranked if product_id in grades]
            return measure(judged, grades), measure.weight(judged)
        case Unjudged.WORST:
            unjudged = _unjudged(measure, ranked, grades)[::-1]
            return min(_tried(measure, ranked, grades, unjudged, top_grade)), measure.weight(ranked)
        case Unjudged.BEST:
            if isinstance(measure, _KnowsItsBest):
                return measure.best(ranked, grades, top_grade), measure.weight(ranked)
            unjudged = _unjudged(measure, ranked, grades)
            return max(_tried(measure, ranked, grades, unjudged, top_grade)), measure.weight(ranked)


def _unjudged(measure: Measure, ranked: Sequence[str], grades: Mapping[str, float]) -> list[str]:
    return [product_id for product_id in ranked[: measure.k] if product_id not in grades]


def _tried(
    measure: Measure, ranked: Sequence[str], grades: Mapping[str, float], unjudged: Sequence[str], top_grade: float
) -> list[float]:
    """The figures with the first 0, 1, … all of `unjudged` at the highest grade and the rest at 0."""
    given = {**grades, **dict.fromkeys(unjudged, 0.0)}
    figures = [measure(ranked, given)]
    for product_id in unjudged:
        given[product_id] = top_grade
        if not measure.monotone or product_id == unjudged[-1]:
            figures.append(measure(ranked, given))
    return figures
