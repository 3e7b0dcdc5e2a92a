"""Reading compose files: includes, env files, variables."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from multirecall.engine.cluster.compose_file import ComposeProject, load_project
from multirecall.engine.cluster.errors import InvalidComposeFile


def load(folder: Path, text: str, **environment: str) -> ComposeProject:
    (folder / "compose.yaml").write_text(dedent(text))
    return load_project(folder / "compose.yaml", environment=environment)


def environment_of(project: ComposeProject, service: str = "a") -> dict[str, str]:
    return dict(project.services[service].environment)


def test_load_project_when_a_file_is_included_then_its_variables_lose_against_env_and_shell(tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "versions.env").write_text("A=versions\nB=versions\nC=versions\n")
    (tmp_path / ".env").write_text("B=dotenv\nC=dotenv\n")
    (tmp_path / "part" / "servers.yaml").write_text(
        "services: {b: {image: 'x:${A}', environment: {B: '${B}', C: '${C}'}, volumes: ['./v:/v']}}\n"
    )
    text = """
        include: [{path: part/servers.yaml, env_file: part/versions.env, project_directory: .}]
        services: {a: {image: 'x:${A:-none}', environment: {B: '${B}', C: '${C}'}}}
        """
    project = load(tmp_path, text, C="shell")
    assert project.services["b"].image == "x:versions"
    # Only the included file sees the env file of the include.
    assert project.services["a"].image == "x:none"
    assert environment_of(project, "a") == environment_of(project, "b") == {"B": "dotenv", "C": "shell"}


def test_load_project_when_a_variable_has_no_value_then_it_is_passed_through_or_absent(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("SECRET='pa$$w\"rd'\nUNUSED=1\n")
    project = load(tmp_path, "services: {a: {image: x, environment: {SECRET: , ABSENT: , FIXED: 1}}}")
    assert environment_of(project) == {"SECRET": 'pa$$w"rd', "FIXED": "1"}
    listed = load(tmp_path, "services: {a: {image: x, environment: [SECRET, ABSENT, FIXED=a=b]}}")
    assert environment_of(listed) == {"SECRET": 'pa$$w"rd', "FIXED": "a=b"}


def test_load_project_when_env_files_are_given_then_later_ones_and_environment_win(tmp_path: Path) -> None:
    (tmp_path / "one.env").write_text("A=1\nB=1\nC=1\n")
    (tmp_path / "two.env").write_text("B=2\nC=2\n")
    files = "[one.env, {path: two.env}, {path: none.env, required: false}]"
    project = load(tmp_path, f"services: {{a: {{image: x, env_file: {files}, environment: {{C: '3'}}}}}}")
    assert environment_of(project) == {"A": "1", "B": "2", "C": "3"}


def test_load_project_when_the_shell_points_at_other_servers_then_the_cluster_does_not_follow(tmp_path: Path) -> None:
    text = "services: {a: {image: x, environment: {E: '${MULTIRECALL_ENGINE:-inside}', MULTIRECALL_REDIS: }}}"
    project = load(tmp_path, text, MULTIRECALL_ENGINE="outside", MULTIRECALL_REDIS="outside")
    assert environment_of(project) == {"E": "inside"}
    (tmp_path / ".env").write_text("MULTIRECALL_ENGINE=chosen\n")
    assert environment_of(load(tmp_path, text, MULTIRECALL_ENGINE="outside"))["E"] == "chosen"


def test_load_project_when_anchors_are_merged_then_as_yaml_says(tmp_path: Path) -> None:
    text = """
        x-base: &base {image: x, environment: {A: '1'}}
        services:
          a: {<<: *base, command: [run]}
          b: {<<: *base, environment: {B: '2'}}
        """
    project = load(tmp_path, text)
    assert (project.services["a"].command, environment_of(project, "a")) == (("run",), {"A": "1"})
    assert environment_of(project, "b") == {"B": "2"}


def test_load_project_when_profiles_are_in_a_variable_then_they_are_on(tmp_path: Path) -> None:
    assert load(tmp_path, "services: {a: {image: x}}", COMPOSE_PROFILES="p, q").profiles == {"p", "q"}


def test_load_project_when_variables_are_unset_then_they_are_reported_once(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("services: {a: {image: 'x:$NONE', command: ['$NONE', '$OTHER']}}")
    said: list[str] = []
    load_project(tmp_path / "compose.yaml", environment={}, report=said.append)
    assert said == ["compose.yaml: not set, and so empty: NONE, OTHER"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("services: {a: {image: x, depends_on: [b]}}", "waits for b"),
        ("services: {a: {image: x, volumes: ['v:/v']}}", "undeclared volume v"),
        ("services: {a: {image: x, configs: [c]}}", "undeclared config c"),
        ("services: {a: {image: x, environment: {A: yes}}}", "quotes"),
        ("services: {a: {image: x, env_file: none.env}}", "none.env"),
        ("secrets: {a: {file: x}}", "secrets"),
        ("include: [compose.yaml]", "includes itself"),
        ("include: [none.yaml]", "none.yaml"),
        ("services: [", "no YAML"),
        ("- a", "no table"),
        ("services: {a: {image: '${V:?set it}'}}", r"services\.a\.image.*set it"),
    ],
)
def test_load_project_when_something_is_wrong_then_it_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InvalidComposeFile, match=message):
        load(tmp_path, text)
