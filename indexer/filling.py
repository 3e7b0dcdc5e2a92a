"""Filling a new index: three stages at once, every row accounted for."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from multirecall.core.errors import EngineUnavailable
from multirecall.encoders.base import Encoder
from multirecall.engines.base import Engine, Upsert, Write, WriteResult, WriteStatus
from multirecall.indexer.ahead import Ahead
from multirecall.indexer.preparing import Prepared, Reuse, Written, encoded_batches, prepared_batches
from multirecall.indexer.progress import BuildProgress, OnProgress
from multirecall.indexer.rejects import RejectsFile
from multirecall.indexer.rows import Reject, RowReader
from multirecall.indexer.sources.base import RowSource
from multirecall.recall.labelling import Labeller

__all__ = ["Filling"]

_AHEAD_BATCHES = 4
_PROGRESS_EVERY_S = 0.1
_MAX_FAILED = 1_000
"""So many writes given up by the engine are tried once more at the end; with more of them something is wrong."""


@dataclass(slots=True, kw_only=True)
class Filling:
    """One filling of one index; its counts are final after `run`. `read = written + outdated + rejected` then.

    `seconds`: reading (rows to records), encoding (vectors, with those fetched for reuse) and writing (what the
    engine took, without waiting for the other two).
    """

    engine: Engine
    source: RowSource
    reader: RowReader
    encoders: Mapping[str, Encoder]
    labellers: Sequence[Labeller]
    rejects: RejectsFile
    reuse: Reuse | None
    batch_size: int
    on_progress: OnProgress
    started: float
    read: int = 0
    written: int = 0
    outdated: int = 0
    duplicates: int = 0
    encoded: int = 0
    reused: int = 0
    without_vector: int = 0
    bytes_read: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=lambda: {"reading": 0.0, "encoding": 0.0, "writing": 0.0})
    _told_at: float = 0.0

    def run(self, index: str) -> None:
        """Writes all products. Raises EngineUnavailable if the engine gave a write up twice."""
        on_the_way: deque[Written] = deque()
        failed: list[Upsert] = []
        records = Ahead(
            prepared_batches(self.source, self.reader, self.batch_size), size=_AHEAD_BATCHES, name="multirecall-reading"
        )
        ready = Ahead(
            encoded_batches(records, self.encoders, self.labellers, self.engine, self.reuse),
            size=_AHEAD_BATCHES,
            name="multirecall-encoding",
        )
        began = time.perf_counter()
        with ready, records:  # left in reverse order: reading ends first, as encoding may be waiting for it
            for result in self.engine.write(self._writes(ready, on_the_way), index=index):
                self._settle(result, on_the_way.popleft(), failed)
                self.tell("writing")
        if failed:
            self._write_again(index, failed)
        self.seconds["writing"] += time.perf_counter() - began

    def _writes(self, batches: Ahead[Prepared], on_the_way: deque[Written]) -> Iterator[Write]:
        waiting_since = time.perf_counter()
        for batch in batches:
            self.seconds["writing"] -= time.perf_counter() - waiting_since
            self.read += batch.read
            self.duplicates += batch.duplicates
            self.encoded += batch.encoded
            self.reused += batch.reused
            self.without_vector += batch.without_vector
            self.bytes_read = batch.bytes_read
            self.seconds["reading"] += batch.reading_s
            self.seconds["encoding"] += batch.encoding_s
            for reject in batch.rejects:
                self._reject(reject)
            self.tell("writing")
            for product in batch.products:
                on_the_way.append(product)
                yield product.upsert
            waiting_since = time.perf_counter()

    def _settle(self, result: WriteResult, product: Written, failed: list[Upsert]) -> None:
        if result.status == WriteStatus.STALE:
            self.outdated += 1
        elif result.ok:
            self.written += 1
        elif result.status == WriteStatus.REJECTED:
            self._reject(Reject.of(product.row, "", f"refused by the engine: {result.error}"))
        else:
            failed.append(product.upsert)
            if len(failed) > _MAX_FAILED:
                raise self._given_up(result)

    def _write_again(self, index: str, failed: list[Upsert]) -> None:
        for result in self.engine.write(iter(failed), index=index):
            if not result.ok:
                raise self._given_up(result)
            self.written += 1

    def _given_up(self, result: WriteResult) -> EngineUnavailable:
        return EngineUnavailable(
            f"The engine gave up writing product {result.id!r} after {result.tries} tries: {result.error}.",
            hint="The live index stays. Look into the engine's state and build again.",
            engine=self.engine.url,
            id=result.id,
            written=self.written,
        )

    def _reject(self, reject: Reject) -> None:
        self.rejects.add(reject)
        kind = reject.reason.split(":", 1)[0]  # what comes after the colon differs from row to row
        key = f"{reject.field}: {kind}" if reject.field else kind
        self.reasons[key] = self.reasons.get(key, 0) + 1

    def tell(self, stage: str) -> None:
        """Reports progress; while writing ten times a second at most."""
        now = time.perf_counter()
        if stage == "writing" and now - self._told_at < _PROGRESS_EVERY_S:
            return
        self._told_at = now
        self.on_progress(
            BuildProgress(
                stage=stage,
                read=self.read,
                written=self.written,
                rejected=self.rejects.count,
                bytes_read=self.bytes_read,
                bytes_total=self.source.total_bytes,
                elapsed_s=now - self.started,
            )
        )
