"""The command line of each server, as data."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from .toolchain import find_jdk, find_redis_server

__all__ = ["HOST", "KINDS", "LaunchPlan", "engine_url", "free_ports", "server_command"]

HOST = "127.0.0.1"

# Kind to URL form. The `+http` tells an engine of ours from a page to be fetched; Redis has its own scheme.
_URL_FORMS: Mapping[str, str] = {
    "elasticsearch": "elasticsearch+http://{host}:{port}",
    "opensearch": "opensearch+http://{host}:{port}",
    "redis": "redis://{host}:{port}/0",
}
KINDS: tuple[str, ...] = tuple(_URL_FORMS)

_NODE_CLASSES: Mapping[str, str] = {
    "elasticsearch": "multirecall.engine.ElasticsearchNode",
    "opensearch": "multirecall.engine.OpenSearchNode",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchPlan:
    """What one start needs to know. `build` is None for Redis, which is installed and not built."""

    kind: str
    build: Path | None
    work_dir: Path
    data_dir: Path
    http_port: int
    transport_port: int
    heap_mb: int
    owner_pid: int | None = None
    settings: Mapping[str, str] = field(default_factory=dict)


def engine_url(kind: str, port: int) -> str:
    """The URL under which the rest of multirecall opens the server."""
    return _URL_FORMS[kind].format(host=HOST, port=port)


def free_ports(count: int, *, preferred: int | None = None) -> list[int]:
    """`count` different loopback ports that were free a moment ago; the first is `preferred` if that one is free."""
    with ExitStack() as opened:
        ports: list[int] = []
        for number in range(count):
            bound = opened.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            # As servers do: a port whose last connections still fade away counts as free.
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if number > 0 or preferred is None or not _can_bind(bound, preferred):
                bound.bind((HOST, 0))
            ports.append(bound.getsockname()[1])
        return ports


def _can_bind(unbound: socket.socket, port: int) -> bool:
    try:
        unbound.bind((HOST, port))
    except OSError:
        return False
    return True


def server_command(plan: LaunchPlan) -> list[str]:
    """The program and arguments that run `plan`.

    Raises:
        EngineToolsMissing: No JDK, or no redis-server.
    """
    return _redis_command(plan) if plan.build is None else _node_command(plan, plan.build)


def _redis_command(plan: LaunchPlan) -> list[str]:
    options = {
        "port": str(plan.http_port),
        "bind": HOST,
        "save": "",
        "appendonly": "no",
        "daemonize": "no",
        "dir": str(plan.data_dir),
        "maxmemory": f"{plan.heap_mb}mb",
        **plan.settings,
    }
    return [find_redis_server(), *(part for key, value in options.items() for part in (f"--{key}", value))]


def _node_command(plan: LaunchPlan, build: Path) -> list[str]:
    settings = {
        "path.home": str(build / "home"),
        "path.data": str(plan.data_dir),
        "path.logs": str(plan.work_dir / "logs"),
        "cluster.name": "multirecall",
        "node.name": "node-1",
        "network.host": HOST,
        "http.port": str(plan.http_port),
        "transport.port": str(plan.transport_port),
        "discovery.type": "single-node",
        # A full development disk must not turn every index read-only.
        "cluster.routing.allocation.disk.threshold_enabled": "false",
        **plan.settings,
    }
    owner = [] if plan.owner_pid is None else [f"-Dmultirecall.owner_pid={plan.owner_pid}"]
    return [
        find_jdk().program("java"),
        f"-Xms{plan.heap_mb}m",
        f"-Xmx{plan.heap_mb}m",
        "--enable-native-access=ALL-UNNAMED",
        "--add-modules=jdk.incubator.vector",
        f"-Dlog4j2.configurationFile={build / 'log4j2.xml'}",
        "-Dlog4j2.disable.jmx=true",
        "-Djava.awt.headless=true",
        f"-Djava.io.tmpdir={plan.work_dir / 'tmp'}",
        f"-XX:ErrorFile={plan.work_dir / 'logs' / 'hs_err_%p.log'}",
        f"-Dmultirecall.config={plan.work_dir / 'config'}",
        *owner,
        "-cp",
        f"{build / 'classes'}:{build / 'lib'}/*",
        _NODE_CLASSES[plan.kind],
        *(f"{key}={value}" for key, value in settings.items()),
    ]
