"""What a service says about its container, said about this machine.

Three things differ: other services have a port of 127.0.0.1 instead of a name, the service's own port is another one,
and folders of the container lie elsewhere. Everything else of a command, a health check or an environment is kept to
the letter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from multirecall.engine.commands import HOST

from .errors import ClusterStartFailed

__all__ = ["LocalView"]

_OWN_HOSTS = ("localhost", "127.0.0.1", "0.0.0.0")  # noqa: S104 - recognised so that it is replaced


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalView:
    """How the texts of `service` read here.

    `services` are all names of the file; `ports` maps (service, port of the container) to a local port for those that
    have one; `folders` maps paths of the container to paths of this machine.
    """

    service: str
    services: tuple[str, ...]
    ports: Mapping[tuple[str, int], int]
    folders: Mapping[str, Path]

    def text(self, value: str) -> str:
        """The text with `NAME:PORT`, its own `localhost:PORT` and paths of the container replaced.

        Raises:
            ClusterStartFailed: It names a service that does not run here.
        """
        names = "|".join(re.escape(name) for name in (*_OWN_HOSTS, *self.services))
        moved = re.sub(rf"(?<![\w.-])({names}):(\d+)(?![\d.])", self._address, value)
        for target in sorted(self.folders, key=len, reverse=True):
            local = str(self.folders[target])
            moved = re.sub(rf"(?<![\w./-]){re.escape(target)}(?![\w.-])", _always(local), moved)
        return moved

    def argument(self, value: str) -> str:
        """One argument of a command: as `text`, and a bare own port or wildcard address is replaced as well."""
        if value == "0.0.0.0":  # noqa: S104 - recognised so that it is replaced
            return HOST
        if (flag := re.fullmatch(r"(-[\w-]+=)?(\d+)", value)) and (self.service, int(flag[2])) in self.ports:
            return f"{flag[1] or ''}{self.ports[self.service, int(flag[2])]}"
        if wildcard := re.fullmatch(r"(-[\w-]+=)0\.0\.0\.0", value):
            return f"{wildcard[1]}{HOST}"
        return self.text(value)

    def command(self, arguments: Iterable[str]) -> list[str]:
        """A command with every argument replaced."""
        return [self.argument(each) for each in arguments]

    def environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Variables with every value replaced."""
        return {key: self.text(value) for key, value in variables.items()}

    def _address(self, found: re.Match[str]) -> str:
        name, port = found[1], int(found[2])
        if name in _OWN_HOSTS:
            local = self.ports.get((self.service, port))
            return found[0] if local is None else f"{HOST}:{local}"
        if (name, port) not in self.ports:
            raise ClusterStartFailed(
                f"Service {self.service} speaks to {name}:{port}, and no such service runs here.",
                hint=f"Turn on its profile (--profile {name}), or name another server in .env.",
                service=self.service,
            )
        return f"{HOST}:{self.ports[name, port]}"


def _always(replacement: str) -> Callable[[re.Match[str]], str]:
    """A replacement that is taken to the letter: paths may hold backslashes, which a template would read."""
    return lambda _found: replacement
