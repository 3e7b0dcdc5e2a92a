"""Commands of multirecall as real processes, each in a process group of its own, so that a kill hits all of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psutil

from tests.chaos.workers.waiting import wait_for

__all__ = ["ROOT", "Command"]

ROOT = Path(__file__).resolve().parents[3]
_TAIL_BYTES = 3_000


class Command:
    """`multirecall …` in the background; `module` runs another program with the same arguments in its place."""

    def __init__(
        self, arguments: list[str], *, environment: Mapping[str, str], log: Path, module: str = "multirecall.cli.main"
    ) -> None:
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                env={**os.environ, **environment},
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def runs(self) -> bool:
        return self.process.poll() is None

    @property
    def group(self) -> list[int]:
        """The ids of the process and of all its children."""
        try:
            parent = psutil.Process(self.process.pid)
            return [parent.pid, *(child.pid for child in parent.children(recursive=True))]
        except psutil.NoSuchProcess:
            return []

    def signal_group(self, sign: int) -> None:
        """Sends a signal to the process and all its children at once."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, sign)

    def kill(self) -> None:
        """kill -9 for parent and children; returns when none of them is left."""
        pids = self.group
        self.signal_group(signal.SIGKILL)
        self.process.wait()
        wait_for(lambda: not any(_lives(pid) for pid in pids), f"the end of {pids}", within_s=10)

    def kill_child(self) -> None:
        """kill -9 for one child, if there is one."""
        for pid in self.group[1:2]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def stop(self, *, within_s: float = 30.0) -> int:
        """SIGTERM, as a deployment does it; returns the exit code. What does not end is killed, and fails the test."""
        if self.runs:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=within_s)
            except subprocess.TimeoutExpired:
                self.kill()
                raise TimeoutError(f"the command did not stop within {within_s:.0f} s: {self.tail()}") from None
        return self.process.returncode

    def text(self) -> str:
        """All it has written so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def tail(self) -> str:
        """The end of what it has written."""
        return self.text()[-_TAIL_BYTES:]


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
