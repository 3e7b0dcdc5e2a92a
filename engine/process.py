"""Server processes that outlive the command that started them: start, recognise, stop."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

__all__ = ["log_tail", "process_identity", "start_detached", "stop_process"]

_POLL_INTERVAL_S = 0.05
_TAIL_BYTES = 64_000


def start_detached(command: Sequence[str], log_path: Path, *, environment: Mapping[str, str] | None = None) -> int:
    """The process id of `command`, which runs in a session of its own and writes to `log_path`.

    It sees `environment` and nothing else; without one, that of this process.
    """
    appended = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    # Not subprocess.Popen: its object would have to live, and be waited for, as long as the server does.
    return os.posix_spawn(
        command[0],
        list(command),
        os.environ if environment is None else environment,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log_path), appended, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )


def process_identity(pid: int) -> str | None:
    """What tells this process from a later one with the same id: boot and start time. None when it does not run."""
    # A child that ended stays a zombie until it is waited for; one of an earlier command is not ours to wait for.
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    stat = Path(f"/proc/{pid}/stat")
    if not Path("/proc/self/stat").exists():
        return _identity_from_ps(pid)
    try:
        # The name in parentheses may hold blanks and parentheses, so the fields are counted from its end.
        fields = stat.read_text("utf-8", errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, start_ticks = fields[0], fields[19]
    if state in "ZX":
        # It ended between the two looks.
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        return None
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    return f"{boot_id}/{start_ticks}"


def _identity_from_ps(pid: int) -> str | None:
    ps = shutil.which("ps") or "/bin/ps"
    done = subprocess.run(  # noqa: S603 - a list of our own making, no shell
        [ps, "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state, _, started = done.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else started.strip()


def stop_process(pid: int, identity: str, *, grace_s: float) -> None:
    """Ends the process with SIGTERM and, after `grace_s`, SIGKILL; blocks until it is gone.

    Does nothing when `pid` is not, or no longer, the process with that `identity`.
    """
    for sign, wait_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, 10.0)):
        if process_identity(pid) != identity:
            return
        with suppress(ProcessLookupError):
            os.kill(pid, sign)
        deadline = time.monotonic() + wait_s
        while process_identity(pid) == identity and time.monotonic() < deadline:
            time.sleep(_POLL_INTERVAL_S)


def log_tail(log_path: Path, lines: int = 20) -> list[str]:
    """The last lines of the log; empty when there is none."""
    try:
        with log_path.open("rb") as log:
            log.seek(max(0, log_path.stat().st_size - _TAIL_BYTES))
            return log.read().decode("utf-8", errors="replace").splitlines()[-lines:]
    except FileNotFoundError:
        return []
