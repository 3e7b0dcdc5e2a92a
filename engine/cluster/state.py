"""What runs of a cluster: one JSON file in its folder, written after every start so that a stop always finds all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from multirecall.engine.process import process_identity
from multirecall.engine.state import default_state_dir

__all__ = ["ClusterFolder", "ClusterState", "RunningService"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningService:
    """One started copy of a service.

    `server_kind` is the kind of engine that the launcher started and keeps its own record of; None for a process of
    ours. `digest` covers command, environment and health check: another one means that the file has changed since.
    """

    name: str
    service: str
    pid: int
    identity: str
    ports: Mapping[int, int]
    log_path: Path
    digest: str
    stop_grace_s: float
    waits_for: tuple[str, ...]
    server_kind: str | None = None

    @property
    def is_running(self) -> bool:
        """Whether the process, and not another one under its id, still runs."""
        return process_identity(self.pid) == self.identity


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterState:
    """All that was started. `ports` outlive their services: one that starts again gets the same."""

    compose_path: Path
    profiles: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    ports: Mapping[str, int] = field(default_factory=dict)
    running: Mapping[str, RunningService] = field(default_factory=dict)

    def with_service(self, started: RunningService) -> ClusterState:
        """This state with one more service."""
        return replace(self, running={**self.running, started.name: started})

    def without_service(self, name: str) -> ClusterState:
        """This state with one service less."""
        return replace(self, running={key: each for key, each in self.running.items() if key != name})


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterFolder:
    """Where a cluster keeps its things: `cluster` in the state folder, apart from the servers of `make up`."""

    root: Path

    @classmethod
    def of(cls, state_dir: Path | None) -> ClusterFolder:
        """The folder below `state_dir` (default: `$MULTIRECALL_STATE`, else `.multirecall`)."""
        return cls(root=(state_dir.resolve() if state_dir else default_state_dir()) / "cluster")

    @property
    def lock_path(self) -> Path:
        return self.root / "lock"

    @property
    def state_path(self) -> Path:
        return self.root / "state.json"

    @property
    def mark(self) -> str:
        """What every process of this cluster carries in its environment, so that none is ever lost sight of."""
        return str(self.root)

    def log_path(self, name: str) -> Path:
        return self.root / "logs" / f"{name}.log"

    def scratch_dir(self, name: str) -> Path:
        """The temporary folder of one service (its `TMPDIR`)."""
        return self.root / "tmp" / name

    def volume_dir(self, volume: str) -> Path:
        return self.root / "volumes" / volume

    def config_path(self, service: str, config: str) -> Path:
        return self.root / "configs" / service / config

    def read(self) -> ClusterState | None:
        """What was started here; None when nothing was, or when another version wrote the record."""
        try:
            fields = json.loads(self.state_path.read_text("utf-8"))
            return _state(fields)
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def write(self, state: ClusterState) -> None:
        """Records `state`; a reader sees the old one or the new one, never a half."""
        self.root.mkdir(parents=True, exist_ok=True)
        scratch = self.state_path.with_suffix(".json.new")
        scratch.write_text(json.dumps(asdict(state), indent=2, default=str) + "\n", "utf-8")
        scratch.replace(self.state_path)


def _state(fields: dict[str, Any]) -> ClusterState:
    running = {
        name: RunningService(
            **{
                **each,
                "ports": {int(port): local for port, local in each["ports"].items()},
                "log_path": Path(each["log_path"]),
                "waits_for": tuple(each["waits_for"]),
            }
        )
        for name, each in fields["running"].items()
    }
    return ClusterState(
        compose_path=Path(fields["compose_path"]),
        profiles=tuple(fields["profiles"]),
        without=tuple(fields["without"]),
        ports=dict(fields["ports"]),
        running=running,
    )
