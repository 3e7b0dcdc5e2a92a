"""Rewrites of frequent queries as a job: the cache that searches read is filled while nobody waits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from multirecall.core.errors import InvalidSettings
from multirecall.wiring.precomputing import DEFAULT_QUERIES, frequent_queries, precompute
from multirecall.wiring.settings import Settings
from multirecall.workers.deployment import Deployment
from multirecall.workers.drive import Drive, drive_whole

__all__ = ["Precomputation"]


class Precomputation:
    """Drives jobs of the kind `rewrites`.

    `spec`: `queries`, a file or folder as the worker sees it (none: the events of the service), and `most`. A job that
    was stopped or that failed goes on where it was, since what the cache has is not asked for again. The report: the
    model, and how many queries were known, answered and failed.
    """

    def __init__(self, deployment: Deployment, settings: Settings, *, stopping: Callable[[], bool]) -> None:
        self._deployment = deployment
        self._settings = settings
        self._stopping = stopping

    def drive(self, job_id: str) -> bool:
        """Does the job unless somebody else does; True if it came to its end here. Raises StoreUnavailable."""
        return drive_whole(self._deployment, job_id, self._report, stage="rewriting", stopping=self._stopping)

    def _report(self, drive: Drive) -> dict[str, Any]:
        """Fills the cache. Raises Stopped if we are not to go on."""
        spec = drive.here().spec
        source = spec.get("queries") or self._settings.events_dir
        if not source:
            raise InvalidSettings(
                "There are no queries to rewrite: none were given, and no events are kept.",
                hint="Give --queries, or set MULTIRECALL_EVENTS_DIR to a folder that the workers can read.",
                field="events_dir",
            )
        queries = frequent_queries(Path(source), most=spec.get("most") or DEFAULT_QUERIES)
        return precompute(self._settings, queries, on_step=lambda done, planned: _tell(drive, done, planned)).to_dict()


def _tell(drive: Drive, done: int, planned: int) -> None:
    drive.tell(done, planned)
