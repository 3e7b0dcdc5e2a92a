"""A redis-server of a test's own, to be stopped, slowed down and killed."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

import redis

from tests.support.engines import missing_engine

__all__ = ["OwnRedis"]

_START_S = 20.0


class OwnRedis:
    """Runs from `with` to its end, on a free loopback port, with nothing on disk. Skips the test if none is there."""

    def __init__(self) -> None:
        program = shutil.which("redis-server")
        if program is None:
            missing_engine("redis", "redis-server is not installed")
            raise AssertionError("missing_engine ends the test")
        self._program = program
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._port}/0"

    def __enter__(self) -> OwnRedis:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Starts it, empty, and waits until it answers."""
        options = ["--port", str(self._port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(
            [self._program, *options, "--enable-debug-command", "local"], stdout=subprocess.DEVNULL
        )
        pause = threading.Event()
        for _ in range(int(_START_S / 0.02)):
            try:
                with redis.Redis(port=self._port) as client:
                    client.ping()
                return
            except redis.ConnectionError:
                pause.wait(0.02)
        raise AssertionError("redis-server did not start")

    def kill(self) -> None:
        """Ends it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @contextmanager
    def hung(self) -> Iterator[None]:
        """It takes connections and answers nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    @contextmanager
    def slow(self, pause_s: float) -> Iterator[None]:
        """Between two looks at its clients it sleeps for so long."""
        ended = threading.Event()

        def sleep() -> None:
            with redis.Redis(port=self._port) as client:
                while not ended.is_set():
                    client.execute_command("DEBUG", "SLEEP", str(pause_s))

        thread = threading.Thread(target=sleep, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
