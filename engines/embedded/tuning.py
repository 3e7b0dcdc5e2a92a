"""Tuning: the few numbers that trade memory, disk and time in the embedded engine."""

from __future__ import annotations

from dataclasses import dataclass

from multirecall.core.errors import InvalidSettings

__all__ = ["Tuning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """`heap_bytes`: tantivy's buffer while writing; it flushes a segment when that is full.

    `threads`: how many build the vector graph (0: all cores).
    `min_graph_rows`: fewer vectors than this, in the index or since the graph was last extended, are searched
    exactly (about 0.3 us each at 384 dimensions).
    `min_dead_rows`: rows of replaced and deleted products are compacted away once there are more of them than
    this and more than there are products.
    `min_waste_tombstones`: the file of tombstones is written anew once it holds this many lines that say nothing any
    more, and more of them than others.
    """

    heap_bytes: int = 128_000_000
    threads: int = 0
    min_graph_rows: int = 4_096
    min_dead_rows: int = 50_000
    min_waste_tombstones: int = 10_000

    def __post_init__(self) -> None:
        if self.heap_bytes < 15_000_000:
            raise InvalidSettings("heap_bytes must be 15,000,000 or more.", field="heap_bytes")
        numbers = ("threads", "min_graph_rows", "min_dead_rows", "min_waste_tombstones")
        if min(getattr(self, name) for name in numbers) < 0:
            raise InvalidSettings(f"{', '.join(numbers)} must be 0 or more.", field="threads")
