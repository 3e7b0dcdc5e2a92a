"""Servers of a scenario's own, to be killed, stopped and started again with the data they had."""

from __future__ import annotations

import os
import random
import signal
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from multirecall.engine import EnginePrepareFailed, EngineToolsMissing, RunningEngine, down, up
from multirecall.engine.state import EngineFolder
from tests.chaos.workers.tally import TALLY
from tests.chaos.workers.waiting import wait_for
from tests.support.engines import missing_engine

__all__ = ["REDIS", "OwnServer", "own_server"]

REDIS: Mapping[str, str] = {"appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction"}
"""As compose.yaml runs it."""


class OwnServer:
    """A server that nobody else uses. It keeps its port and its data when it is started again."""

    def __init__(self, kind: str, folder: Path, settings: Mapping[str, str], heap_mb: int) -> None:
        self.kind, self._folder, self._settings, self._heap_mb = kind, folder, settings, heap_mb
        ports = EngineFolder.of(kind, folder)
        ports.root.mkdir(parents=True)
        ports.port_path.write_text(f"{_lasting_port()}\n", "ascii")  # what the launcher tries first
        self.running: RunningEngine = self._up()

    def _up(self) -> RunningEngine:
        return up(
            self.kind, state_dir=self._folder, settings=self._settings, heap_mb=self._heap_mb, owner_pid=os.getpid()
        )

    @property
    def url(self) -> str:
        return self.running.url

    def kill(self) -> None:
        """kill -9; returns when it is gone."""
        os.kill(self.running.pid, signal.SIGKILL)
        wait_for(lambda: not self.running.is_running, f"the end of {self.kind}", within_s=10)
        TALLY.fault(f"kill -9 of {self.kind}")

    def start_again(self) -> None:
        """Starts it on the same port and data; returns when it answers."""
        url = self.url
        port = int(url.partition("://")[2].partition(":")[2].partition("/")[0])
        wait_for(lambda: _can_listen(port), f"port {port} to be free of the connections of before", within_s=60)
        self.running = self._up()
        assert self.url == url, "the port was taken meanwhile"

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """SIGSTOP until left: it holds its connections and answers nothing."""
        os.kill(self.running.pid, signal.SIGSTOP)
        TALLY.fault(f"SIGSTOP of {self.kind}")
        try:
            yield
        finally:
            os.kill(self.running.pid, signal.SIGCONT)

    def close(self) -> None:
        down(self.kind, state_dir=self._folder)


def _can_listen(port: int) -> bool:
    with socket.socket() as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind(("127.0.0.1", port))
        except OSError:  # connections of the server that was killed linger
            return False
        return True


def _lasting_port() -> int:
    """A free port that no outgoing connection is given: while the server is down, nobody else gets it by chance."""
    low = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text("ascii").split()[0])
    while True:
        port = random.randrange(10_240, low)
        with socket.socket() as bound:
            try:
                bound.bind(("127.0.0.1", port))
            except OSError:  # in use: another
                continue
            return port


@contextmanager
def own_server(
    kind: str, folder: Path, *, settings: Mapping[str, str] | None = None, heap_mb: int = 512
) -> Iterator[OwnServer]:
    """A server until left; skips the calling test, or fails it, where there can be none."""
    try:
        server = OwnServer(kind, folder, settings or {}, heap_mb)
    except (EngineToolsMissing, EnginePrepareFailed) as absent:
        missing_engine(kind, str(absent))
        raise
    try:
        yield server
    finally:
        server.close()
