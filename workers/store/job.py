"""Job: what somebody asked of the workers, how far it is, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from multirecall.indexer.report import BuildWarning

__all__ = ["JOB_KINDS", "Job", "JobKind", "JobState"]


class JobKind(StrEnum):
    INDEX = "index"  # a source into a new index, which then goes live
    REBUILD = "rebuild"  # the same with a gate, from a source or from the live index
    EVALUATE = "evaluate"  # the judged queries on the live index
    TRAIN_BLENDER = "train-blender"  # a blender by judged queries on the live index
    SYNTHESIZE = "synthesize"  # pairs of queries and products to learn from
    REWRITES = "rewrites"  # rewrites of frequent queries into the cache that searches read
    CHANGES = "changes"  # updates, upserts, deletes into all indexes in use


JOB_KINDS = tuple(JobKind)


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    CANCELLED = "cancelled"
    FAILED = "failed"
    DONE = "done"

    @property
    def over(self) -> bool:
        return self in (JobState.CANCELLED, JobState.FAILED, JobState.DONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as it stands. `counts`: items by what became of them (`planned` those given to workers, `failed` those now
    dead letters), and vectors; `seconds` of work summed over all workers; `warnings` of its rows, the most frequent
    first, each with the example of the first batch that ended with it. Times are seconds since 1970.

    Of a build: `index` is the one it fills, `source` a fingerprint over what it reads, `filled` says that all of it is
    handed out, `unversioned` is the version of rows that have none, `verdict` is the gate's,
    `changed_before` says how many items of changes were settled in the deployment before the index was made.
    """

    id: str
    kind: JobKind
    state: JobState
    stage: str = ""
    spec: Mapping[str, Any] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    made_at: float = 0.0
    started_at: float = 0.0
    changed_at: float = 0.0
    ended_at: float = 0.0
    index: str = ""
    source: str = ""
    filled: bool = False
    unversioned: int | None = None
    changed_before: int | None = None
    previous: str = ""
    verdict: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None
    report: Mapping[str, Any] | None = None
    warnings: tuple[BuildWarning, ...] = ()

    @property
    def settled(self) -> int:
        """Items that need nothing more: in, found to be old, or dead letters."""
        return self.counts["done"] + self.counts["stale"] + self.counts["failed"]

    @property
    def share(self) -> float | None:
        """What part is settled, 0 to 1; None while nothing tells. While the source is read, by its bytes."""
        if self.state is JobState.DONE:
            return 1.0
        planned = self.counts["planned"]
        if not planned:
            return None
        settled = min(1.0, self.settled / planned)
        if self.stage == "filling" and self.counts["bytes_total"]:
            return settled * min(1.0, self.counts["bytes_read"] / self.counts["bytes_total"])
        return settled if self.stage != "filling" else None

    @property
    def rate_per_s(self) -> float:
        """Items settled per second since the start."""
        ended = self.ended_at or self.changed_at
        took = ended - (self.started_at or self.made_at)
        return self.settled / took if took > 0 else 0.0

    @property
    def left_s(self) -> float | None:
        """Seconds left at the pace so far; None while nothing tells, as in a training, whose trees end before all are
        grown that might be."""
        share = self.share
        if not share or self.state.over or self.kind in (JobKind.TRAIN_BLENDER, JobKind.SYNTHESIZE):
            return None
        return (self.changed_at - (self.started_at or self.made_at)) * (1 - share) / share

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "id": self.id, "kind": self.kind.value, "state": self.state.value, "stage": self.stage,
            "spec": dict(self.spec), "counts": dict(self.counts),
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
            "share": None if self.share is None else round(self.share, 4), "rate_per_s": round(self.rate_per_s, 1),
            "left_s": None if self.left_s is None else round(self.left_s, 1), "made_at": self.made_at,
            "started_at": self.started_at, "changed_at": self.changed_at, "ended_at": self.ended_at,
            "index": self.index, "previous": self.previous, "verdict": self.verdict, "error": self.error,
            "report": self.report, "warnings": [asdict(warning) for warning in self.warnings],
        }  # fmt: skip
