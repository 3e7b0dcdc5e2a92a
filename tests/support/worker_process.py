"""A real worker process with settings of its own, for tests of the commands and for the documentation's examples."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import redis

from tests.e2e.command import multirecall
from tests.support.deployments import eventually
from tests.support.engines import RUN

__all__ = ["forget_namespace", "running_beat", "running_worker", "worker_environment"]


def worker_environment(redis_url: str, engine_url: str, cache_dir: Path) -> dict[str, str]:
    """Settings that worker and commands share: a namespace that no other test has, and short times."""
    return {
        "MULTIRECALL_ENGINE": engine_url, "MULTIRECALL_REDIS": redis_url, "MULTIRECALL_ENCODER": "hashing",
        "MULTIRECALL_NAMESPACE": f"t_{RUN}_{uuid.uuid4().hex[:8]}", "MULTIRECALL_CACHE_DIR": str(cache_dir),
        "MULTIRECALL_SWEEP_S": "0.1", "MULTIRECALL_ANNOUNCE_AGAIN_S": "1", "MULTIRECALL_MAX_TRIES": "2",
        "MULTIRECALL_MAX_BACKOFF_S": "0.2",
    }  # fmt: skip


@contextmanager
def running_worker(environment: Mapping[str, str], folder: Path) -> Iterator[Path]:
    """A worker from `with` to its end, which answers already; yields its log. The settings must be in `os.environ`."""
    with _running(("run", "--name", f"t{uuid.uuid4().hex[:6]}@test"), environment, folder) as (process, log):
        eventually(lambda: process.poll() is not None or multirecall("worker", "status").code == 0)
        assert process.poll() is None, log.read_text()
        yield log


@contextmanager
def running_beat(environment: Mapping[str, str], folder: Path) -> Iterator[Path]:
    """A process that sends what is on the schedule, from `with` to its end; yields its log."""
    with _running(("beat",), environment, folder) as (_, log):
        yield log


@contextmanager
def _running(
    arguments: Sequence[str], environment: Mapping[str, str], folder: Path
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    log = folder / f"{arguments[0]}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "multirecall.cli.main", "worker", *arguments],
            env={**os.environ, **environment}, cwd=folder, stdin=subprocess.DEVNULL, stdout=output,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            yield process, log
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def forget_namespace(redis_url: str, namespace: str) -> None:
    """Deletes the keys of one namespace, and no others."""
    with redis.Redis.from_url(redis_url) as client:
        for key in client.scan_iter(match=f"{namespace}:*", count=1000):
            client.delete(key)
