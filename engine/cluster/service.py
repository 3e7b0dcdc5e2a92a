"""One service of a compose file, as data: what of it matters when it runs as a local process.

Keys that describe the container (limits, capabilities, user, …) are read past; a key that this module does not know is
refused, so that a local run never quietly differs from what the file says.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from multirecall.core.errors import UnsupportedFeature

from .errors import InvalidComposeFile

__all__ = ["CONTAINER_ONLY", "HONOURED", "Dependency", "HealthCheck", "Mount", "Service", "parse_service", "seconds"]

HONOURED = frozenset(
    {
        "image",
        "build",
        "command",
        "environment",
        "env_file",
        "ports",
        "expose",
        "depends_on",
        "healthcheck",
        "volumes",
        "configs",
        "profiles",
        "scale",
        "stop_grace_period",
        "tmpfs",
    }
)
# Without effect on a process: what a container is allowed, is shown as, or is restarted by.
CONTAINER_ONLY = frozenset(
    {
        "cap_drop",
        "deploy",
        "hostname",
        "init",
        "labels",
        "logging",
        "networks",
        "pull_policy",
        "read_only",
        "restart",
        "security_opt",
        "shm_size",
        "ulimits",
        "user",
        "working_dir",
    }
)
_CONDITIONS = ("service_started", "service_healthy", "service_completed_successfully")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|us|h|m|s)")
_UNIT_S = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """That a service waits for another one; `required` is False where it may be off."""

    condition: str
    required: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck:
    """How a service is asked whether it is well. `command` is ready to run: CMD-SHELL became `/bin/sh -c …`."""

    command: tuple[str, ...]
    interval_s: float
    timeout_s: float
    retries: int
    start_period_s: float
    start_interval_s: float

    @property
    def patience_s(self) -> float:
        """How long a service may take to become healthy before a container would be called unhealthy."""
        return self.start_period_s + self.retries * (self.interval_s + self.timeout_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A folder or file inside the container: a `bind` of a local path, a named `volume`, a `config`, or a `tmpfs`."""

    kind: str
    source: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service, with its variables filled in. `published` maps a port of the container to one of this machine."""

    name: str
    image: str | None
    is_built_here: bool
    command: tuple[str, ...]
    environment: Mapping[str, str]
    ports: tuple[int, ...]
    published: Mapping[int, int]
    depends_on: Mapping[str, Dependency]
    health: HealthCheck | None
    mounts: tuple[Mount, ...]
    profiles: frozenset[str]
    scale: int
    stop_grace_s: float

    @property
    def image_name(self) -> str:
        """`redis` of `docker.io/library/redis:7.2.16-bookworm`; empty when there is no image."""
        return PurePosixPath(self.image or "").name.partition(":")[0]


def parse_service(name: str, fields: Mapping[str, Any], environment: Mapping[str, str]) -> Service:
    """The service `name` of interpolated `fields`; `environment` is complete, with env files read.

    Raises:
        InvalidComposeFile: A value has the wrong form.
        UnsupportedFeature: A key that a local run could neither honour nor leave out without harm.
    """
    unknown = sorted(set(fields) - HONOURED - CONTAINER_ONLY)
    if unknown:
        raise UnsupportedFeature(
            f"Service {name} uses {', '.join(unknown)}, which a local run does not know.",
            hint="Run it with docker compose, or teach engine/cluster/service.py what it means.",
            service=name,
            keys=unknown,
        )
    published: dict[int, int] = {}
    ports = [_port(name, each, published) for each in fields.get("ports", ())]
    ports += [int(str(each).partition("/")[0]) for each in fields.get("expose", ())]
    return Service(
        name=name,
        image=fields.get("image"),
        is_built_here="build" in fields,
        command=_command(fields.get("command")),
        environment=environment,
        ports=tuple(dict.fromkeys(ports)),
        published=published,
        depends_on=_dependencies(name, fields.get("depends_on") or {}),
        health=_health(name, fields.get("healthcheck")),
        mounts=(
            *_volumes(name, fields.get("volumes", ())),
            *_configs(fields.get("configs", ())),
            *_temporary(fields.get("tmpfs", ())),
        ),
        profiles=frozenset(fields.get("profiles", ())),
        scale=int(fields.get("scale", 1)),
        stop_grace_s=seconds(fields.get("stop_grace_period", "10s")),
    )


def seconds(duration: str | float) -> float:
    """`1m30s` as 90.0; a bare number counts seconds.

    Raises:
        InvalidComposeFile: It is no duration.
    """
    text = str(duration)
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    if not re.fullmatch(rf"({_DURATION.pattern})+", text):
        raise InvalidComposeFile(f"{text!r} is no duration; write 1m30s.", value=text)
    return sum(float(number) * _UNIT_S[unit] for number, unit in _DURATION.findall(text))


def _command(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(shlex.split(value)) if isinstance(value, str) else tuple(str(each) for each in value)


def _port(service: str, value: Any, published: dict[int, int]) -> int:
    """The port inside the container; the one outside goes into `published`, if a fixed one is given."""
    if isinstance(value, dict):
        inside, outside = str(value.get("target", "")), str(value.get("published", ""))
    else:
        outside, _, inside = str(value).rpartition(":")
        inside, outside = inside.partition("/")[0], outside.rpartition(":")[2]
    if not inside.isdigit() or not (outside.isdigit() or not outside):
        raise InvalidComposeFile(
            f"Service {service}: {value!r} is no port that a local run understands.",
            hint='Write "127.0.0.1:8080:8080".',
            service=service,
        )
    if outside:
        published[int(inside)] = int(outside)
    return int(inside)


def _dependencies(service: str, value: Any) -> dict[str, Dependency]:
    if isinstance(value, list):
        return {name: Dependency(condition="service_started", required=True) for name in value}
    found = {}
    for name, fields in value.items():
        condition = (fields or {}).get("condition", "service_started")
        if condition not in _CONDITIONS:
            raise InvalidComposeFile(
                f"Service {service} waits for {name} by the unknown condition {condition!r}.",
                hint=f"Conditions: {', '.join(_CONDITIONS)}.",
                service=service,
            )
        found[name] = Dependency(condition=condition, required=(fields or {}).get("required", True))
    return found


def _health(service: str, fields: Mapping[str, Any] | None) -> HealthCheck | None:
    if not fields or fields.get("disable") or fields.get("test") in (None, [], ["NONE"]):
        return None
    test = fields["test"]
    command: tuple[str, ...]
    if isinstance(test, str):
        command = ("/bin/sh", "-c", test)
    elif test[0] == "CMD-SHELL" and len(test) == 2:
        command = ("/bin/sh", "-c", test[1])
    elif test[0] == "CMD" and len(test) > 1:
        command = tuple(str(each) for each in test[1:])
    else:
        raise InvalidComposeFile(
            f"Service {service}: the test of its health check begins with {test[0]!r}.",
            hint="Begin it with CMD or CMD-SHELL.",
            service=service,
        )
    interval_s = seconds(fields.get("interval", "30s"))
    return HealthCheck(
        command=command,
        interval_s=interval_s,
        timeout_s=seconds(fields.get("timeout", "30s")),
        retries=int(fields.get("retries", 3)),
        start_period_s=seconds(fields.get("start_period", "0s")),
        start_interval_s=seconds(fields.get("start_interval", "5s")),
    )


def _volumes(service: str, values: Iterable[Any]) -> Iterable[Mount]:
    for value in values:
        if isinstance(value, dict):
            kind, source, target = value.get("type", "volume"), value.get("source", ""), value.get("target", "")
        else:
            source, _, rest = str(value).partition(":")
            target = rest.partition(":")[0]
            kind = "bind" if source.startswith((".", "/", "~")) else "volume"
        if kind not in ("bind", "volume") or not source or not target.startswith("/"):
            raise InvalidComposeFile(f"Service {service}: {value!r} is no bind or named volume.", service=service)
        yield Mount(kind=kind, source=source, target=target.rstrip("/"))


def _configs(values: Iterable[Any]) -> Iterable[Mount]:
    for value in values:
        fields = value if isinstance(value, dict) else {"source": value}
        yield Mount(kind="config", source=fields["source"], target=fields.get("target", f"/{fields['source']}"))


def _temporary(values: Any) -> Iterable[Mount]:
    for value in [values] if isinstance(values, str) else values:
        target = str(value).partition(":")[0]
        yield Mount(kind="tmpfs", source=target.strip("/").replace("/", "-"), target=target)
