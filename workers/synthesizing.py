"""Synthesis of pairs as a job: resumable after every query, since the folder's journal holds what is settled."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

from multirecall.training.synthesis.curate import Caps
from multirecall.wiring.settings import Settings
from multirecall.wiring.synthesis import SynthesisSources, synthesized
from multirecall.workers.deployment import Deployment
from multirecall.workers.drive import Drive, drive_whole
from multirecall.workers.training import Told

__all__ = ["PairSynthesis"]

_PATHS = ("queries", "judged_queries", "judgments")


class PairSynthesis:
    """Drives jobs of the kind `synthesize`. The spec holds what the options of `multirecall synthesize` say; the report
    is that of `report.json`, with the folder and its host. Another driver goes on with the folder's journal."""

    def __init__(self, deployment: Deployment, settings: Settings, *, stopping: Callable[[], bool]) -> None:
        self._deployment = deployment
        self._settings = settings
        self._stopping = stopping

    def drive(self, job_id: str) -> bool:
        """Does the job unless somebody else does; True if it came to its end here. Raises StoreUnavailable."""
        return drive_whole(self._deployment, job_id, self._report, stage="reading", stopping=self._stopping)

    def _report(self, drive: Drive) -> dict[str, Any]:
        spec = drive.here().spec
        out = Path(spec["out"])
        report = synthesized(self._settings, _sources(dict(spec)), out, on_step=Told(drive).begin)
        return {"out": str(out), "host": socket.gethostname(), **report.to_dict()}


def _sources(spec: dict[str, Any]) -> SynthesisSources:
    known = {one.name: spec[one.name] for one in fields(SynthesisSources) if one.name in spec}
    known |= {name: Path(known[name]) for name in _PATHS if known.get(name)}
    known["clicks"] = tuple(Path(log) for log in known.get("clicks", ()))
    known["caps"] = Caps(**known.get("caps", {}))
    return SynthesisSources(**known)
