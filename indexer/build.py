"""Build: a catalogue into a new physical index, checked, then made live in one step.

    rows -> products -> records   (thread "reading")
         -> vectors, labels       (thread "encoding": vectors are taken from the live index, or made)
         -> Engine.write          (the caller's thread)
         -> refresh, count, swap

Until the swap the old index serves. Whatever goes wrong before it (an error, Ctrl-C), the half-built index is dropped
and the error raised; what a killed process leaves is dropped by the next build.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from multirecall.core.errors import EngineError, InvalidInput, InvalidSource, MultirecallError
from multirecall.encoders.base import Encoder
from multirecall.engines.base import Engine, IndexInfo
from multirecall.indexer import mapping as mappings
from multirecall.indexer.copying import OnReady, copy_tombstones, same_versions
from multirecall.indexer.filling import Filling
from multirecall.indexer.generations import build_mark, drop_abandoned, drop_old, live_index
from multirecall.indexer.new_schema import IndexShape, new_schema, settled_mapping
from multirecall.indexer.preparing import reusable
from multirecall.indexer.progress import BuildProgress, OnProgress, no_progress
from multirecall.indexer.rejects import RejectsFile
from multirecall.indexer.report import BuildReport, BuildWarning
from multirecall.indexer.rows import RowReader
from multirecall.indexer.sources.base import RowSource
from multirecall.indexer.suggest import Suggestion
from multirecall.recall.labelling import Labeller

__all__ = ["BuildOptions", "build"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions:
    """`keep` indexes stay after the swap (the live one and those before it). `reuse_vectors` takes vectors from the
    live index where text and encoder are the same. A new index with less than `min_share` of the live one's products
    is not made live unless `allow_shrink`. `sample_rows` are looked at for the mapping; `rejects_path` None writes no
    rejects file.
    """

    rejects_path: Path | None = None
    keep: int = 2
    reuse_vectors: bool = True
    allow_shrink: bool = False
    min_share: float = 0.5
    shape: IndexShape = field(default_factory=IndexShape)
    batch_size: int = 256
    sample_rows: int = 2_000

    def __post_init__(self) -> None:
        for name in ("keep", "batch_size", "sample_rows"):
            if getattr(self, name) < 1:
                raise InvalidInput(f"{name} must be 1 or more, got {getattr(self, name)}.", field=name)


def build(
    engine: Engine,
    source: RowSource,
    *,
    encoders: Mapping[str, Encoder],
    labellers: Sequence[Labeller] = (),
    mapping: mappings.Mapping | None = None,
    options: BuildOptions | None = None,
    on_ready: OnReady | None = None,
    on_progress: OnProgress = no_progress,
) -> BuildReport:
    """Indexes a catalogue into a new physical index and makes it live. Blocks until done.

    `encoders` by vector field name (usually `{"dense": encoder}`; empty: no vectors), `labellers` label each product.
    Without a mapping one is suggested from the data, used, and told in the report. `on_ready` may keep a complete index
    from going live, by raising.

    Raises InvalidSource (unreadable, without a single good row, or shrunk beyond `min_share`), InvalidMapping,
    UnsupportedFeature, and what the engine or an encoder raises; in every case the index that was live stays live.
    """
    options = options or BuildOptions()
    started = time.perf_counter()
    on_progress(BuildProgress(stage="preparing", bytes_total=source.total_bytes))
    mapping, suggestion = settled_mapping(source, mapping, options.sample_rows)
    abandoned = drop_abandoned(engine)
    live = live_index(engine)
    schema = new_schema(
        engine,
        mapping,
        encoders,
        options.shape,
        labellers=labellers,
        suggested=suggestion is not None,
        sources=source.names,
        mark=build_mark(live.name if live else None),
    )
    reader = RowReader(mapping)
    with RejectsFile(options.rejects_path) as rejects:
        filling = Filling(
            engine=engine,
            source=source,
            reader=reader,
            encoders=encoders,
            labellers=labellers,
            rejects=rejects,
            reuse=reusable(live.name, live.schema, schema) if live and options.reuse_vectors else None,
            batch_size=options.batch_size,
            on_progress=on_progress,
            started=started,
        )
        index = engine.create(schema)
        try:
            if live is not None and same_versions(live, mapping):
                copy_tombstones(engine, live.name, index)
            filling.run(index)
            filling.tell("verifying")
            _verify(filling, index, live, options)
            if live is not None and on_ready is not None:
                on_ready(live.name, index)
            previous = engine.swap(index)
        except BaseException as error:
            _drop_half_built(engine, index, error)
            raise
    notes = [f"an unfinished build was dropped: {name}" for name in abandoned]
    dropped: list[str] = []
    try:
        dropped = drop_old(engine, previous, options.keep)
    except MultirecallError as error:  # the new index serves; what is left over costs only space
        notes.append(f"an old index could not be dropped: {error}")
    filling.tell("done")
    return BuildReport(
        index=index,
        previous=previous,
        dropped=tuple(dropped),
        sources=source.names,
        read=filling.read,
        written=filling.written,
        rejected=rejects.count,
        duplicates=filling.duplicates,
        outdated=filling.outdated,
        encoded=filling.encoded,
        reused=filling.reused,
        without_vector=filling.without_vector,
        bytes_read=filling.bytes_read,
        rejects_path=str(options.rejects_path) if options.rejects_path and rejects.count else None,
        rejects_by_reason=dict(sorted(filling.reasons.items(), key=lambda item: (-item[1], item[0]))),
        first_rejects=tuple(rejects.first),
        warnings=_warnings(reader, source, suggestion, notes),
        mapping=mapping.to_dict(),
        mapping_suggested=suggestion is not None,
        mapping_reasons=dict(suggestion.reasons) if suggestion else {},
        schema_fingerprint=schema.fingerprint,
        vector_fingerprints={v.name: v.fingerprint for v in schema.vectors},
        vector_index=schema.vectors[0].index if schema.vectors else None,
        seconds={**filling.seconds, "total": time.perf_counter() - started},
    )


def _warnings(
    reader: RowReader, source: RowSource, suggestion: Suggestion | None, notes: list[str]
) -> tuple[BuildWarning, ...]:
    found = [BuildWarning(what=what) for what in (suggestion.warnings if suggestion else ())]
    found += [BuildWarning(what=what) for what in notes]
    found += [BuildWarning(what=what, count=count) for what, count in source.notes.counts.items()]
    found += [
        BuildWarning(what=what, count=count, example=reader.warnings.examples[what])
        for what, count in reader.warnings.counts.items()
    ]
    return tuple(found)


def _drop_half_built(engine: Engine, index: str, error: BaseException) -> None:
    """Drops the index of a build that failed; if that fails too, the first error says so and stays the one raised."""
    try:
        engine.drop(index)
    except MultirecallError as second:
        error.add_note(f"The half-built index {index} could not be dropped ({second}); the next build drops it.")


def _verify(filling: Filling, index: str, live: IndexInfo | None, options: BuildOptions) -> None:
    """Raises unless the index holds exactly what was written, and enough of it to replace the live one."""
    engine = filling.engine
    if filling.written == 0:
        first = filling.rejects.first[0] if filling.rejects.first else None
        raise InvalidSource(
            f"None of the {filling.read:,} rows became a product."
            + (f" The first: {first.field} {first.reason}." if first else ""),
            hint="Check the mapping; `multirecall mapping suggest FILE` proposes one.",
            field="source",
            read=filling.read,
        )
    engine.refresh(index=index)
    count = engine.count(index=index)
    if count != filling.written:
        raise EngineError(
            f"The new index {index} holds {count:,} products where {filling.written:,} were written; it was not made "
            "live.",
            hint="Build again; if it stays so, look into the engine's log.",
            engine=engine.url,
            expected=filling.written,
            found=count,
        )
    if live and not options.allow_shrink and count < options.min_share * live.count:
        raise InvalidSource(
            f"The catalogue has {count:,} products where the live index has {live.count:,}; that looks like an "
            "incomplete export, so the live index stays.",
            hint="If it is right, build again with --allow-shrink.",
            field="source",
            expected=live.count,
            found=count,
        )
