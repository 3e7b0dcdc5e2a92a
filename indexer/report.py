"""BuildReport: what a build did, in numbers that add up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from multirecall.indexer.rows import Reject

__all__ = ["BuildReport", "BuildWarning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildWarning:
    """Something left out, read otherwise or guessed: what, how often, and where first."""

    what: str
    count: int = 1
    example: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildReport:
    """`read = written + outdated + rejected`; duplicates are among the rejected. `written` equals the count of the new
    index; `outdated` rows have a version below that of the product's deletion.

    `encoded` and `reused` count vectors over all encoders; `without_vector` products of which a model saw no token.
    `seconds` by stage: reading (rows to records), encoding, writing, total; stages overlap.
    """

    index: str
    previous: str | None
    dropped: tuple[str, ...]
    sources: tuple[str, ...]
    read: int
    written: int
    rejected: int
    duplicates: int
    outdated: int
    encoded: int
    reused: int
    without_vector: int
    bytes_read: int
    rejects_path: str | None
    rejects_by_reason: Mapping[str, int]
    first_rejects: tuple[Reject, ...]
    warnings: tuple[BuildWarning, ...]
    mapping: Mapping[str, Any]
    mapping_suggested: bool
    mapping_reasons: Mapping[str, str]
    schema_fingerprint: str
    vector_fingerprints: Mapping[str, str]
    vector_index: str | None
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def rate_per_s(self) -> float:
        """Products written per second of the whole build."""
        total = self.seconds.get("total", 0.0)
        return self.written / total if total > 0 else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        body = asdict(self)
        body["rate_per_s"] = round(self.rate_per_s, 1)
        body["seconds"] = {stage: round(seconds, 3) for stage, seconds in self.seconds.items()}
        return body
