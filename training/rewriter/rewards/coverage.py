"""Whether the shop has something for a text: products that hold all its words, asked of our own engine."""

from __future__ import annotations

from collections.abc import Iterable

from multirecall.core.deadline import Deadline
from multirecall.core.errors import EngineError
from multirecall.core.ranking import RouteStatus
from multirecall.engines.base import Engine, EngineRequest, Text

__all__ = ["ENOUGH", "Coverage"]

ENOUGH = 10
"""Products from which on a text counts as fully covered."""
_BATCH = 128


class Coverage:
    """min(1, products / ENOUGH) for a text, remembered. The cut is the lexical route's: a product holds all words."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: dict[str, float] = {}

    def look_up(self, texts: Iterable[str]) -> None:
        """Asks for all texts that are not known yet, many in one round trip. Raises EngineError if one fails."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        for at in range(0, len(new), _BATCH):
            part = new[at : at + _BATCH]
            requests = [EngineRequest(clause=Text(text=text, min_match=1.0), k=0) for text in part]
            for text, result in zip(part, self._engine.search_many(requests, Deadline.never()), strict=True):
                if result.status is not RouteStatus.OK:
                    raise EngineError(f"The search for {text!r} failed: {result.error}", engine=self._engine.url)
                self._known[text] = min(1.0, (result.total or 0) / ENOUGH)

    def score(self, text: str) -> float:
        """In 0..1."""
        if text not in self._known:
            self.look_up((text,))
        return self._known[text]
