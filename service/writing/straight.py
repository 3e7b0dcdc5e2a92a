"""StraightWriter: writes into the live index by itself. For a shop without workers: one process, one index."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from multirecall.core.errors import InvalidInput
from multirecall.engines.base import Engine
from multirecall.indexer.applying import Applier, EncoderOf, OutcomeKind
from multirecall.indexer.changes import ChangeReader
from multirecall.indexer.items import Item
from multirecall.recall.labelling import LabellerOf, no_labeller
from multirecall.service.writing.writer import Change, ItemResult, Written, id_of

__all__ = ["StraightWriter"]

_STATUSES = {
    OutcomeKind.DONE: "applied",
    OutcomeKind.STALE: "applied",
    OutcomeKind.MISSING: "missing",
    OutcomeKind.REFUSED: "refused",
    OutcomeKind.FAILED: "failed",
}


class StraightWriter:
    """One request after the other. The engine is opened for each and closed after it: an embedded index lets one
    process write at a time, and others must get their turn.

    Changes without a version count in the order in which they come.
    """

    def __init__(
        self, open_engine: Callable[[], Engine], *, encoder_of: EncoderOf, labeller_of: LabellerOf = no_labeller
    ) -> None:
        self._open_engine = open_engine
        self._encoder_of = encoder_of
        self._labeller_of = labeller_of
        self._lock = threading.Lock()

    def write(self, changes: Sequence[Change], *, wait_s: float) -> Written:
        """See `Writer`; they are always applied when it returns, so it never waits beyond that."""
        results: list[ItemResult] = [ItemResult(id="", status="failed")] * len(changes)
        items: list[tuple[int, Item]] = []
        with self._lock, self._open_engine() as engine:
            index = engine.info()
            reader = ChangeReader(index.schema)
            for position, change in enumerate(changes):
                try:
                    items.append((position, reader.read(change)))
                except InvalidInput as error:
                    results[position] = refusal(change, error)
            applier = Applier(engine, encoder_of=self._encoder_of, labeller_of=self._labeller_of)
            applied = applier.apply([item for _, item in items], index)
            engine.refresh(index=index.name)
        for (position, item), outcome in zip(items, applied.outcomes, strict=True):
            results[position] = ItemResult(
                id=item.id, status=_STATUSES[outcome.kind], error=outcome.error, field=outcome.field
            )
        return Written(by="straight", items=tuple(results), applied=True)


def refusal(change: Change, error: InvalidInput) -> ItemResult:
    """The result of a change that cannot be read."""
    told = " ".join(part for part in (error.message, error.hint) if part)
    return ItemResult(id=id_of(change), status="refused", error=told, field=str(error.data.get("field", "")))
