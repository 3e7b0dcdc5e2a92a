"""Brings the services of compose.yaml up as local processes, and tells how they are."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from multirecall.engine import launcher
from multirecall.engine.locking import locked
from multirecall.engine.process import process_identity

from .compose_file import load_project
from .errors import ClusterStartFailed
from .planning import LocalPlan, plan_project
from .probing import wait_until_healthy
from .processes import start_marked
from .servers import SERVER_PORTS, heap_mb, server_kind
from .service import Service
from .state import ClusterFolder, ClusterState, RunningService
from .stopping import stop_services

__all__ = ["ClusterReport", "ServiceStatus", "status", "up"]

_PROBES_AT_ONCE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterReport:
    """What runs after `up`, what was left out with the reason, and the addresses for commands of this shell."""

    running: tuple[RunningService, ...]
    left_out: dict[str, str]
    connection: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStatus:
    """One copy of a service now. `state` is `healthy`, `unhealthy`, `running` (no health check) or `ended`."""

    service: RunningService
    state: str
    detail: str = ""


def up(
    compose_path: Path,
    *,
    profiles: Collection[str] = (),
    without: Collection[str] = (),
    state_dir: Path | None = None,
    report: Callable[[str], None] = lambda _step: None,
) -> ClusterReport:
    """Every service of the file that can run here, started in the order of its health checks, and healthy.

    What runs already and has not changed is left alone; what ended or changed is started again, on the same ports.
    Blocks until the last one is healthy (about a minute; longer when a server has to be fetched first). If anything
    goes wrong, Ctrl-C included, what this call started is stopped again; logs stay until `down`.

    Args:
        compose_path: The compose file; `.env` beside it is read as Compose does.
        profiles: Profiles that are on.
        without: Services that are left out.
        state_dir: Where the cluster keeps its things, in a folder `cluster`; default `$MULTIRECALL_STATE`, else
            `.multirecall`.
        report: Called with one line per step.

    Raises:
        InvalidComposeFile, UnsupportedFeature: The file cannot be read, or not run here as it is.
        ClusterStartFailed: A service ended or did not become healthy; the message holds the end of its log.
        EngineToolsMissing, EnginePrepareFailed, EngineStartFailed: As `launcher.up`, for the servers.
    """
    folder = ClusterFolder.of(state_dir)
    with locked(folder.lock_path):
        before = folder.read() or ClusterState(compose_path=compose_path.resolve())
        project = load_project(compose_path, report=report)
        plan = plan_project(project, folder, profiles=profiles, without=without, known_ports=before.ports)
        state = replace(before, compose_path=compose_path.resolve(), profiles=tuple(profiles), without=tuple(without))
        starting = _Starting(plan, folder, state, report)
        try:
            for wave in plan.waves:
                starting.start_wave([project.services[name] for name in wave])
        except BaseException:
            # Whatever ends the start, Ctrl-C too: what was started here must not stay behind half-made.
            report("stopping what was started")
            starting.undo()
            raise
        running = tuple(starting.state.running.values())
        return ClusterReport(running=running, left_out=dict(plan.left_out), connection=_connection(plan))


def status(*, state_dir: Path | None = None) -> list[ServiceStatus]:
    """Every service that was started and not stopped, asked by its health check as often as it allows before
    a service is unhealthy; blocks for at most as many timeouts.
    """
    folder = ClusterFolder.of(state_dir)
    state = folder.read()
    if state is None:
        return []
    project = load_project(state.compose_path)
    plan = plan_project(project, folder, profiles=state.profiles, without=state.without, known_ports=state.ports)

    def ask(service: RunningService) -> ServiceStatus:
        if not service.is_running:
            return ServiceStatus(service=service, state="ended", detail=f"see {service.log_path}")
        described = project.services.get(service.service)
        probe = None if described is None or described.name in plan.left_out else plan.probe(described)
        if probe is None:
            return ServiceStatus(service=service, state="running")
        result = probe.ask_as_often_as_allowed()
        return ServiceStatus(
            service=service,
            state="healthy" if result.is_healthy else "unhealthy",
            detail="" if result.is_healthy else result.output,
        )

    with ThreadPoolExecutor(max_workers=_PROBES_AT_ONCE) as pool:
        return list(pool.map(ask, state.running.values()))


class _Starting:
    """One run of `up`: what has been started so far, recorded after every step."""

    def __init__(
        self, plan: LocalPlan, folder: ClusterFolder, state: ClusterState, report: Callable[[str], None]
    ) -> None:
        self._plan = plan
        self._folder = folder
        self._report = report
        self._fresh: list[str] = []
        self.state = state

    def start_wave(self, services: Iterable[Service]) -> None:
        """Starts services that wait for nothing more, then waits until each of them is healthy."""
        begun: list[tuple[Service, RunningService]] = []
        for service in services:
            for name in _copies(service):
                before = self.state.running.get(name)
                if before is not None and before.is_running and before.digest == self._plan.digest(service):
                    begun.append((service, before))
                    continue
                if before is not None:
                    self._report(f"{name} changed or ended: starting it again")
                    stop_services([before], self._folder)
                kind = server_kind(service)
                begun.append((service, self._start(service, name) if kind is None else self._serve(service, kind)))
        for service, running in begun:
            took_s = wait_until_healthy(running, self._plan.probe(service))
            self._report(f"{running.name} is {'healthy' if service.health else 'running'} after {took_s:.1f} s")

    def undo(self) -> None:
        """Stops what this run started, and records that it is gone."""
        started = [self.state.running[name] for name in self._fresh if name in self.state.running]
        stop_services(started, self._folder)
        for each in started:
            self._record(self.state.without_service(each.name))

    def _start(self, service: Service, name: str) -> RunningService:
        self._report(f"starting {name}: {' '.join(service.command)}")
        self._make_folders(service, name)
        log_path = self._folder.log_path(name)
        pid = start_marked(
            self._plan.command(service),
            self._plan.environment(service, name),
            log_path=log_path,
            mark=self._folder.mark,
        )
        # One that ended at once has no identity any more: its log tells why, in the same words as for a later end.
        return self._started(service, name, pid=pid, identity=process_identity(pid) or "ended", log_path=log_path)

    def _serve(self, service: Service, kind: str) -> RunningService:
        self._make_folders(service, service.name)
        data_dir = next(
            (self._folder.volume_dir(mount.source) for mount in service.mounts if mount.kind == "volume"), None
        )
        settings = self._plan.settings(service)
        engine = launcher.up(
            kind,
            data_dir=data_dir,
            heap_mb=heap_mb(service),
            settings=settings,
            state_dir=self._folder.root,
            report=self._report,
        )
        self._plan.ports[service.name, SERVER_PORTS[kind]] = engine.http_port
        return self._started(
            service, service.name, pid=engine.pid, identity=engine.identity, log_path=engine.log_path, kind=kind
        )

    def _started(
        self, service: Service, name: str, *, pid: int, identity: str, log_path: Path, kind: str | None = None
    ) -> RunningService:
        running = RunningService(
            name=name,
            service=service.name,
            pid=pid,
            identity=identity,
            ports={port: local for (owner, port), local in self._plan.ports.items() if owner == service.name},
            log_path=log_path,
            digest=self._plan.digest(service),
            stop_grace_s=service.stop_grace_s,
            waits_for=tuple(service.depends_on),
            server_kind=kind,
        )
        self._fresh.append(name)
        ports = {f"{owner}:{port}": local for (owner, port), local in self._plan.ports.items()}
        self._record(replace(self.state.with_service(running), ports=ports))
        return running

    def _record(self, state: ClusterState) -> None:
        self.state = state
        self._folder.write(state)

    def _make_folders(self, service: Service, name: str) -> None:
        self._folder.scratch_dir(name).mkdir(parents=True, exist_ok=True)
        for mount in service.mounts:
            if mount.kind == "volume":
                self._folder.volume_dir(mount.source).mkdir(parents=True, exist_ok=True)
            elif mount.kind == "tmpfs":
                (self._folder.scratch_dir(service.name) / mount.source).mkdir(parents=True, exist_ok=True)
            elif mount.kind == "config":
                path = self._folder.config_path(service.name, mount.source)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(self._plan.config_text(service, mount.source), "utf-8")


def _copies(service: Service) -> list[str]:
    """One name per copy: `worker-index`, or `worker-index-1`, `worker-index-2` when there are several."""
    return [service.name] if service.scale == 1 else [f"{service.name}-{n}" for n in range(1, service.scale + 1)]


def _connection(plan: LocalPlan) -> dict[str, str]:
    """The variables that point commands of this shell at the cluster. Credentials are the user's own, from `.env`."""
    for wave in plan.waves:
        for name in wave:
            service = plan.project.services[name]
            if service.is_built_here and "MULTIRECALL_ENGINE" in service.environment:
                seen = plan.environment(service)
                wanted = ("MULTIRECALL_ENGINE", "MULTIRECALL_REDIS", "MULTIRECALL_BROKER")
                return {key: seen[key] for key in wanted if key in seen}
    return {}


def connection(*, state_dir: Path | None = None) -> dict[str, str]:
    """The variables that point commands of this shell at the running cluster.

    Raises:
        ClusterStartFailed: None runs here.
    """
    folder = ClusterFolder.of(state_dir)
    state = folder.read()
    if state is None:
        raise ClusterStartFailed("No cluster runs here.", hint="Start it: make cluster.")
    project = load_project(state.compose_path)
    return _connection(
        plan_project(project, folder, profiles=state.profiles, without=state.without, known_ports=state.ports)
    )
