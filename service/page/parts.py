"""PageParts: what the page shows and offers, made by the composition root or by a test."""

from __future__ import annotations

from dataclasses import dataclass, field

from multirecall.service.page.judged import JudgedQueries
from multirecall.service.page.reports import Reports

__all__ = ["PageParts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageParts:
    """`facets` as a search writes them; `routes` and `fusion` as the service has them, `fusion` without any path."""

    facets: tuple[str, ...] = ("brand:10", "category:10", "price:25,50,100,250,500,1000", "in_stock")
    routes: tuple[str, ...] = ("lexical", "dense")
    fusion: str = ""
    minor_units: int = 2
    judged: JudgedQueries = field(default_factory=JudgedQueries)
    reports: Reports | None = None
