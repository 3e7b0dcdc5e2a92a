"""Which servers run here: one JSON file per kind in the state folder."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .process import process_identity

__all__ = ["EngineFolder", "RunningEngine", "default_state_dir"]


def default_state_dir() -> Path:
    """`$MULTIRECALL_STATE`, or `.multirecall` in the current folder."""
    return Path(os.environ.get("MULTIRECALL_STATE") or ".multirecall").resolve()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningEngine:
    """A server that was started and answered.

    `url` takes an index name behind it (`/name`) for Elasticsearch and OpenSearch and is complete for Redis.
    `identity` tells the process from a later one with the same `pid`.
    """

    kind: str
    url: str
    http_port: int
    pid: int
    identity: str
    version: str
    log_path: Path
    data_dir: Path
    build: str
    boot_s: float

    @property
    def http_url(self) -> str:
        """The plain address, for an HTTP client: `http://127.0.0.1:PORT` (Redis has none but the same form)."""
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def is_running(self) -> bool:
        """Whether the process, and not another one under its id, still runs."""
        return process_identity(self.pid) == self.identity

    def to_json(self) -> dict[str, Any]:
        """The fields as plain JSON values."""
        return {**asdict(self), "log_path": str(self.log_path), "data_dir": str(self.data_dir)}


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineFolder:
    """Where one server keeps its things: state, log, working files and, unless told otherwise, its data."""

    kind: str
    root: Path

    @classmethod
    def of(cls, kind: str, state_dir: Path | None) -> EngineFolder:
        """The folder of `kind` below `state_dir` (default: `default_state_dir()`)."""
        return cls(kind=kind, root=(state_dir.resolve() if state_dir else default_state_dir()) / "engines")

    @property
    def state_path(self) -> Path:
        return self.root / f"{self.kind}.json"

    @property
    def lock_path(self) -> Path:
        return self.root / f"{self.kind}.lock"

    @property
    def log_path(self) -> Path:
        return self.root / f"{self.kind}.log"

    @property
    def port_path(self) -> Path:
        return self.root / f"{self.kind}.port"

    @property
    def work_dir(self) -> Path:
        return self.root / self.kind

    @property
    def default_data_dir(self) -> Path:
        return self.work_dir / "data"

    def read(self) -> RunningEngine | None:
        """The server last started here, running or not; None when there is none or its state cannot be read.

        An unreadable state counts as none: it was written by another version, or cut off by a full disk, and the only
        use of it would be to stop a process that it can no longer name.
        """
        try:
            fields = json.loads(self.state_path.read_text("utf-8"))
            return RunningEngine(
                **{**fields, "log_path": Path(fields["log_path"]), "data_dir": Path(fields["data_dir"])}
            )
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def write(self, engine: RunningEngine) -> None:
        """Records `engine`; a reader sees the old state or the new one, never a half."""
        self.root.mkdir(parents=True, exist_ok=True)
        scratch = self.state_path.with_suffix(".json.new")
        scratch.write_text(json.dumps(engine.to_json(), indent=2) + "\n", "utf-8")
        scratch.replace(self.state_path)
        self.port_path.write_text(f"{engine.http_port}\n", "utf-8")

    def last_port(self) -> int | None:
        """The port of the server last started here, so that its URL can stay the same; None when unknown."""
        try:
            return int(self.port_path.read_text("utf-8"))
        except (FileNotFoundError, ValueError):
            return None

    def forget(self) -> None:
        """Removes the record; no error when there is none."""
        self.state_path.unlink(missing_ok=True)
