"""What of a project runs here, and what does not."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from multirecall.core.errors import UnsupportedFeature
from multirecall.engine.cluster.compose_file import load_project
from multirecall.engine.cluster.errors import ClusterStartFailed, InvalidComposeFile
from multirecall.engine.cluster.planning import LocalPlan, plan_project
from multirecall.engine.cluster.state import ClusterFolder

SERVICES = """
services:
  redis: {image: redis:7.2.16, command: [redis-server], volumes: ["data:/data"]}
  api:
    build: .
    command: [python, -m, web, --port, "8080", --config, /etc/web]
    environment: {URL: "redis://redis:6379/0", FILE: /data/x, MULTIRECALL_ENGINE: "embedded:/data"}
    ports: ["127.0.0.1:%d:8080"]
    volumes: ["data:/data"]
    configs: [{source: web, target: /etc/web}]
    depends_on: {redis: {condition: service_healthy}, extra: {condition: service_healthy, required: false}}
    healthcheck: {test: [CMD, python, -m, ask, "http://127.0.0.1:8080/"]}
  extra: {image: redis:7.2.16, profiles: [extra], command: [redis-server]}
  copies: {build: ., command: [python], scale: 2}
  none: {build: ., command: [python], scale: 0}
  watcher: {image: "corp/no-such-program-here:1.0"}
volumes: {data: }
configs: {web: {content: "listen redis:6379"}}
"""


def plan(
    folder: Path, text: str = SERVICES % 1, known_ports: dict[str, int] | None = None, **choice: object
) -> LocalPlan:
    (folder / "compose.yaml").write_text(text)
    shell = {"PATH": "/usr/bin", "HOME": "/h", "MULTIRECALL_ENGINE": "elsewhere"}
    project = load_project(folder / "compose.yaml", environment={})
    found = plan_project(
        project, ClusterFolder(root=folder / "state"), known_ports=known_ports, environment=shell, **choice
    )
    found.ports["redis", 6379] = 41000
    return found


def test_plan_when_made_then_every_service_is_started_or_left_out_with_a_reason(tmp_path: Path) -> None:
    made = plan(tmp_path)
    assert made.waves == (("redis", "copies"), ("api",))
    assert {name: reason.partition(":")[0] for name, reason in made.left_out.items()} == {
        "extra": "its profile is off",
        "none": "its scale is 0",
        "watcher": "runs only in a container",
    }
    assert plan(tmp_path, profiles=["extra"]).waves[0] == ("redis", "extra", "copies")


def test_plan_when_a_service_is_read_then_addresses_and_paths_are_of_this_machine(tmp_path: Path) -> None:
    made = plan(tmp_path)
    api = made.project.services["api"]
    port = str(made.ports["api", 8080])
    config = tmp_path / "state" / "configs" / "api" / "web"
    assert made.command(api) == ["python", "-m", "web", "--port", port, "--config", str(config)]
    seen = made.environment(api)
    data = tmp_path / "state" / "volumes" / "data"
    assert (seen["URL"], seen["FILE"]) == ("redis://127.0.0.1:41000/0", f"{data}/x")
    # Of the shell everything but what says where the shell's own commands go.
    assert (seen["HOME"], seen["MULTIRECALL_ENGINE"]) == ("/h", f"embedded:{data}")
    assert seen["PATH"].endswith(":/usr/bin")
    assert made.config_text(api, "web") == "listen 127.0.0.1:41000"
    probe = made.probe(api)
    assert probe is not None
    assert probe.command[-1] == f"http://127.0.0.1:{port}/"


def test_plan_when_the_published_port_is_free_then_it_is_taken_and_else_another(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        busy = taken.getsockname()[1]
        assert plan(tmp_path, SERVICES % busy).ports["api", 8080] != busy
    assert plan(tmp_path, SERVICES % busy).ports["api", 8080] == busy


def test_plan_when_ports_are_known_then_they_stay(tmp_path: Path) -> None:
    made = plan(tmp_path, known_ports={"api:8080": 40001, "gone:1": 40002})
    assert made.ports["api", 8080] == 40001


def test_digest_when_anything_that_is_started_changes_then_another(tmp_path: Path) -> None:
    first, again = (plan(tmp_path, known_ports={"api:8080": 40001}) for _ in range(2))
    api = first.project.services["api"]
    assert first.digest(api) == again.digest(api)
    again.ports["redis", 6379] = 41001
    assert first.digest(api) != again.digest(api)
    redis = first.project.services["redis"]
    changed = plan(tmp_path, (SERVICES % 1).replace("[redis-server],", "[redis-server, --appendonly, 'yes'],"))
    assert first.digest(redis) != changed.digest(changed.project.services["redis"])


def test_plan_when_something_needed_is_left_out_then_both_are_named(tmp_path: Path) -> None:
    with pytest.raises(ClusterStartFailed, match=r"api needs redis.*--without"):
        plan(tmp_path, without=["redis"])


@pytest.mark.parametrize("choice", [{"profiles": ["nope"]}, {"without": ["nope"]}])
def test_plan_when_a_name_is_unknown_then_refused(tmp_path: Path, choice: dict[str, list[str]]) -> None:
    with pytest.raises(InvalidComposeFile, match="nope"):
        plan(tmp_path, **choice)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("services: {a: {build: ., command: [x], scale: 2, ports: ['80']}}", "2 copies and a port"),
        (
            "services: {a: {build: ., command: [x], depends_on: {b: {condition: service_completed_successfully}}}, "
            "b: {build: ., command: [x]}}",
            "to end",
        ),
    ],
)
def test_plan_when_a_local_run_cannot_do_it_then_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UnsupportedFeature, match=message):
        plan(tmp_path, text)


def test_plan_when_a_service_has_no_command_then_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidComposeFile, match="no command"):
        plan(tmp_path, "services: {a: {build: .}}")
