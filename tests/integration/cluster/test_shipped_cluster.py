"""The deployment itself: every service of compose.yaml that can run here, and a catalogue through it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from multirecall.engine.cluster.processes import marked_processes
from multirecall.engine.cluster.state import ClusterFolder
from multirecall.engine.toolchain import find_jdk, find_maven, find_redis_server
from tests.support.engines import missing_engine

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[3]
MULTIRECALL = str(Path(sys.executable).parent / "multirecall")
PRODUCTS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A running cluster: its state folder, and the variables for commands."""

    state_dir: Path
    variables: dict[str, str]

    def run(self, *arguments: str, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("MULTIRECALL_")}
        return subprocess.run(
            [MULTIRECALL, *arguments],
            env={**environment, **self.variables},
            cwd=self.state_dir,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def services(self) -> dict[str, dict[str, object]]:
        rows = json.loads(cluster("status", "--json", "--state-dir", str(self.state_dir)).stdout)
        return {row["name"]: row for row in rows}


def cluster(*arguments: str, timeout_s: float = 300) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "multirecall.engine.cluster", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout_s, check=False)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    for kind, tools in (("elasticsearch", (find_jdk, find_maven)), ("redis", (find_redis_server,))):
        for tool in tools:
            try:
                tool()
            except Exception as absent:  # noqa: BLE001 - whatever hinders it is the reason for the skip
                missing_engine(kind, str(absent))
    for program in ("curl", "redis-cli"):
        if shutil.which(program) is None:
            missing_engine("redis", f"the health checks need {program}")
    state_dir = tmp_path_factory.mktemp("deployment")
    try:
        started = cluster("up", "--state-dir", str(state_dir))
        assert started.returncode == 0, started.stderr[-4000:]
        lines = cluster("env", "--state-dir", str(state_dir)).stdout.splitlines()
        variables = dict(line.removeprefix("export ").split("=", 1) for line in lines)
        yield Deployment(state_dir=state_dir, variables=variables)
    finally:
        cluster("down", "--state-dir", str(state_dir))
        assert marked_processes(ClusterFolder.of(state_dir).mark) == {}


def test_before_the_first_catalogue_the_service_is_alive_and_not_ready(deployment: Deployment) -> None:
    ports = deployment.services()["api"]["ports"]
    assert isinstance(ports, dict)
    with httpx.Client(base_url=f"http://127.0.0.1:{ports['8080']}", trust_env=False, timeout=60) as client:
        assert client.get("/healthz").status_code == 200
        parts = client.get("/readyz").json()["parts"]
        assert parts == {"engine": "ok", "index": "not_found", "models": "ok", "cache": "ok"}
        assert client.get("/v1/search", params={"q": "printer"}).status_code == 503


def test_a_catalogue_goes_through_the_workers_and_is_found(deployment: Deployment) -> None:
    sample = deployment.state_dir / "sample"
    assert (
        deployment.run("sample", "--out", str(sample), "--products", str(PRODUCTS), "--queries", "10").returncode == 0
    )
    indexed = deployment.run("index", str(sample / "catalogue.jsonl"), "--encoder", "static", "--workers")
    assert indexed.returncode == 0, indexed.stdout + indexed.stderr
    first = json.loads((sample / "catalogue.jsonl").read_text().splitlines()[0])
    searched = deployment.run("search", first["title"], "--json", "--timeout", "60")
    assert searched.returncode == 0, searched.stdout + searched.stderr
    assert f'"{first["id"]}"' in searched.stdout


def test_every_service_is_healthy(deployment: Deployment) -> None:
    before = {name: row["pid"] for name, row in deployment.services().items()}
    again = cluster("up", "--state-dir", str(deployment.state_dir))
    assert again.returncode == 0, again.stderr[-4000:]
    found = deployment.services()
    expected = {"elasticsearch", "redis", "api", "worker-index", "worker-changes", "worker-jobs", "beat", "metrics"}
    assert set(found) == expected
    assert {name: row["state"] for name, row in found.items()} == dict.fromkeys(expected, "healthy")
    assert {name: found[name]["pid"] for name in before} == before
    ports = found["api"]["ports"]
    assert isinstance(ports, dict)
    with httpx.Client(base_url=f"http://127.0.0.1:{ports['8080']}", trust_env=False, timeout=60) as client:
        assert client.get("/readyz").status_code == 200
        assert client.get("/v1/search", params={"q": "printer", "size": 1}).status_code == 200


def test_metrics_count_what_went_through(deployment: Deployment) -> None:
    ports = deployment.services()["metrics"]["ports"]
    assert isinstance(ports, dict)
    with httpx.Client(trust_env=False, timeout=30) as client:
        text = client.get(f"http://127.0.0.1:{ports['9808']}/metrics").text
    assert f'multirecall_products_total{{result="done"}} {float(PRODUCTS)}' in text


def test_down_leaves_nothing_behind(deployment: Deployment) -> None:
    ports = [port for row in deployment.services().values() for port in dict(row["ports"] or {}).values()]  # type: ignore[call-overload]
    assert len(ports) >= 3
    begun = time.monotonic()
    done = cluster("down", "--state-dir", str(deployment.state_dir))
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - begun < 60
    assert marked_processes(ClusterFolder.of(deployment.state_dir).mark) == {}
    assert not (deployment.state_dir / "cluster").exists()
    for port in ports:
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0
