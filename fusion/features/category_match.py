"""Whether the query names the candidate's category."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from multirecall.core.ranking import FieldValue
from multirecall.fusion.features.base import MISSING, Column, Feature, FeatureGroup
from multirecall.fusion.features.pool import Analyse, Pool

__all__ = ["CATEGORY_MATCH"]


@lru_cache(maxsize=1 << 14)
def _words(category: FieldValue, analyse: Analyse) -> tuple[frozenset[str], frozenset[str]]:
    """The terms of the last level of a category, and of all of its path.

    Stored are the prefixes of the path (`Office`, `Office > Paper`): the longest is the path, and what it has more than
    the next one is the last level. Candidates share few categories, and queries meet them again.
    """
    prefixes = sorted(category if isinstance(category, tuple) else (str(category),), key=len)
    path = prefixes[-1]
    above = prefixes[-2] if len(prefixes) > 1 and path.startswith(prefixes[-2]) else ""
    return frozenset(analyse(path[len(above) :])), frozenset(analyse(path))


class _Category:
    """Per category of the pool how well the query names it; missing for candidates without one."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.words = [_words(key, pool.analyse) if key else _NOTHING for key in pool.categories.keys]

    def coverage(self) -> Column | float:
        asked = frozenset(self.pool.terms)
        return self._of_all([len(asked & last) / len(last) if last else MISSING for last, _ in self.words])

    def idf_coverage(self) -> Column | float:
        shares = self.pool.term_idf / self.pool.term_idf.sum()
        asked = list(zip(self.pool.terms, shares.tolist(), strict=True))
        return self._of_all(
            [sum(share for term, share in asked if term in path) if path else MISSING for _, path in self.words]
        )

    def _of_all(self, of_category: Sequence[float]) -> Column | float:
        """From one value per category to one per candidate; missing for a query without terms."""
        if not self.pool.terms:
            return MISSING
        column: Column = np.array(of_category)[self.pool.categories.group]
        return column


_NOTHING: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset())

CATEGORY_MATCH: FeatureGroup[_Category] = FeatureGroup(
    name="CategoryMatch",
    view=_Category,
    features=(
        Feature(
            name="category.coverage",
            description="share of the words of its category (the last level) that the query has",
            monotone=1,
            column=lambda category: category.coverage(),
        ),
        Feature(
            name="category.idf_coverage",
            description="idf share of the query in its category (all levels)",
            monotone=1,
            column=lambda category: category.idf_coverage(),
        ),
    ),
)
