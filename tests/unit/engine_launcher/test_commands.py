"""The command lines, as data."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from multirecall.engine import commands
from multirecall.engine.commands import LaunchPlan, engine_url, free_ports, server_command
from multirecall.engine.toolchain import Jdk


def plan(kind: str, **changes: object) -> LaunchPlan:
    fields = {
        "kind": kind,
        "build": None if kind == "redis" else Path("/cache/build"),
        "work_dir": Path("/state/work"),
        "data_dir": Path("/state/data"),
        "http_port": 9201,
        "transport_port": 9301,
        "heap_mb": 512,
    }
    return LaunchPlan(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def tools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "find_jdk", lambda: Jdk(home=Path("/jdk"), major=21))
    monkeypatch.setattr(commands, "find_redis_server", lambda: "/bin/redis-server")


@pytest.mark.parametrize("kind", ["elasticsearch", "opensearch"])
def test_node_command_when_default_then_loopback_single_node_and_no_disk_threshold(kind: str) -> None:
    command = server_command(plan(kind))
    assert command[0] == "/jdk/bin/java"
    assert {"-Xms512m", "-Xmx512m"} <= set(command)
    assert {
        "network.host=127.0.0.1",
        "http.port=9201",
        "transport.port=9301",
        "discovery.type=single-node",
        "path.data=/state/data",
        "cluster.routing.allocation.disk.threshold_enabled=false",
    } <= set(command)
    assert not any("owner_pid" in part for part in command)


def test_node_command_when_settings_are_given_then_they_win() -> None:
    command = server_command(plan("elasticsearch", settings={"node.name": "b", "discovery.type": "multi-node"}))
    assert {"node.name=b", "discovery.type=multi-node"} <= set(command)
    assert "discovery.type=single-node" not in command


def test_node_command_when_owned_then_told_by_whom() -> None:
    assert "-Dmultirecall.owner_pid=42" in server_command(plan("opensearch", owner_pid=42))


def test_redis_command_when_default_then_loopback_and_nothing_kept() -> None:
    command = server_command(plan("redis"))
    pairs = dict(zip(command[1::2], command[2::2], strict=True))
    assert pairs["--bind"] == "127.0.0.1"
    assert (pairs["--save"], pairs["--appendonly"], pairs["--daemonize"]) == ("", "no", "no")


def test_engine_url_when_asked_then_in_the_form_that_opens_it() -> None:
    assert engine_url("elasticsearch", 1) == "elasticsearch+http://127.0.0.1:1"
    assert engine_url("opensearch", 2) == "opensearch+http://127.0.0.1:2"
    assert engine_url("redis", 3) == "redis://127.0.0.1:3/0"


def test_free_ports_when_several_then_different() -> None:
    ports = free_ports(8)
    assert len(set(ports)) == 8
    assert all(1024 <= port < 65536 for port in ports)


def test_free_ports_when_one_is_preferred_then_taken_if_free() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_ports(2, preferred=port)[0] != port
    assert free_ports(2, preferred=port)[0] == port
