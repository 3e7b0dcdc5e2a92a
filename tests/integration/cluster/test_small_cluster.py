"""The local cluster on a compose file of a few lines: a real Redis, and services that are a few lines of Python."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import psutil
import pytest
import redis

from multirecall.engine import EngineToolsMissing
from multirecall.engine.cluster import ClusterStartFailed, down, status, up
from multirecall.engine.cluster.processes import marked_processes
from multirecall.engine.cluster.state import ClusterFolder
from multirecall.engine.process import process_identity
from multirecall.engine.toolchain import find_redis_server
from tests.support.engines import missing_engine

pytestmark = pytest.mark.integration

PROJECT = """
services:
  redis:
    image: redis:7.2.16
    command: [redis-server, --port, "6379", --dir, /data, --appendonly, "yes", --maxmemory-policy, noeviction]
    volumes: ["data:/data"]
    healthcheck: {test: [CMD, redis-cli, -u, "redis://127.0.0.1:6379/0", ping], start_interval: 100ms}
  web:
    build: .
    command: [python, -m, http.server, "8000", --bind, 0.0.0.0]
    environment: {MULTIRECALL_ENGINE: "embedded:/x", MULTIRECALL_REDIS: "redis://redis:6379/0"}
    depends_on: {redis: {condition: service_healthy}}
    ports: ["127.0.0.1:0:8000"]
    healthcheck:
      test: [CMD, python, -c, "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/', timeout=5)"]
      start_interval: 100ms
  copies:
    build: .
    scale: 2
    command: [python, -c, "import time, tempfile; open(tempfile.mkstemp()[1], 'w'); time.sleep(600)"]
    stop_grace_period: 5s
volumes: {data: }
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    try:
        find_redis_server()
    except EngineToolsMissing as absent:
        missing_engine("redis", str(absent))
    (tmp_path / "compose.yaml").write_text(PROJECT.replace('"127.0.0.1:0:8000"', '"8000"'))
    yield tmp_path
    down(state_dir=tmp_path / "state")
    assert marked_processes(ClusterFolder.of(tmp_path / "state").mark) == {}


def start(folder: Path, **choice: object) -> dict[str, tuple[int, int]]:
    """Process id and (first) port by name."""
    report = up(folder / "compose.yaml", state_dir=folder / "state", **choice)
    return {each.name: (each.pid, next(iter(each.ports.values()), 0)) for each in report.running}


def rewrite(folder: Path, was: str, becomes: str) -> None:
    text = (folder / "compose.yaml").read_text()
    assert was in text
    (folder / "compose.yaml").write_text(text.replace(was, becomes))


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_up_when_done_then_every_service_answers_and_down_leaves_nothing(folder: Path) -> None:
    running = start(folder)
    assert list(running) == ["redis", "copies-1", "copies-2", "web"]
    assert {each.service.name: each.state for each in status(state_dir=folder / "state")} == {
        "redis": "healthy",
        "web": "healthy",
        "copies-1": "running",
        "copies-2": "running",
    }
    # The flags of compose.yaml, and not those of the launcher, are what runs.
    with redis.Redis(port=running["redis"][1]) as client:
        assert client.config_get("appendonly") == {"appendonly": "yes"}
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    seen = psutil.Process(running["web"][0]).environ()
    assert seen["MULTIRECALL_REDIS"] == f"redis://127.0.0.1:{running['redis'][1]}/0"
    assert {a.laddr.ip for a in psutil.Process(running["web"][0]).net_connections() if a.status == "LISTEN"} == {
        "127.0.0.1"
    }

    stopped = down(state_dir=folder / "state")

    assert sorted(stopped) == ["copies-1", "copies-2", "redis", "web"]
    assert stopped.index("web") < stopped.index("redis")
    assert not any(process_identity(pid) for pid, _ in running.values())
    assert not any(is_listening(port) for _, port in running.values() if port)
    assert [each.name for each in folder.iterdir()] == ["compose.yaml"]
    assert down(state_dir=folder / "state") == []


def test_up_when_something_runs_already_then_only_what_ended_or_changed_is_started(folder: Path) -> None:
    first = start(folder)
    assert start(folder) == first
    os.kill(first["web"][0], signal.SIGKILL)
    second = start(folder)
    assert second["web"][0] != first["web"][0]
    assert second["web"][1] == first["web"][1]
    assert {name: second[name] for name in second if name != "web"} == {
        name: first[name] for name in first if name != "web"
    }
    rewrite(folder, "time.sleep(600)", "time.sleep(601)")
    third = start(folder)
    assert (third["copies-1"] != second["copies-1"], third["web"] == second["web"]) == (True, True)


def test_up_when_a_service_dies_then_the_end_of_its_log_is_told_and_nothing_stays(folder: Path) -> None:
    rewrite(folder, 'http.server, "8000"', 'no_such_module_at_all, "8000"')
    with pytest.raises(ClusterStartFailed, match="no_such_module_at_all") as caught:
        start(folder)
    assert caught.value.data["service"] == "web"
    assert Path(caught.value.data["log_path"]).exists()
    assert status(state_dir=folder / "state") == []
    assert marked_processes(ClusterFolder.of(folder / "state").mark) == {}
    rewrite(folder, "no_such_module_at_all", "http.server")
    assert "web" in start(folder)


def test_up_when_a_program_is_absent_then_it_is_named(folder: Path) -> None:
    rewrite(folder, "[python, -m, http.server", "[no-such-program, -m, http.server")
    with pytest.raises(ClusterStartFailed, match="no-such-program"):
        start(folder)


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_up_when_interrupted_then_what_it_started_is_stopped(folder: Path, sign: signal.Signals) -> None:
    rewrite(folder, "u.urlopen('http://127.0.0.1:8000/', timeout=5)", "raise SystemExit(1)")
    command = [sys.executable, "-m", "multirecall.engine.cluster", "up", "--state-dir", str(folder / "state")]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("starting web"):
                break
        time.sleep(0.5)
        assert len(marked_processes(ClusterFolder.of(folder / "state").mark)) == 3
        process.send_signal(sign)
        said = process.stderr.read()
    assert (process.returncode, "interrupted" in said) == (130, True)
    assert marked_processes(ClusterFolder.of(folder / "state").mark) == {}
    state = ClusterFolder.of(folder / "state").read()
    assert state is not None
    assert state.running == {}


def test_down_when_a_service_will_not_end_then_it_and_its_children_are_killed(folder: Path) -> None:
    deaf = """
        import os, signal, subprocess, sys, time
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("child", child.pid, flush=True)
        time.sleep(600)
        """
    (folder / "deaf.py").write_text(dedent(deaf))
    (folder / "compose.yaml").write_text(
        f"services: {{deaf: {{build: ., command: [python, '{folder}/deaf.py'], stop_grace_period: 500ms}}}}"
    )
    running = start(folder)
    log = ClusterFolder.of(folder / "state").log_path("deaf")
    deadline = time.monotonic() + 20
    while not log.read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    child = int(log.read_text().split()[1])
    assert process_identity(child) is not None
    assert down(state_dir=folder / "state") == ["deaf"]
    assert process_identity(running["deaf"][0]) is None
    assert process_identity(child) is None


def test_down_when_data_is_kept_then_the_next_start_finds_it(folder: Path) -> None:
    running = start(folder, without=["copies", "web"])
    with redis.Redis(port=running["redis"][1]) as client:
        client.set("kept", "1")
    down(keep=True, state_dir=folder / "state")
    again = start(folder, without=["copies", "web"])
    with redis.Redis(port=again["redis"][1]) as client:
        assert client.get("kept") == b"1"


def test_down_when_the_record_is_lost_then_processes_are_found_by_their_mark(folder: Path) -> None:
    running = start(folder)
    ClusterFolder.of(folder / "state").state_path.unlink()
    down(state_dir=folder / "state")
    assert not any(process_identity(pid) for pid, _ in running.values())
