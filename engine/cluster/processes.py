"""Processes of a cluster: started under a mark, stopped in groups, and none left behind.

A worker has children. Killed itself, it leaves them to the system; so everything of a cluster carries a variable in its
environment, and what still carries it at the end is found and ended too (on Linux, where `/proc` tells).
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from multirecall.engine.process import process_identity, start_detached

from .errors import ClusterStartFailed
from .state import RunningService

__all__ = ["MARK", "end_marked", "find_program", "marked_processes", "start_marked", "stop_together"]

MARK = "MULTIRECALL_CLUSTER"
_POLL_INTERVAL_S = 0.05
_KILL_WAIT_S = 10.0


def find_program(name: str, environment: Mapping[str, str]) -> str | None:
    """The path of a program on the `PATH` of `environment`; None when there is none."""
    return shutil.which(name, path=environment.get("PATH", ""))


def start_marked(command: Sequence[str], environment: Mapping[str, str], *, log_path: Path, mark: str) -> int:
    """The process id of `command`, which runs in a session of its own under `mark` and writes to `log_path`.

    Raises:
        ClusterStartFailed: There is no such program.
    """
    program = find_program(command[0], environment)
    if program is None:
        raise ClusterStartFailed(f"There is no program {command[0]!r} on PATH.", program=command[0])
    log_path.parent.mkdir(parents=True, exist_ok=True)
    if log_path.exists():
        log_path.replace(log_path.with_suffix(".log.1"))
    return start_detached([program, *command[1:]], log_path, environment={**environment, MARK: mark})


def stop_together(services: Iterable[RunningService]) -> list[str]:
    """The names of those that ran: each got SIGTERM, and SIGKILL once its grace was over. Blocks until all are gone."""
    waiting = {each.name: each for each in services if each.is_running}
    stopped = list(waiting)
    for each in waiting.values():
        with suppress(ProcessLookupError):
            os.kill(each.pid, signal.SIGTERM)
    begun = time.monotonic()
    killed_at: dict[str, float] = {}
    while waiting:
        for name, each in list(waiting.items()):
            now = time.monotonic()
            if not each.is_running or now - killed_at.get(name, now) > _KILL_WAIT_S:
                del waiting[name]
            elif name not in killed_at and now - begun > each.stop_grace_s:
                killed_at[name] = now
                with suppress(ProcessLookupError):
                    os.kill(each.pid, signal.SIGKILL)
        if waiting:
            time.sleep(_POLL_INTERVAL_S)
    return stopped


def marked_processes(mark: str) -> dict[int, str]:
    """Identity by id of every process that was started under `mark`, and of all that these started; needs `/proc`."""
    wanted = f"{MARK}={mark}".encode()
    found: dict[int, str] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        # Processes come and go while we look, and those of other users are not ours to read.
        with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                identity = process_identity(int(entry.name))
                if identity is not None:
                    found[int(entry.name)] = identity
    found.pop(os.getpid(), None)
    return found


def end_marked(mark: str) -> int:
    """How many processes were left under `mark`; they got SIGKILL, and are gone when this returns."""
    count = 0
    deadline = time.monotonic() + _KILL_WAIT_S
    # Again until none is found: one of them may have started another in the meantime.
    while (left := marked_processes(mark)) and time.monotonic() < deadline:
        for pid, identity in left.items():
            if process_identity(pid) == identity:
                count += 1
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        time.sleep(_POLL_INTERVAL_S)
    return count
