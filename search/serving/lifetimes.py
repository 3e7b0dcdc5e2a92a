"""How long a list may be answered from the cache, by what it depends on."""

from __future__ import annotations

from dataclasses import dataclass

from multirecall.core.filters import filter_fields
from multirecall.core.query import Query
from multirecall.engines.fields import UPDATABLE_FIELDS
from multirecall.search.frozen import FrozenList

__all__ = ["Lifetime", "Lifetimes"]

_CHANGING = frozenset({*UPDATABLE_FIELDS, "version"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetime:
    """Seconds that a list is fresh, and seconds more in which it is answered while a new one is made behind it."""

    fresh_s: float
    stale_s: float

    @property
    def all_s(self) -> float:
        """Nobody gets a list that is older."""
        return self.fresh_s + self.stale_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetimes:
    """The staleness bounds (docs/serving.md). Bodies are no part of it: they are read for every answer.

    `settled`: words and attributes decide which products are in the list. `changing`: its filter, sort or facets read
    price, stock, popularity or a date, or it is a list without words, sorted by popularity. `empty`: nothing was found.
    """

    settled: Lifetime = Lifetime(fresh_s=60.0, stale_s=240.0)
    changing: Lifetime = Lifetime(fresh_s=5.0, stale_s=0.0)
    empty: Lifetime = Lifetime(fresh_s=10.0, stale_s=0.0)

    def of(self, frozen: FrozenList) -> Lifetime:
        """The lifetime of a list; none at all if it is degraded."""
        if frozen.degraded:
            return Lifetime(fresh_s=0.0, stale_s=0.0)
        of_query = self.of_query(frozen.query)
        return of_query if frozen.hits or of_query.all_s < self.empty.all_s else self.empty

    def of_query(self, query: Query) -> Lifetime:
        """The lifetime of the query's list if something is found."""
        read = {sort.field for sort in query.sort} | {facet.field for facet in query.facets}
        if query.filter is not None:
            read |= filter_fields(query.filter)
        return self.changing if read & _CHANGING or not query.text else self.settled
