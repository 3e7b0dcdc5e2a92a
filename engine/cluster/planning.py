"""What of a compose project runs here, how, and what does not, with the reason."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from multirecall.core.errors import UnsupportedFeature
from multirecall.engine.commands import free_ports

from .addresses import LocalView
from .compose_file import ComposeProject
from .errors import ClusterStartFailed, InvalidComposeFile
from .ordering import start_waves
from .probing import Probe
from .processes import find_program
from .servers import SERVER_PORTS, heap_mb, server_kind, server_settings
from .service import Service
from .state import ClusterFolder

__all__ = ["LocalPlan", "plan_project"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalPlan:
    """The services that start (`waves`, by name), those that do not (`left_out`, with the reason), and their ports.

    `ports` maps (service, port of the container) to a local port; those of servers are entered when these have started,
    because the launcher chooses them.
    """

    project: ComposeProject
    folder: ClusterFolder
    waves: tuple[tuple[str, ...], ...]
    left_out: Mapping[str, str]
    ports: dict[tuple[str, int], int]
    shell: Mapping[str, str]

    def command(self, service: Service) -> list[str]:
        """Program and arguments of a service that is no server."""
        view = self._view(service)
        words = view.command(service.command)
        return words if service.is_built_here else [service.image_name, *words]

    def environment(self, service: Service, name: str | None = None) -> dict[str, str]:
        """What the process of a service (or of the copy `name` of it) sees.

        That of this shell without its MULTIRECALL_* variables, and that of the container over it.
        """
        scratch = self.folder.scratch_dir(name or service.name)
        return {
            **_base_environment(self.shell),
            "TMPDIR": str(scratch),
            "PYTHONUNBUFFERED": "1",
            **self._view(service).environment(service.environment),
        }

    def settings(self, service: Service) -> dict[str, str]:
        """The options of a server, with paths of this machine."""
        return self._view(service).environment(server_settings(service))

    def probe(self, service: Service) -> Probe | None:
        """The health check of a service, with addresses of this machine; None when it has none."""
        if service.health is None:
            return None
        command = self._view(service).command(service.health.command)
        return Probe(check=service.health, command=command, environment=self.environment(service))

    def digest(self, service: Service) -> str:
        """16 hexadecimal digits over all that a start depends on; another one means: start it again."""
        if server_kind(service) is not None:
            parts: list[object] = [service.image, heap_mb(service), self.settings(service)]
        else:
            parts = [self.command(service), self._view(service).environment(service.environment)]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]

    def folders(self, service: Service) -> dict[str, Path]:
        """Where the paths of the container lie on this machine."""
        found: dict[str, Path] = {}
        for mount in service.mounts:
            if mount.kind == "bind":
                found[mount.target] = (self.project.folder / Path(mount.source).expanduser()).resolve()
            elif mount.kind == "volume":
                found[mount.target] = self.folder.volume_dir(mount.source)
            elif mount.kind == "tmpfs":
                found[mount.target] = self.folder.scratch_dir(service.name) / mount.source
            else:
                found[mount.target] = self.folder.config_path(service.name, mount.source)
        return found

    def config_text(self, service: Service, config: str) -> str:
        """The content of an inline config as `service` reads it here."""
        return self._view(service).text(self.project.configs[config])

    def _view(self, service: Service) -> LocalView:
        return LocalView(
            service=service.name,
            services=tuple(self.project.services),
            ports=self.ports,
            folders=self.folders(service),
        )


def plan_project(
    project: ComposeProject,
    folder: ClusterFolder,
    *,
    profiles: Collection[str] = (),
    without: Collection[str] = (),
    known_ports: Mapping[str, int] | None = None,
    environment: Mapping[str, str] | None = None,
) -> LocalPlan:
    """The plan for `project`, with ports that are free now, or are in `known_ports` (`api:8080` to local port).

    Profiles are on that are given here or in COMPOSE_PROFILES.

    Raises:
        InvalidComposeFile: A profile or service that does not exist is named; services wait in a circle.
        UnsupportedFeature: A service has several copies and a port, or waits for another one to end.
        ClusterStartFailed: A service needs one that does not run here.
    """
    shell = os.environ if environment is None else environment
    profiles = project.profiles | frozenset(profiles)
    _check_names(project, profiles, without)
    left_out = {
        name: reason
        for name, service in project.services.items()
        if (reason := _reason_to_leave_out(service, profiles, without, shell))
    }
    chosen = {name: service for name, service in project.services.items() if name not in left_out}
    for service in chosen.values():
        _check_runnable(service, left_out)
    waves = start_waves({name: tuple(service.depends_on) for name, service in chosen.items()})
    return LocalPlan(
        project=project,
        folder=folder,
        waves=tuple(tuple(wave) for wave in waves),
        left_out=left_out,
        ports=_ports(chosen, known_ports or {}),
        shell=shell,
    )


def _reason_to_leave_out(
    service: Service, profiles: Collection[str], without: Collection[str], shell: Mapping[str, str]
) -> str:
    if service.name in without:
        return "left out by --without"
    if service.profiles and not service.profiles & set(profiles):
        return f"its profile is off: --profile {' or '.join(sorted(service.profiles))}"
    if service.scale == 0:
        return "its scale is 0"
    if service.is_built_here or server_kind(service) is not None:
        return ""
    if find_program(service.image_name, _base_environment(shell)) is None:
        return f"runs only in a container: there is no program {service.image_name!r} on PATH"
    return ""


def _check_names(project: ComposeProject, profiles: Collection[str], without: Collection[str]) -> None:
    known = {profile for service in project.services.values() for profile in service.profiles}
    for kind, wanted, there in (("profile", profiles, known), ("service", without, set(project.services))):
        if unknown := sorted(set(wanted) - there):
            raise InvalidComposeFile(
                f"There is no {kind} {', '.join(unknown)} in the compose file.",
                hint=f"Known: {', '.join(sorted(there))}.",
                names=unknown,
            )


def _check_runnable(service: Service, left_out: Mapping[str, str]) -> None:
    if service.scale > 1 and (service.ports or server_kind(service)):
        raise UnsupportedFeature(
            f"Service {service.name} has {service.scale} copies and a port: here they would all want the same one.",
            service=service.name,
        )
    if service.is_built_here and not service.command:
        raise InvalidComposeFile(f"Service {service.name} has no command.", service=service.name)
    for other, dependency in service.depends_on.items():
        if dependency.condition == "service_completed_successfully":
            raise UnsupportedFeature(
                f"Service {service.name} waits for {other} to end, which a local run cannot do.", service=service.name
            )
        if other in left_out and dependency.required:
            raise ClusterStartFailed(
                f"Service {service.name} needs {other}, which does not start here: {left_out[other]}.",
                service=service.name,
            )


def _ports(chosen: Mapping[str, Service], known: Mapping[str, int]) -> dict[tuple[str, int], int]:
    """A port of this machine for every port of a service that is no server: the one of before, the published one if it
    is free, or any free one."""
    wanted = [(service, port) for service in chosen.values() for port in service.ports if server_kind(service) is None]
    found: dict[tuple[str, int], int] = {}
    for (service, port), spare in zip(wanted, free_ports(len(wanted)), strict=True):
        key = f"{service.name}:{port}"
        published = service.published.get(port)
        if key in known:
            found[service.name, port] = known[key]
        elif published and published not in found.values() and free_ports(1, preferred=published) == [published]:
            found[service.name, port] = published
        else:
            found[service.name, port] = spare
    for name, service in chosen.items():
        kind = server_kind(service)
        if kind is not None and (key := f"{name}:{SERVER_PORTS[kind]}") in known:
            found[name, SERVER_PORTS[kind]] = known[key]
    return found


def _base_environment(shell: Mapping[str, str]) -> dict[str, str]:
    kept = {key: value for key, value in shell.items() if not key.startswith("MULTIRECALL_")}
    # The console scripts of this environment stand in for those of the image.
    kept["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", os.defpath)])
    return kept
