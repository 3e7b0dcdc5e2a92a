"""Starting, recognising and stopping processes."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from multirecall.engine.process import log_tail, process_identity, start_detached, stop_process

SLEEP = [sys.executable, "-c", "import time; print('ready', flush=True); time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)",
]


def start(command: list[str], log: Path) -> tuple[int, str]:
    pid = start_detached(command, log)
    identity = process_identity(pid)
    assert identity is not None
    deadline = time.monotonic() + 20
    while log_tail(log) != ["ready"]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return pid, identity


def test_start_detached_when_started_then_in_a_session_of_its_own_and_logged(tmp_path: Path) -> None:
    pid, identity = start(SLEEP, tmp_path / "log")
    assert os.getsid(pid) == pid != os.getsid(0)
    stop_process(pid, identity, grace_s=10)
    assert process_identity(pid) is None


def test_stop_process_when_sigterm_is_ignored_then_killed(tmp_path: Path) -> None:
    pid, identity = start(STUBBORN, tmp_path / "log")
    stop_process(pid, identity, grace_s=0.2)
    assert process_identity(pid) is None


def test_stop_process_when_it_is_another_process_then_left_alone(tmp_path: Path) -> None:
    pid, identity = start(SLEEP, tmp_path / "log")
    stop_process(pid, "another boot/1", grace_s=0.1)
    assert process_identity(pid) == identity
    stop_process(pid, identity, grace_s=10)


def test_process_identity_when_the_child_has_ended_then_none_and_no_zombie(tmp_path: Path) -> None:
    pid = start_detached([sys.executable, "-c", ""], tmp_path / "log")
    deadline = time.monotonic() + 20
    while process_identity(pid) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert not Path(f"/proc/{pid}").exists()


def test_log_tail_when_long_then_last_lines_and_when_absent_then_none(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert log_tail(log) == []
    log.write_bytes(b"\xff broken\n" + b"".join(b"line %d\n" % n for n in range(20_000)))
    assert log_tail(log, 2) == ["line 19998", "line 19999"]
