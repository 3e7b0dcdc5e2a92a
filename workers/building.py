"""What a build reads: a catalogue or the live index, cut into batches of items."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from multirecall.core.errors import InvalidSource, NotFound
from multirecall.engines.base import Engine, IndexInfo
from multirecall.engines.schema import Schema
from multirecall.indexer import mapping as mappings
from multirecall.indexer.copying import check_versions, copy_batches, mapping_of, same_versions
from multirecall.indexer.items import Item, RowItem
from multirecall.indexer.new_schema import settled_mapping
from multirecall.indexer.records import record_bytes
from multirecall.indexer.rejects import RejectsFile
from multirecall.indexer.rows import Reject, RowReader
from multirecall.indexer.seen_ids import Places, SeenIds
from multirecall.indexer.sources import BrokenRow, Catalogue
from multirecall.workers.store.job import Job

__all__ = ["BuildPlan", "NewIndex"]

_SAMPLE_ROWS = 2_000


@dataclass(slots=True, kw_only=True)
class BuildPlan:
    """One reading of a build's source. `repeatable`: read again, it gives the same batches in the same order, so that
    those handed out before can be passed over, for the batches of a job are cut by the limits in its spec.
    `fingerprint` changes when the source does. `source_versions`: the rows of a catalogue carry versions of their own.
    `same_versions`: so do those of the live index, or neither do; else their versions say nothing to each other.
    `carries_over`: the live index may know what the source does not.
    """

    mapping: mappings.Mapping
    mapping_suggested: bool
    sources: tuple[str, ...]
    encoder: str
    labels: str
    fingerprint: str
    repeatable: bool
    source_versions: bool
    unversioned: int
    bytes_total: int
    same_versions: bool
    carries_over: bool
    batch_rows: int
    batch_bytes: int
    _read: Callable[[BuildPlan], Iterator[list[Item]]]
    _rejects: RejectsFile
    read: int = 0
    duplicates: int = 0
    bytes_read: int = 0
    reasons: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, job: Job, engine: Engine, live: IndexInfo | None) -> BuildPlan:
        """The plan of a job. Raises InvalidSource, also for a source that changed since the job began; InvalidMapping,
        and NotFound for a copy of an index that is not there."""
        spec = job.spec
        plan = _of_catalogue(job, live) if spec.get("sources") else _of_index(spec, engine, live)
        if job.source and job.source != plan.fingerprint:
            raise InvalidSource(
                f"The source of job {job.id} has changed since the job began.",
                hint="Start a new job: it takes over all vectors whose texts are the same.",
                field="source",
            )
        return plan

    def batches(self) -> Iterator[list[Item]]:
        """The items, at most `batch_rows` and about `batch_bytes` in a batch."""
        with self._rejects:
            yield from self._read(self)

    def counts(self) -> dict[str, int]:
        """How far the reading is."""
        return {
            "read": self.read, "rejected": self._rejects.count, "duplicates": self.duplicates,
            "bytes_read": self.bytes_read,
        }  # fmt: skip

    def report(self) -> dict[str, Any]:
        """What was read, and what was not."""
        path = self._rejects.path
        return {
            "sources": list(self.sources),
            "mapping": self.mapping.to_dict(),
            "mapping_suggested": self.mapping_suggested,
            "rejects_path": str(path) if path and self._rejects.count else None,
            "rejects_by_reason": dict(sorted(self.reasons.items(), key=lambda pair: (-pair[1], pair[0]))),
        }

    def reject(self, reject: Reject) -> None:
        """Counts a row that does not become an item."""
        self._rejects.add(reject)
        kind = reject.reason.split(":", 1)[0]
        key = f"{reject.field}: {kind}" if reject.field else kind
        self.reasons[key] = self.reasons.get(key, 0) + 1


NewIndex = Callable[[Engine, BuildPlan, str], Schema]
"""(engine, plan, job id) to the schema of the index that the job fills."""


def _of_catalogue(job: Job, live: IndexInfo | None) -> BuildPlan:
    """Rejected rows go to the file that the job names, else to one in the folder that this worker runs in."""
    spec = job.spec
    try:
        source = Catalogue([str(path) for path in spec["sources"]])
    except InvalidSource as error:
        raise InvalidSource(
            error.message,
            hint="The workers read the files themselves: they must lie at the same path for them (a shared folder or "
            "volume).",
            **error.data,
        ) from error
    given = mappings.Mapping.from_dict(spec["mapping"]) if spec.get("mapping") else None
    mapping, suggestion = settled_mapping(source, given, _SAMPLE_ROWS)
    same = live is None or same_versions(live, mapping)
    stats = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in source.files]

    def read(plan: BuildPlan) -> Iterator[list[Item]]:
        yield from _rows(plan, source, RowReader(mapping))

    return BuildPlan(
        mapping=mapping,
        mapping_suggested=suggestion is not None,
        sources=source.names,
        encoder=str(spec.get("encoder", "")),
        labels=str(spec.get("labels", "")),
        fingerprint=_digest([stats, mapping.to_dict()]),
        repeatable=True,
        source_versions=bool(mapping.version),
        unversioned=0 if mapping.version else int(spec.get("version_at", 0)),
        bytes_total=source.total_bytes,
        same_versions=same,
        carries_over=same,
        batch_rows=int(spec["batch_rows"]),
        batch_bytes=int(spec["batch_bytes"]),
        _read=read,
        _rejects=RejectsFile(Path(spec.get("rejects_path") or f"multirecall-rejects-{job.id}.jsonl").absolute()),
    )


def _rows(plan: BuildPlan, source: Catalogue, reader: RowReader) -> Iterator[list[Item]]:
    seen, places = SeenIds(), Places()
    items: list[Item] = []
    size = 0
    for row in source.rows():
        plan.read += 1
        found = Reject.of(row, "", row.reason) if isinstance(row, BrokenRow) else reader.id_of(row)
        if isinstance(found, Reject) or isinstance(row, BrokenRow):
            plan.reject(found if isinstance(found, Reject) else Reject.of(row, "", "unreadable"))
            continue
        first = seen.first_place(found, places.number(row))
        if first is not None:
            plan.duplicates += 1
            plan.reject(Reject.of(row, "id", f"read before: {places.text(first)}"))
            continue
        items.append(RowItem(id=found, row=row.record, file=row.file, number=row.row, line=row.line))
        size += record_bytes(row.record)
        if len(items) >= plan.batch_rows or size >= plan.batch_bytes:
            plan.bytes_read = source.bytes_read
            yield items
            items, size = [], 0
    plan.bytes_read = source.bytes_read
    if items:
        yield items


def _of_index(spec: Mapping[str, Any], engine: Engine, live: IndexInfo | None) -> BuildPlan:
    if live is None:
        raise NotFound("There is no index to rebuild from.", hint="Index a catalogue first, or name a source.")
    mapping = mappings.Mapping.from_dict(spec["mapping"]) if spec.get("mapping") else mapping_of(live)
    check_versions(live, mapping)

    def read(plan: BuildPlan) -> Iterator[list[Item]]:
        yield from _copies(plan, engine, live.name)

    return BuildPlan(
        mapping=mapping,
        mapping_suggested=bool(live.schema.metadata.get("mapping_suggested")),
        sources=(f"index {live.name}",),
        encoder=str(spec.get("encoder", "")),
        labels=str(spec.get("labels", "")),
        fingerprint=_digest([live.name, mapping.to_dict()]),
        repeatable=False,
        source_versions=False,
        unversioned=0,
        bytes_total=0,
        same_versions=True,
        carries_over=False,
        batch_rows=int(spec["batch_rows"]),
        batch_bytes=int(spec["batch_bytes"]),
        _read=read,
        _rejects=RejectsFile(None),
    )


def _copies(plan: BuildPlan, engine: Engine, index: str) -> Iterator[list[Item]]:
    for items in copy_batches(engine, index, rows=plan.batch_rows, n_bytes=plan.batch_bytes):
        plan.read += len(items)
        yield [*items]


def _digest(body: Any) -> str:
    return hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
