"""Holm's correction: p-values of several tests, so that the chance of any false alarm stays below alpha."""

from __future__ import annotations

from collections.abc import Sequence

from multirecall.core.errors import InvalidInput

__all__ = ["holm"]


def holm(p_values: Sequence[float]) -> list[float]:
    """The adjusted p-values, in the order of the given ones: a test is significant if its own is below alpha.

    `adjusted_(i) = max over j <= i of min(1, (m - j + 1) * p_(j))` over the m values sorted ascending. Holds whatever
    the tests have to do with each other, and is never weaker than Bonferroni's. Holm, "A Simple Sequentially Rejective
    Multiple Test Procedure", Scandinavian Journal of Statistics 6, 1979. Raises InvalidInput for a value outside 0 to
    1.
    """
    if not all(0.0 <= p <= 1.0 for p in p_values):
        raise InvalidInput("A p-value lies between 0 and 1.", field="p_values")
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for before, at in enumerate(sorted(range(len(p_values)), key=lambda at: p_values[at])):
        highest = max(highest, min(1.0, (len(p_values) - before) * p_values[at]))
        adjusted[at] = highest
    return adjusted
