"""A fusion that stands in for one that cannot be used, and says so in every answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from multirecall.core.query import Query
from multirecall.core.ranking import Fused, Ranking
from multirecall.fusion.base import Fusion

__all__ = ["WithNote"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WithNote:
    """`fusion` with `note` added to what it says."""

    fusion: Fusion
    note: str

    def __repr__(self) -> str:
        return repr(self.fusion)

    @property
    def fields(self) -> tuple[str, ...]:
        return self.fusion.fields

    def __call__(self, rankings: Sequence[Ranking], k: int, query: Query | None = None) -> Fused:
        fused = self.fusion(rankings, k, query)
        return replace(fused, notes=(*fused.notes, self.note))
