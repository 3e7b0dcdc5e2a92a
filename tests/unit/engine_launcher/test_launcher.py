"""`up`, `down` and `status`, with a server that is a few lines of Python."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from multirecall.core.errors import InvalidSettings
from multirecall.engine import __main__ as command_line
from multirecall.engine import launcher
from multirecall.engine.commands import LaunchPlan
from multirecall.engine.errors import EngineStartFailed, EngineToolsMissing
from multirecall.engine.process import process_identity
from multirecall.engine.state import EngineFolder

# Answers PING as Redis does, so that the launcher takes it for one.
PONG = """
import socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    client, _ = server.accept()
    client.recv(16)
    client.sendall(b"+PONG\\r\\n")
    client.close()
"""


@pytest.fixture
def state_dir(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    monkeypatch.setattr(launcher, "find_redis_server", lambda: "/bin/redis-server")
    monkeypatch.setattr(launcher, "_redis_version", lambda program: "7.0.0")
    serve_with(monkeypatch, PONG)
    yield tmp_path
    launcher.down(state_dir=tmp_path)


def serve_with(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    def command(plan: LaunchPlan) -> list[str]:
        return [sys.executable, "-c", script, str(plan.http_port)]

    monkeypatch.setattr(launcher, "server_command", command)


def test_up_when_running_and_healthy_then_the_same_server(state_dir: Path) -> None:
    first = launcher.up("redis", state_dir=state_dir)
    assert launcher.up("redis", state_dir=state_dir) == first
    (found,) = [each for each in launcher.status(state_dir=state_dir) if each.engine]
    assert (found.kind, found.engine, found.health) == ("redis", first, "green")


def test_up_when_fresh_then_data_is_deleted_and_the_server_new(state_dir: Path) -> None:
    first = launcher.up("redis", state_dir=state_dir)
    (first.data_dir / "kept").write_text("x")
    second = launcher.up("redis", state_dir=state_dir, fresh=True)
    assert second.pid != first.pid
    assert not first.is_running
    assert not (second.data_dir / "kept").exists()


def test_up_when_the_build_has_changed_then_replaced_on_the_same_data(state_dir: Path) -> None:
    first = launcher.up("redis", state_dir=state_dir)
    (first.data_dir / "kept").write_text("x")
    EngineFolder.of("redis", state_dir).write(replace(first, build="an older one"))
    second = launcher.up("redis", state_dir=state_dir)
    assert second.pid != first.pid
    assert (second.data_dir / "kept").exists()


def test_up_when_the_server_ends_then_the_error_shows_its_log(monkeypatch: pytest.MonkeyPatch, state_dir: Path) -> None:
    serve_with(monkeypatch, "raise SystemExit('no such luck')")
    with pytest.raises(EngineStartFailed, match="no such luck") as caught:
        launcher.up("redis", state_dir=state_dir)
    assert Path(caught.value.data["log_path"]).is_file()
    assert launcher.status(state_dir=state_dir)[-1].engine is None


def test_up_when_the_server_stays_silent_then_stopped_after_the_timeout(
    monkeypatch: pytest.MonkeyPatch, state_dir: Path
) -> None:
    serve_with(monkeypatch, "import os, time; print(os.getpid(), flush=True); time.sleep(60)")
    with pytest.raises(EngineStartFailed, match="did not answer within 1 s") as caught:
        launcher.up("redis", state_dir=state_dir, timeout_s=1.0)
    assert process_identity(int(caught.value.data["log_tail"][0])) is None


def test_up_when_a_port_was_taken_meanwhile_then_tried_on_others(
    monkeypatch: pytest.MonkeyPatch, state_dir: Path
) -> None:
    once = f"import os\nif not os.path.exists({str(state_dir / 'tried')!r}):\n"
    once += f"    open({str(state_dir / 'tried')!r}, 'w').close()\n    raise SystemExit('Address already in use')\n"
    serve_with(monkeypatch, once + PONG)
    assert launcher.up("redis", state_dir=state_dir).is_running


def test_down_when_running_then_stopped_and_down_again_is_fine(state_dir: Path) -> None:
    engine = launcher.up("redis", state_dir=state_dir)
    assert launcher.down(state_dir=state_dir) == ["redis"]
    assert not engine.is_running
    assert launcher.down("redis", state_dir=state_dir) == []


def test_up_when_it_ran_before_then_under_the_same_url(state_dir: Path) -> None:
    first = launcher.up("redis", state_dir=state_dir)
    launcher.down(state_dir=state_dir)
    second = launcher.up("redis", state_dir=state_dir)
    assert (second.url, second.pid != first.pid) == (first.url, True)


def test_down_when_the_record_is_stale_then_nothing_is_killed(state_dir: Path) -> None:
    engine = launcher.up("redis", state_dir=state_dir)
    folder = EngineFolder.of("redis", state_dir)
    folder.write(replace(engine, identity="another boot/1"))
    assert launcher.down("redis", state_dir=state_dir) == []
    assert engine.is_running
    assert folder.read() is None
    folder.write(engine)


def test_running_engine_when_the_body_raises_then_stopped_all_the_same(state_dir: Path) -> None:
    engines = []

    def body() -> None:
        with launcher.running_engine("redis") as engine:
            engines.append(engine)
            assert engine.is_running
            raise KeyError

    with pytest.raises(KeyError):
        body()
    assert not engines[0].is_running
    assert not engines[0].data_dir.exists()


def test_launcher_when_the_kind_is_unknown_then_names_those_that_exist(tmp_path: Path) -> None:
    for call in (launcher.up, launcher.down):
        with pytest.raises(InvalidSettings, match="elasticsearch, opensearch, redis"):
            call("solr", state_dir=tmp_path)


def test_command_line_when_used_then_prints_json_and_errors_in_one_line(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--state-dir", str(state_dir)]
    assert command_line.main(["up", "redis", "--json", *where]) == 0
    url = json.loads(capsys.readouterr().out)["url"]
    assert command_line.main(["status", *where]) == 0
    assert url in capsys.readouterr().out
    assert command_line.main(["down", *where]) == 0
    assert capsys.readouterr().out == "stopped redis\n"

    def absent() -> str:
        raise EngineToolsMissing("No redis-server on PATH.", hint="Install it.", tool="redis")

    monkeypatch.setattr(launcher, "find_redis_server", absent)
    assert command_line.main(["up", "redis", *where]) == EngineToolsMissing.exit_code
    assert capsys.readouterr().err == "No redis-server on PATH. Install it.\n"
