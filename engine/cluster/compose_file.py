"""compose.yaml as data: included files, env files, variables and profiles, by the rules of the Compose specification.

Precedence of variables, highest first: the environment, `.env` beside the file, the `env_file` of an include. One rule
differs on purpose: MULTIRECALL_* variables of the environment do not count. They say where this shell's own commands go
(the cluster itself gives such lines out), and a cluster that followed them would talk to another cluster's servers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multirecall.core.errors import MissingExtra

from .errors import InvalidComposeFile
from .interpolation import interpolated_tree
from .service import Service, parse_service

__all__ = ["ComposeProject", "load_project", "read_env_file"]

_TOP_LEVEL = {"name", "include", "services", "volumes", "configs", "networks"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ComposeProject:
    """Every service of the file and its includes, whatever its profile.

    `configs` holds inline contents by name; `profiles` those that the variable COMPOSE_PROFILES turns on.
    """

    folder: Path
    name: str
    services: Mapping[str, Service]
    volumes: tuple[str, ...]
    configs: Mapping[str, str]
    profiles: frozenset[str]


def load_project(
    path: Path,
    *,
    environment: Mapping[str, str] | None = None,
    report: Callable[[str], None] | None = None,
) -> ComposeProject:
    """The project that `path` describes; `environment` defaults to that of this process.

    Raises:
        MissingExtra: PyYAML or python-dotenv is not installed.
        InvalidComposeFile: A file is missing, is no YAML, or says something impossible.
        UnsupportedFeature: It uses what a local run cannot honour.
    """
    folder = path.resolve().parent
    shell = os.environ if environment is None else environment
    kept = {key: value for key, value in shell.items() if not key.startswith("MULTIRECALL_")}
    variables = {**_optional_env_file(folder / ".env"), **kept}
    unset: dict[str, None] = {}
    parts = list(_parts(path, folder, variables, lambda name: unset.setdefault(name)))
    if report is not None and unset:
        report(f"{path.name}: not set, and so empty: {', '.join(unset)}")
    services: dict[str, Service] = {}
    volumes: dict[str, None] = {}
    configs: dict[str, str] = {}
    for part in parts:
        for name, fields in (part.tree.get("services") or {}).items():
            if name in services:
                raise InvalidComposeFile(f"Service {name} is described twice.", service=name)
            services[name] = parse_service(name, fields, _environment(name, fields, part))
        volumes.update(dict.fromkeys(part.tree.get("volumes") or ()))
        for name, fields in (part.tree.get("configs") or {}).items():
            if "content" not in fields:
                raise InvalidComposeFile(f"Config {name} has no inline content.", config=name)
            configs[name] = fields["content"]
    _check_references(services, volumes, configs)
    name = next((part.tree["name"] for part in parts if part.tree.get("name")), folder.name)
    profiles = frozenset(each.strip() for each in variables.get("COMPOSE_PROFILES", "").split(",") if each.strip())
    return ComposeProject(
        folder=folder, name=name, services=services, volumes=tuple(volumes), configs=configs, profiles=profiles
    )


def read_env_file(path: Path) -> dict[str, str]:
    """The variables that a `.env` file sets; a name without `=` sets nothing.

    Raises:
        MissingExtra: python-dotenv is not installed.
        InvalidComposeFile: There is no such file.
    """
    try:
        from dotenv import dotenv_values
    except ImportError as absent:
        raise _missing("python-dotenv") from absent
    if not path.is_file():
        raise InvalidComposeFile(f"There is no env file {path}.", file=str(path))
    return {key: value for key, value in dotenv_values(path).items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One file: its interpolated tree, the folder that its paths start from, and the variables it was read with."""

    tree: Mapping[str, Any]
    folder: Path
    variables: Mapping[str, str]


def _parts(
    path: Path, folder: Path, variables: Mapping[str, str], on_unset: Callable[[str], None], depth: int = 0
) -> Iterable[_Part]:
    if depth > 10:
        raise InvalidComposeFile(f"{path} includes itself.", file=str(path))
    raw = _read_yaml(path)
    unknown = sorted(key for key in raw if key not in _TOP_LEVEL and not str(key).startswith("x-"))
    if unknown:
        raise InvalidComposeFile(f"{path.name}: a local run does not know {', '.join(unknown)}.", file=str(path))
    tree = interpolated_tree(
        {key: value for key, value in raw.items() if not str(key).startswith("x-")}, variables, on_unset=on_unset
    )
    yield _Part(tree=tree, folder=folder, variables=variables)
    for entry in tree.get("include") or ():
        fields = {"path": entry} if isinstance(entry, str) else entry
        for each in _listed(fields["path"]):
            included = (folder / each).resolve()
            inner = (folder / fields.get("project_directory", included.parent)).resolve()
            defaults = {} if "env_file" in fields else _optional_env_file(inner / ".env")
            for env_file in _listed(fields.get("env_file", ())):
                defaults.update(read_env_file(folder / env_file))
            yield from _parts(included, inner, {**defaults, **variables}, on_unset, depth + 1)


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        import yaml
    except ImportError as absent:
        raise _missing("PyYAML") from absent
    try:
        tree = yaml.safe_load(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise InvalidComposeFile(f"There is no compose file {path}.", file=str(path)) from error
    except yaml.YAMLError as error:
        raise InvalidComposeFile(f"{path} is no YAML: {error}", file=str(path)) from error
    if not isinstance(tree, dict):
        raise InvalidComposeFile(f"{path} holds no table of services.", file=str(path))
    return tree


def _environment(name: str, fields: Mapping[str, Any], part: _Part) -> dict[str, str]:
    """What the container would see: env files first, `environment` over them; a bare name is taken from outside."""
    found: dict[str, str] = {}
    for entry in _listed(fields.get("env_file", ())):
        described = entry if isinstance(entry, dict) else {"path": entry}
        path = part.folder / described["path"]
        found.update(read_env_file(path) if described.get("required", True) else _optional_env_file(path))
    stated = fields.get("environment") or {}
    pairs = stated.items() if isinstance(stated, dict) else (_pair(each) for each in stated)
    for key, value in pairs:
        if value is None:
            if key in part.variables:
                found[key] = part.variables[key]
        elif isinstance(value, bool):
            raise InvalidComposeFile(f"Service {name}: put the value of {key} in quotes.", service=name)
        else:
            found[key] = str(value)
    return found


def _pair(text: str) -> tuple[str, str | None]:
    key, equals, value = text.partition("=")
    return key, value if equals else None


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _optional_env_file(path: Path) -> dict[str, str]:
    return read_env_file(path) if path.is_file() else {}


def _check_references(services: Mapping[str, Service], volumes: Iterable[str], configs: Mapping[str, str]) -> None:
    for service in services.values():
        for other, dependency in service.depends_on.items():
            if other not in services and dependency.required:
                raise InvalidComposeFile(f"Service {service.name} waits for {other}, which is not there.")
        for mount in service.mounts:
            declared = {"volume": volumes, "config": configs}.get(mount.kind)
            if declared is not None and mount.source not in declared:
                raise InvalidComposeFile(f"Service {service.name} uses the undeclared {mount.kind} {mount.source}.")


def _missing(package: str) -> MissingExtra:
    return MissingExtra(
        f"{package} is needed to read compose.yaml.", hint="Install it: pip install 'multirecall[cluster]'."
    )
