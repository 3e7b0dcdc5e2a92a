"""An index's products into another index: for a new encoder, text template or schema, without the catalogue."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from multirecall.core.errors import EngineError, EngineUnavailable, InvalidInput, InvalidMapping, NotFound
from multirecall.encoders.base import Encoder
from multirecall.engines.base import Engine, IndexInfo
from multirecall.engines.fields import STORED_FIELDS
from multirecall.engines.versions import VERSION_FIELDS
from multirecall.indexer import mapping as mappings
from multirecall.indexer.applying import Applier, OutcomeKind
from multirecall.indexer.generations import build_mark, drop_abandoned, drop_old, live_index
from multirecall.indexer.items import CopyItem
from multirecall.indexer.new_schema import IndexShape, new_schema
from multirecall.indexer.progress import BuildProgress, OnProgress, no_progress
from multirecall.indexer.records import record_bytes
from multirecall.recall.labelling import Labeller

__all__ = [
    "COPIED_FIELDS",
    "CopyReport",
    "OnReady",
    "check_versions",
    "copy_batches",
    "copy_item",
    "copy_live",
    "copy_tombstones",
    "mapping_of",
    "same_versions",
]

OnReady = Callable[[str, str], None]
"""(live index, new index): called when the new one is complete and before it goes live; raises to keep it from that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyReport:
    """`products` is the new index's count; `seconds` of encoding and writing, and in total."""

    index: str
    previous: str
    dropped: tuple[str, ...]
    products: int
    encoded: int
    reused: int
    without_vector: int
    seconds: Mapping[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


def mapping_of(index: IndexInfo) -> mappings.Mapping:
    """The mapping an index was made by. Raises InvalidInput if it does not say."""
    held = index.schema.metadata.get("mapping")
    if not isinstance(held, dict):
        raise InvalidInput(
            f"Index {index.name} does not say by which mapping it was made.",
            hint="Rebuild from the catalogue: `multirecall rebuild SOURCE`.",
            field="source",
        )
    return mappings.Mapping.from_dict(held)


KEEP_TOMBSTONES_S = 30 * 86_400.0
"""How long tombstones are of use, unless somebody says otherwise."""

COPIED_FIELDS = (*(name for name in STORED_FIELDS if name != "version"), *VERSION_FIELDS)
"""What a copy needs of a stored product."""


def copy_item(found: Mapping[str, Any]) -> CopyItem:
    """A product as read by `COPIED_FIELDS`, on its way into another index."""
    record = dict(found)
    record_version = record.pop("record_version", 0)
    field_versions = record.pop("field_versions", {})
    return CopyItem(id=record["id"], record=record, record_version=int(record_version), field_versions=field_versions)


def copy_batches(engine: Engine, index: str, *, rows: int, n_bytes: int) -> Iterator[list[CopyItem]]:
    """All products of an index with their versions, at most `rows` and about `n_bytes` in a batch."""
    items: list[CopyItem] = []
    size = 0
    for found in engine.scan(COPIED_FIELDS, index=index):
        items.append(copy_item(found))
        size += record_bytes(found)
        if len(items) >= rows or size >= n_bytes:
            yield items
            items, size = [], 0
    if items:
        yield items


def same_versions(live: IndexInfo, mapping: mappings.Mapping) -> bool:
    """Whether versions of the live index and those of a new one, made by `mapping`, can be compared: both are the
    shop's own, or both are the clock's. True for an index that does not say by which mapping it was made."""
    held = live.schema.metadata.get("mapping")
    return not isinstance(held, dict) or bool(held.get("version")) == bool(mapping.version)


def check_versions(live: IndexInfo, mapping: mappings.Mapping) -> None:
    """Raises InvalidMapping if the products of the live index cannot be copied with their versions."""
    if not same_versions(live, mapping):
        kind = "the shop's own" if mapping.version else "given by a clock"
        raise InvalidMapping(
            f"By the mapping, versions of products are {kind}; those in index {live.name} are not, and a copy would "
            "take them over.",
            hint="Name a source: `multirecall rebuild SOURCE`.",
            field="version",
        )


def copy_tombstones(engine: Engine, live: str, new: str, *, keep_s: float = KEEP_TOMBSTONES_S) -> int:
    """Takes over which products were deleted and at which version, so that no old row brings one back; returns how
    many. Those older than `keep_s` are left behind.

    Each keeps the time at which its product was deleted, and the fields that were set later than that.
    """
    copied = 0
    oldest = time.time() - keep_s
    young = (gone.write for gone in engine.deleted(index=live) if gone.deleted_at > oldest)
    for result in engine.write(young, index=new):
        if not result.ok:
            raise EngineUnavailable(f"The tombstone of {result.id!r} could not be copied: {result.error}.")
        copied += 1
    return copied


def copy_live(
    engine: Engine,
    *,
    encoders: Mapping[str, Encoder],
    labellers: Sequence[Labeller] = (),
    mapping: mappings.Mapping | None = None,
    shape: IndexShape | None = None,
    keep: int = 2,
    batch_rows: int = 256,
    on_ready: OnReady | None = None,
    on_progress: OnProgress = no_progress,
) -> CopyReport:
    """Copies the live index into a new one made by `mapping` (None: the live one's), `encoders` and `labellers`, and
    makes it live.

    Vectors whose text and encoder are the same are taken over. Nobody else may write to the index meanwhile (workers
    keep two indexes current: `multirecall rebuild --workers`). Raises NotFound without a live index, InvalidMapping if
    its versions are of the other kind, and what the engine, an encoder and `on_ready` raise; then the live index stays,
    and the new one is dropped.
    """
    started = time.perf_counter()
    drop_abandoned(engine)
    live = live_index(engine)
    if live is None:
        raise NotFound("There is no index to rebuild from.", hint="Index a catalogue first, or name a source.")
    mapping = mapping or mapping_of(live)
    check_versions(live, mapping)
    schema = new_schema(
        engine,
        mapping,
        encoders,
        shape or IndexShape(),
        labellers=labellers,
        suggested=bool(live.schema.metadata.get("mapping_suggested")),
        sources=(f"index {live.name}",),
        mark=build_mark(live.name),
    )
    index = engine.create(schema)
    try:
        copied = _Copying(engine, live, engine.info(index=index), encoders, labellers, started, on_progress)
        copied.run(batch_rows)
        if on_ready is not None:
            on_ready(live.name, index)
        engine.swap(index)
    except BaseException:
        engine.drop(index)
        raise
    dropped = drop_old(engine, live.name, keep)
    return CopyReport(
        index=index,
        previous=live.name,
        dropped=tuple(dropped),
        products=copied.written,
        encoded=copied.encoded,
        reused=copied.reused,
        without_vector=copied.without_vector,
        seconds={**copied.seconds, "total": time.perf_counter() - started},
    )


class _Copying:
    """One copy, with its counts."""

    def __init__(
        self,
        engine: Engine,
        live: IndexInfo,
        new: IndexInfo,
        encoders: Mapping[str, Encoder],
        labellers: Sequence[Labeller],
        started: float,
        on_progress: OnProgress,
    ) -> None:
        self._engine, self._live, self._new = engine, live, new
        named = {labeller.name: labeller for labeller in labellers}
        self._applier = Applier(
            engine, encoder_of=lambda field, _: encoders[field.name], labeller_of=lambda field, _: named[field.name]
        )
        self._started, self._on_progress = started, on_progress
        self.written = self.encoded = self.reused = self.without_vector = 0
        self.seconds = {"encoding": 0.0, "writing": 0.0}

    def run(self, batch_rows: int) -> None:
        """Copies everything and makes sure that it is there."""
        self._engine.refresh(index=self._live.name)  # what was written last is copied too
        copy_tombstones(self._engine, self._live.name, self._new.name)
        for items in copy_batches(self._engine, self._live.name, rows=batch_rows, n_bytes=8 << 20):
            applied = self._applier.apply(items, self._new, reuse=[self._live])
            for item, outcome in zip(items, applied.outcomes, strict=True):
                if outcome.kind not in (OutcomeKind.DONE, OutcomeKind.STALE):
                    raise EngineError(f"Product {item.id!r} could not be copied: {outcome.error}.", id=item.id)
            self.written += len(items)
            self.encoded += applied.encoded
            self.reused += applied.reused
            self.without_vector += applied.without_vector
            self.seconds["encoding"] += applied.encoding_s
            self.seconds["writing"] += applied.writing_s
            self._tell("writing")
        self._tell("verifying")
        self._engine.refresh(index=self._new.name)
        count = self._engine.count(index=self._new.name)
        if count != self.written:
            raise EngineError(
                f"The new index {self._new.name} holds {count:,} products where {self.written:,} were copied; it was "
                "not made live.",
                hint="If the index is written to, use `multirecall rebuild --workers`.",
                expected=self.written,
                found=count,
            )

    def _tell(self, stage: str) -> None:
        self._on_progress(
            BuildProgress(
                stage=stage,
                read=self._live.count,
                written=self.written,
                bytes_read=self.written,
                bytes_total=self._live.count,
                elapsed_s=time.perf_counter() - self._started,
            )
        )
