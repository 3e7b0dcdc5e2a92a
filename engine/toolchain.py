"""Finds the programs that boot an engine: a JDK, Maven, redis-server."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from .errors import EngineToolsMissing

__all__ = ["MINIMUM_JAVA", "Jdk", "find_jdk", "find_maven", "find_redis_server"]

MINIMUM_JAVA = 21

# Where distributions and installers put their JDKs; a `*` is one JDK.
_JDK_PATTERNS = (
    "/usr/lib/jvm/*",
    "/opt/java/*",
    "/opt/jdk*",
    "/Library/Java/JavaVirtualMachines/*/Contents/Home",
    "~/.sdkman/candidates/java/*",
    "~/.jdks/*",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Jdk:
    """A JDK (with compiler) at `home`; `major` is 21, 25, …"""

    home: Path
    major: int

    def program(self, name: str) -> str:
        """The path of `java`, `javac` or `jar`."""
        return str(self.home / "bin" / name)


def _jdk_at(home: Path) -> Jdk | None:
    """The JDK at `home`, or None: the folder is no JDK, a runtime without compiler, or tells no version."""
    release = home / "release"
    if not (home / "bin" / "javac").exists() or not release.is_file():
        return None
    match = re.search(r'^JAVA_VERSION="(?:1\.)?(\d+)', release.read_text("utf-8", errors="replace"), re.MULTILINE)
    return Jdk(home=home, major=int(match[1])) if match else None


def _homes_on_disk(patterns: tuple[str, ...]) -> Iterator[Path]:
    for pattern in patterns:
        absolute = Path(pattern).expanduser()
        root = Path(absolute.anchor)
        yield from sorted(root.glob(str(absolute.relative_to(root))))


def find_jdk(environment: Mapping[str, str] | None = None, patterns: tuple[str, ...] = _JDK_PATTERNS) -> Jdk:
    """A JDK of version 21 or newer: `JAVA_HOME` if it is one, else the newest on disk, else the one on `PATH`.

    Raises:
        EngineToolsMissing: There is none; the message names what was found instead.
    """
    env = os.environ if environment is None else environment
    too_old: list[str] = []

    def usable(home: Path) -> Jdk | None:
        jdk = _jdk_at(home)
        if jdk is not None and jdk.major < MINIMUM_JAVA:
            too_old.append(f"{jdk.major} at {home}")
            return None
        return jdk

    if env.get("JAVA_HOME") and (chosen := usable(Path(env["JAVA_HOME"]))):
        return chosen
    on_disk = [jdk for home in _homes_on_disk(patterns) if (jdk := usable(home))]
    if on_disk:
        return max(on_disk, key=lambda jdk: jdk.major)
    java = shutil.which("java", path=env.get("PATH", ""))
    if java and (chosen := usable(Path(java).resolve().parent.parent)):
        return chosen
    found = f" (found only {', '.join(sorted(set(too_old)))})" if too_old else ""
    raise EngineToolsMissing(
        f"No JDK of version {MINIMUM_JAVA} or newer{found}.",
        hint="Install one (apt-get install openjdk-21-jdk-headless, brew install openjdk, or Temurin) "
        "and set JAVA_HOME to it.",
        tool="jdk",
    )


def find_maven() -> str:
    """The path of `mvn`.

    Raises:
        EngineToolsMissing: It is not on `PATH`.
    """
    return _program("mvn", "maven", hint="Install it (apt-get install maven, or brew install maven).")


def find_redis_server() -> str:
    """The path of `redis-server`.

    Raises:
        EngineToolsMissing: It is not on `PATH`.
    """
    return _program(
        "redis-server", "redis", hint="Install Redis (apt-get install redis-server, or brew install redis)."
    )


def _program(name: str, tool: str, *, hint: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise EngineToolsMissing(f"No {name} on PATH.", hint=hint, tool=tool)
    return path
