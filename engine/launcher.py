"""Starts and stops real engines on this machine, without Docker.

One server per kind and state folder. A server outlives the command that started it; `running_engine` gives a private
one that does not.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from multirecall.core.errors import InvalidSettings

from .build import BUILDABLE, pinned_version, prepare_build
from .commands import KINDS, LaunchPlan, engine_url, free_ports, server_command
from .errors import EngineStartFailed
from .health import health
from .locking import locked
from .process import log_tail, process_identity, start_detached, stop_process
from .state import EngineFolder, RunningEngine
from .toolchain import find_redis_server

__all__ = ["EngineStatus", "down", "prepare", "running_engine", "status", "up"]

DEFAULT_HEAP_MB = 1024
DEFAULT_TIMEOUT_S = 180.0
_STOP_GRACE_S = 30.0
_POLL_INTERVAL_S = 0.2
# A node that answers but stays red has a broken shard; that is for its user to see and no reason to refuse to run.
_RED_GRACE_S = 20.0
# A server under load may miss one question; only one that stays silent this long is replaced.
_BUSY_GRACE_S = 30.0
_PORT_ATTEMPTS = 3
_PORT_TAKEN = re.compile(r"Address already in use|BindHttpException|BindTransportException")


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineStatus:
    """One kind of server in one state folder: `engine` is None when none runs, `health` None when it is silent."""

    kind: str
    engine: RunningEngine | None
    health: str | None


def _silent(_step: str) -> None:
    """Reports nothing."""


def prepare(kind: str, *, report: Callable[[str], None] = _silent) -> Path:
    """What `kind` runs from: the build folder (made now if the cache lacks it), or the installed redis-server.

    Raises:
        InvalidSettings: There is no such kind.
        EngineToolsMissing: A program is absent; the error says what to install.
        EnginePrepareFailed: Maven or the compiler failed.
    """
    _check_kind(kind)
    return prepare_build(kind, report) if kind in BUILDABLE else Path(find_redis_server())


def up(
    kind: str,
    *,
    data_dir: Path | None = None,
    heap_mb: int = DEFAULT_HEAP_MB,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    fresh: bool = False,
    settings: Mapping[str, str] | None = None,
    state_dir: Path | None = None,
    owner_pid: int | None = None,
    report: Callable[[str], None] = _silent,
) -> RunningEngine:
    """A running, healthy server of `kind`: the one that runs here already, or a new one on free loopback ports.

    The port of the last one is taken again if it is free, so that URLs in settings stay true.

    A running server of another build (the pinned version or the launcher changed) is replaced, on the same data.
    Blocks until the server is ready: about 10 s, and up to a minute more the very first time (see `prepare`).

    Args:
        kind: `elasticsearch`, `opensearch` or `redis`.
        data_dir: Where indices are kept, across `down` and `up`; default: inside the state folder.
        heap_mb: Java heap; for Redis the most memory it may use.
        timeout_s: How long to wait for the server to answer, without the time for `prepare`.
        fresh: Stop a running server and delete its data first.
        settings: Node settings (Redis: options) on top of ours, or instead of them.
        state_dir: Where state, log and data lie; default `$MULTIRECALL_STATE`, else `.multirecall`.
        owner_pid: End the server when this process is gone (Java engines only).
        report: Called with one line per long step.

    Raises:
        InvalidSettings: There is no such kind.
        EngineToolsMissing: A program is absent; the error says what to install.
        EnginePrepareFailed: Maven or the compiler failed.
        EngineStartFailed: The server ended or did not answer in time; carries the end of its log.
    """
    source = prepare(kind, report=report)
    folder = EngineFolder.of(kind, state_dir)
    with locked(folder.lock_path):
        running = folder.read()
        if running is not None and running.is_running:
            if not fresh and running.build == source.name and _answers(running, min(timeout_s, _BUSY_GRACE_S)):
                return running
            report(f"stopping {kind} {running.version}")
            stop_process(running.pid, running.identity, grace_s=_STOP_GRACE_S)
        folder.forget()
        data = (data_dir or folder.default_data_dir).resolve()
        if fresh and data.exists():
            shutil.rmtree(data)
        for made in (data, *(folder.work_dir / name for name in ("config", "logs", "tmp"))):
            made.mkdir(parents=True, exist_ok=True)
        report(f"starting {kind}")
        for attempt in range(1, _PORT_ATTEMPTS + 1):
            preferred = folder.last_port() if attempt == 1 else None
            http_port, transport_port = free_ports(2, preferred=preferred)
            plan = LaunchPlan(
                kind=kind,
                build=source if kind in BUILDABLE else None,
                work_dir=folder.work_dir,
                data_dir=data,
                http_port=http_port,
                transport_port=transport_port,
                heap_mb=heap_mb,
                owner_pid=owner_pid,
                settings=settings or {},
            )
            try:
                return _start(plan, folder, source, timeout_s)
            except EngineStartFailed as failure:
                # Another program may take a port between our look and the server's start.
                if attempt == _PORT_ATTEMPTS or not _PORT_TAKEN.search("\n".join(failure.data["log_tail"])):
                    raise
        raise AssertionError("unreachable: the last attempt returns or raises")


def _answers(engine: RunningEngine, patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    while engine.is_running:
        if health(engine.kind, engine.http_port) is not None:
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_INTERVAL_S)
    return False


def _start(plan: LaunchPlan, folder: EngineFolder, source: Path, timeout_s: float) -> RunningEngine:
    if folder.log_path.exists():
        folder.log_path.replace(folder.log_path.with_suffix(".log.1"))
    started = time.monotonic()
    pid = start_detached(server_command(plan), folder.log_path)
    identity = process_identity(pid)
    if identity is None:
        raise _start_failure(plan.kind, "ended at once", folder.log_path)
    try:
        _wait_until_ready(plan, pid, identity, folder.log_path, timeout_s)
        engine = RunningEngine(
            kind=plan.kind,
            url=engine_url(plan.kind, plan.http_port),
            http_port=plan.http_port,
            pid=pid,
            identity=identity,
            version=pinned_version(plan.kind) if plan.kind in BUILDABLE else _redis_version(source),
            log_path=folder.log_path,
            data_dir=plan.data_dir,
            build=source.name,
            boot_s=round(time.monotonic() - started, 2),
        )
        folder.write(engine)
    except BaseException:
        # Nothing records this process yet: whatever ends the start (Ctrl-C too) must end the server as well.
        stop_process(pid, identity, grace_s=_STOP_GRACE_S)
        raise
    return engine


def _wait_until_ready(plan: LaunchPlan, pid: int, identity: str, log_path: Path, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    red_since: float | None = None
    while time.monotonic() < deadline:
        if process_identity(pid) != identity:
            raise _start_failure(plan.kind, "ended while it started", log_path)
        state = health(plan.kind, plan.http_port)
        if state in ("green", "yellow"):
            return
        if state == "red":
            red_since = time.monotonic() if red_since is None else red_since
            if time.monotonic() - red_since > _RED_GRACE_S:
                return
        time.sleep(_POLL_INTERVAL_S)
    raise _start_failure(plan.kind, f"did not answer within {timeout_s:.0f} s", log_path)


def _start_failure(kind: str, what: str, log_path: Path) -> EngineStartFailed:
    tail = log_tail(log_path)
    return EngineStartFailed(
        f"{kind} {what}. The end of its log, {log_path}:\n" + "\n".join(tail),
        log_path=str(log_path),
        log_tail=tail,
    )


def _redis_version(program: Path) -> str:
    shown = subprocess.run(  # noqa: S603 - the program found on PATH, no shell
        [str(program), "--version"], capture_output=True, text=True, check=True
    ).stdout
    match = re.search(r"v=(\S+)", shown)
    return match[1] if match else "unknown"


def down(kind: str | None = None, *, state_dir: Path | None = None) -> list[str]:
    """The kinds that were running and are now stopped; without `kind`, all of them. Data stays.

    Sends SIGTERM, and SIGKILL after 30 s; blocks until the processes are gone. Only processes that `up` started and
    recorded are touched: a record whose process is gone, or whose id now belongs to another program, is just removed.

    Raises:
        InvalidSettings: There is no such kind.
    """
    if kind is not None:
        _check_kind(kind)
    stopped: list[str] = []
    for each in (kind,) if kind else KINDS:
        folder = EngineFolder.of(each, state_dir)
        if not folder.state_path.exists():
            continue
        with locked(folder.lock_path):
            engine = folder.read()
            if engine is not None and engine.is_running:
                stop_process(engine.pid, engine.identity, grace_s=_STOP_GRACE_S)
                stopped.append(each)
            folder.forget()
    return stopped


def status(*, state_dir: Path | None = None) -> list[EngineStatus]:
    """Every kind, running or not, with the health it reports now."""
    found: list[EngineStatus] = []
    for kind in KINDS:
        engine = EngineFolder.of(kind, state_dir).read()
        if engine is None or not engine.is_running:
            found.append(EngineStatus(kind=kind, engine=None, health=None))
        else:
            found.append(EngineStatus(kind=kind, engine=engine, health=health(kind, engine.http_port)))
    return found


@contextmanager
def running_engine(
    kind: str,
    *,
    heap_mb: int = DEFAULT_HEAP_MB,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    settings: Mapping[str, str] | None = None,
    data_dir: Path | None = None,
) -> Iterator[RunningEngine]:
    """A private server with data of its own, stopped and wiped at the end, whatever happens inside.

    The Java engines also end when this process is killed. A given `data_dir` is kept.

    Raises:
        EngineToolsMissing, EnginePrepareFailed, EngineStartFailed: As `up`.
    """
    with tempfile.TemporaryDirectory(prefix=f"multirecall-{kind}-") as scratch:
        state_dir = Path(scratch)
        try:
            yield up(
                kind,
                data_dir=data_dir,
                heap_mb=heap_mb,
                timeout_s=timeout_s,
                settings=settings,
                state_dir=state_dir,
                owner_pid=os.getpid(),
            )
        finally:
            down(kind, state_dir=state_dir)


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise InvalidSettings(
            f"There is no engine {kind!r}.", hint=f"Choose one of {', '.join(KINDS)}.", field="engine"
        )
