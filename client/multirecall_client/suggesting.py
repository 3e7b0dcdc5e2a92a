"""SuggestResult: completions of what was typed so far."""

from __future__ import annotations

from collections.abc import Iterator

from multirecall_client.showing import Shown, Table
from multirecall_client.wire import Wire

__all__ = ["SuggestResult", "Suggestion"]


class Suggestion(Wire):
    """`kind`: title, brand, category or query. `count`: products that have it, or how often the query was asked."""

    text: str
    kind: str
    count: int


class SuggestResult(Shown, Wire):
    """The most frequent first. Goes through its suggestions."""

    suggestions: list[Suggestion]
    generation: str = ""
    took_ms: float = 0.0

    def __iter__(self) -> Iterator[Suggestion]:  # type: ignore[override]  # rather than pydantic's own pairs
        return iter(self.suggestions)

    def __len__(self) -> int:
        return len(self.suggestions)

    def __getitem__(self, position: int) -> Suggestion:
        return self.suggestions[position]

    def table(self) -> Table:
        return Table(
            caption=f"{len(self)} suggestions, {self.took_ms:.3g} ms",
            columns=("text", "kind", "count"),
            rows=[(one.text, one.kind, one.count) for one in self],
        )
