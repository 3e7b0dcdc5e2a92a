"""The shipped compose files: valid, safe by default, bounded, pinned, and explained."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from multirecall.engine import pinned_versions
from multirecall.engine.cluster.compose_file import ComposeProject, load_project, read_env_file
from multirecall.engine.cluster.planning import plan_project
from multirecall.engine.cluster.servers import server_kind
from multirecall.engine.cluster.state import ClusterFolder
from multirecall.wiring.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
FILES = (ROOT / "compose.yaml", ROOT / "engine" / "compose.yaml")
PROFILES = ("cli", "flower", "opensearch", "prometheus")
# Why a service is no local process; a service that is in neither list makes a test fail.
CONTAINER_ONLY = {
    "cli": "runs one command and ends; commands of this shell do the same",
    "flower": "an image of its own with nothing of ours in it",
    "grafana": "an image of its own with nothing of ours in it",
    "prometheus": "an image of its own with nothing of ours in it",
}
VARIABLE = re.compile(r"(?<!\$)\$\{([A-Z_]+)")


def tree(path: Path) -> dict[str, Any]:
    loaded = yaml.safe_load(path.read_text())
    assert isinstance(loaded, dict)
    return loaded


SERVICES: dict[str, dict[str, Any]] = {name: each for path in FILES for name, each in tree(path)["services"].items()}
LONG_RUNNING = sorted(set(SERVICES) - {"cli"})


@pytest.fixture(scope="module")
def project() -> ComposeProject:
    return load_project(ROOT / "compose.yaml", environment={"PATH": os.environ["PATH"]})


def schema_check(*files: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    return subprocess.run([*command, *map(str, files)], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def _schema() -> None:
    try:
        import check_jsonschema  # noqa: F401
    except ImportError:
        reason = (
            "check-jsonschema, which carries the schema of the Compose specification, is not installed (make setup)"
        )
        if os.environ.get("CI"):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)


@pytest.mark.usefixtures("_schema")
def test_files_when_held_against_the_schema_of_the_specification_then_valid() -> None:
    done = schema_check(*FILES)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.usefixtures("_schema")
@pytest.mark.parametrize(
    ("was", "becomes"),
    [("depends_on:", "dependson:"), ("interval: 30s", "interval: [30]"), ("cap_drop: [ALL]", "cap_drop: ALL")],
)
def test_files_when_broken_then_the_schema_says_so(tmp_path: Path, was: str, becomes: str) -> None:
    text = FILES[0].read_text()
    assert was in text
    (tmp_path / "compose.yaml").write_text(text.replace(was, becomes))
    assert schema_check(tmp_path / "compose.yaml").returncode != 0


def test_files_when_docker_compose_reads_them_then_valid() -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("no docker with the compose plugin here; the schema of the specification is checked all the same")
    done = subprocess.run([docker, "compose", "config", "-q"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_service_is_started_locally_or_listed_with_a_reason(project: ComposeProject, tmp_path: Path) -> None:
    assert set(project.services) == set(SERVICES)
    plan = plan_project(
        project, ClusterFolder(root=tmp_path), profiles=["opensearch"], environment={"PATH": "/nowhere"}
    )
    started = {name for wave in plan.waves for name in wave}
    assert started == set(SERVICES) - set(CONTAINER_ONLY)
    assert set(plan.left_out) == set(CONTAINER_ONLY)


def test_every_queue_has_a_worker_that_is_asked_about_that_queue(project: ComposeProject) -> None:
    asked = {}
    for name, service in project.services.items():
        if service.command[:3] == ("multirecall", "worker", "run"):
            queue = service.command[service.command.index("--queues") + 1]
            assert service.health is not None, name
            assert service.health.command == ("multirecall", "worker", "status", "--queue", queue), name
            asked[queue] = name
    assert asked == {"index": "worker-index", "changes": "worker-changes", "jobs": "worker-jobs"}


def test_versions_of_servers_come_from_the_file_that_pins_the_local_ones(project: ComposeProject) -> None:
    for name in ("elasticsearch", "opensearch"):
        image = project.services[name].image
        assert image is not None
        assert image.endswith(f":{pinned_versions()[f'{name.upper()}_VERSION']}")
        assert server_kind(project.services[name]) == name
    assert not re.search(r"image:.*:\s*\d", "".join(path.read_text() for path in FILES))


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_images_are_pinned_to_the_patch(project: ComposeProject, name: str) -> None:
    service = project.services[name]
    if not service.is_built_here:
        assert service.image is not None
        assert re.search(r":v?\d+\.\d+\.\d+(-[a-z]+)?$", service.image), service.image


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_ports_are_published_on_loopback_only(name: str) -> None:
    for port in SERVICES[name].get("ports", ()):
        assert re.fullmatch(r"127\.0\.0\.1:(\$\{[A-Z_]+:-\d+\}|\d+):\d+", port), port
    assert "network_mode" not in SERVICES[name]


def test_published_ports_differ(project: ComposeProject) -> None:
    published = [port for service in project.services.values() for port in service.published.values()]
    assert len(published) == len(set(published)) >= 6


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_services_run_without_privileges(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert str(service["user"]).partition(":")[0] not in ("", "0", "root")
    assert not service.get("privileged")
    # The servers in Java write below their own folders at start, so that their images cannot be read-only.
    assert service.get("read_only", False) == (name not in ("elasticsearch", "opensearch"))


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_services_are_bounded(name: str) -> None:
    limits = SERVICES[name]["deploy"]["resources"]["limits"]
    assert set(limits) == {"cpus", "memory", "pids"}
    assert SERVICES[name]["logging"]["options"] == {"max-size": "10m", "max-file": "3"}
    for mount in SERVICES[name].get("tmpfs", ()):
        assert "size=" in mount, mount


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_long_running_services_are_asked_and_restarted(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] in ("CMD", "CMD-SHELL")
    assert {"interval", "timeout", "retries", "start_period"} <= set(check)
    assert SERVICES[name]["restart"] == "unless-stopped"


def test_services_wait_for_health_and_not_for_a_start() -> None:
    for name, service in SERVICES.items():
        for other, fields in service.get("depends_on", {}).items():
            assert fields["condition"] == "service_healthy", (name, other)
            # What sits behind a profile, or may be scaled to 0, must not be required.
            optional = "profiles" in SERVICES[other] or other == "elasticsearch"
            assert fields.get("required", True) != optional, (name, other)


def test_redis_forgets_nothing(project: ComposeProject) -> None:
    command = project.services["redis"].command
    flags = dict(zip(command[1::2], command[2::2], strict=True))
    assert flags["--appendonly"] == "yes"
    assert flags["--appendfsync"] in ("everysec", "always")
    assert flags["--maxmemory-policy"] == "noeviction"
    assert any(mount.kind == "volume" and mount.target == flags["--dir"] for mount in project.services["redis"].mounts)
    assert not project.services["redis"].published


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_folders_that_a_service_writes_to_are_mounted_once(project: ComposeProject, name: str) -> None:
    service = project.services[name]
    targets = [mount.target for mount in service.mounts]
    assert len(targets) == len(set(targets))
    if service.is_built_here:
        assert "/tmp" in targets
        assert "/var/lib/multirecall" in targets  # the working folder of the image
        # Its root file system is read-only, and a local run would write to this machine.
        assert service.environment["MULTIRECALL_CACHE_DIR"] in targets


def test_settings_that_are_passed_on_exist() -> None:
    passed = {
        key for each in SERVICES.values() for key in each.get("environment", {}) if key.startswith("MULTIRECALL_")
    }
    assert {key.removeprefix("MULTIRECALL_").lower() for key in passed} <= set(Settings.model_fields)


def test_source_files_are_read_only() -> None:
    mounts = [
        mount
        for service in SERVICES.values()
        for mount in service.get("volumes", ())
        if isinstance(mount, dict) and mount["target"] == "/catalogue"
    ]
    assert len(mounts) == 4
    assert all(mount["read_only"] for mount in mounts)


def test_no_secret_stands_in_a_file() -> None:
    name_of_secret = re.compile(r"(PASSWORD|SECRET|TOKEN|API_KEY)\b", re.IGNORECASE)
    for service in SERVICES.values():
        for key, value in service.get("environment", {}).items():
            if name_of_secret.search(key):
                assert value is None or value == f"${{{key}:-}}", key
    for key, value in read_env_file(ROOT / ".env.example").items():
        assert not (name_of_secret.search(key) and value), key
    for path in (*FILES, ROOT / "Dockerfile", ROOT / ".env.example"):
        assert not re.search(r"://[^/\s\"'$]*:[^/\s\"'$@]+@(?!host)", path.read_text()), path


def test_every_variable_is_explained_in_the_example_and_every_example_is_used() -> None:
    pinned = set(pinned_versions())
    text = "".join(path.read_text() for path in FILES)
    used = set(VARIABLE.findall(text)) - pinned
    used |= {key for each in SERVICES.values() for key, value in each.get("environment", {}).items() if value is None}
    example = (ROOT / ".env.example").read_text()
    explained = set(re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE))
    assert explained - {"COMPOSE_PROFILES"} == used
    for name, default in re.findall(r"(?<!\$)\$\{([A-Z_]+):-([^${}]*)\}", text):
        if default:
            assert re.search(rf"^#{name}={re.escape(default)}$", example, re.MULTILINE), (
                f"{name}: the default is {default}"
            )


def test_profiles_are_the_documented_ones() -> None:
    assert {profile for service in SERVICES.values() for profile in service.get("profiles", ())} == set(PROFILES)


def test_env_files_with_secrets_are_ignored_by_git() -> None:
    done = subprocess.run(["git", "check-ignore", "-q", ".env"], cwd=ROOT, check=False)
    assert done.returncode == 0
