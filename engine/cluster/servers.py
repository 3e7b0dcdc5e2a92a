"""Which services are servers that the launcher can start, and what of their containers' settings it is told."""

from __future__ import annotations

import re
from collections.abc import Mapping

from multirecall.engine.commands import KINDS

from .errors import InvalidComposeFile
from .service import Service

__all__ = ["SERVER_PORTS", "heap_mb", "server_kind", "server_settings"]

# The port inside the official image: where compose.yaml says that the server listens.
SERVER_PORTS: Mapping[str, int] = {"elasticsearch": 9200, "opensearch": 9200, "redis": 6379}

# Of a redis-server command: where it listens and writes is the launcher's to say.
_PLACES = frozenset({"port", "bind", "dir", "daemonize", "protected-mode"})
# Node settings that the Maven servers do not know (security is not on Maven), or that the launcher sets.
_NOT_HERE = ("xpack.", "plugins.security.", "discovery.", "http.", "transport.", "network.")
_HEAP = re.compile(r"-Xmx(\d+)([mg])", re.IGNORECASE)
_DEFAULT_HEAP_MB = 1024


def server_kind(service: Service) -> str | None:
    """`elasticsearch`, `opensearch` or `redis` if the image of `service` is one that the launcher starts, else None."""
    return service.image_name if service.image_name in KINDS and not service.is_built_here else None


def server_settings(service: Service) -> dict[str, str]:
    """The options of the container, as the launcher takes them: node settings, or flags of `redis-server`.

    Raises:
        InvalidComposeFile: The command of Redis is not `redis-server --name value …`.
    """
    if server_kind(service) == "redis":
        return {key: value for key, value in _redis_flags(service).items() if key not in _PLACES}
    return {
        key: value
        for key, value in service.environment.items()
        if "." in key and key == key.lower() and not key.startswith(_NOT_HERE)
    }


def heap_mb(service: Service) -> int:
    """The Java heap in MB: `-Xmx` of the container, else 1024. Redis has `maxmemory` among its settings."""
    options = service.environment.get("ES_JAVA_OPTS") or service.environment.get("OPENSEARCH_JAVA_OPTS") or ""
    match = _HEAP.search(options)
    if match is None:
        return _DEFAULT_HEAP_MB
    return int(match[1]) * (1024 if match[2].lower() == "g" else 1)


def _redis_flags(service: Service) -> dict[str, str]:
    words = list(service.command)
    if words[:1] != ["redis-server"] or (len(words) > 1 and not words[1].startswith("--")):
        raise InvalidComposeFile(
            f"Service {service.name}: {' '.join(words)!r} is not redis-server with --flags.", service=service.name
        )
    flags: dict[str, list[str]] = {}
    values: list[str] = []
    for word in words[1:]:
        if word.startswith("--"):
            values = flags.setdefault(word.removeprefix("--"), [])
        else:
            values.append(word)
    return {name: " ".join(given) for name, given in flags.items()}
