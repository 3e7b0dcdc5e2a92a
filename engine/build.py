"""Makes a runnable engine from Maven artifacts and our launcher, once, in the cache.

A build is a folder `<kind>-<version>-<digest>`; the digest covers the pinned versions and every source that goes in,
so that a changed launcher is a new build and a running server keeps its own. A folder appears by one rename: if it is
there, it is whole.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from .errors import EnginePrepareFailed
from .locking import locked
from .toolchain import Jdk, find_jdk, find_maven
from .versions import pinned_versions

__all__ = ["BUILDABLE", "build_digest", "cache_dir", "pinned_version", "prepare_build"]

_SOURCES = Path(__file__).resolve().parent
_TOOL_TIMEOUT_S = 900.0
_OUTPUT_TAIL_LINES = 15
# The server's own module lists no jar that the class path has already; these are what it adds.
_TRANSPORT_JARS = ("transport-netty4-", "netty-", "elasticsearch-ssl-config-")

BUILDABLE = ("elasticsearch", "opensearch")


def cache_dir() -> Path:
    """`$MULTIRECALL_CACHE/engines`, or `~/.cache/multirecall/engines`."""
    root = os.environ.get("MULTIRECALL_CACHE") or Path.home() / ".cache" / "multirecall"
    return Path(root).resolve() / "engines"


def pinned_version(kind: str) -> str:
    """The server version that a build of `kind` holds."""
    return pinned_versions()[f"{kind.upper()}_VERSION"]


def build_digest(kind: str) -> str:
    """12 hexadecimal digits over the versions and sources of `kind`."""
    digest = hashlib.sha256()
    for key, value in sorted(pinned_versions().items()):
        if key.startswith(kind.upper()):
            digest.update(f"{key}={value}\n".encode())
    parts = [_SOURCES / kind, _SOURCES / "java", _SOURCES / "log4j2.xml", Path(__file__).resolve()]
    files = sorted(file for part in parts for file in ([part] if part.is_file() else part.rglob("*")) if file.is_file())
    for file in files:
        digest.update(str(file.relative_to(_SOURCES)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def prepare_build(kind: str, report: Callable[[str], None]) -> Path:
    """The folder of the build of `kind`, made now if the cache lacks it (about 100 MB to fetch, up to a minute).

    Several processes may ask at once: one builds, the others wait for it.

    Raises:
        EngineToolsMissing: No JDK or no Maven.
        EnginePrepareFailed: Maven or the compiler failed.
    """
    cache = cache_dir()
    name = f"{kind}-{pinned_version(kind)}-{build_digest(kind)}"
    if (cache / name).exists():
        return cache / name
    with locked(cache / f"{kind}.lock"):
        if (cache / name).exists():
            return cache / name
        jdk, maven = find_jdk(), find_maven()
        # Nobody else builds while we hold the lock: what lies here was left by a build that was killed.
        for leftover in cache.glob(f".{kind}-*"):
            shutil.rmtree(leftover)
        folder = Path(tempfile.mkdtemp(prefix=f".{kind}-", dir=cache))
        try:
            _RECIPES[kind](folder, _Tools(jdk=jdk, maven=maven, report=report))
            shutil.copy2(_SOURCES / "log4j2.xml", folder / "log4j2.xml")
            folder.rename(cache / name)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return cache / name


class _Tools:
    """Maven and the compiler, with their output kept for the error message."""

    def __init__(self, *, jdk: Jdk, maven: str, report: Callable[[str], None]) -> None:
        self._jdk = jdk
        self._maven = maven
        self._report = report

    def fetch(self, pom: Path, destination: Path) -> None:
        """Copies what `pom` depends on, directly or not, into `destination`."""
        self._report(f"fetching {pom.parent.name} from Maven")
        versions = [f"-D{key}={value}" for key, value in pinned_versions().items()]
        goal = ["dependency:copy-dependencies", f"-DoutputDirectory={destination}", "-DincludeScope=runtime"]
        environment = dict(os.environ)
        if not environment.get("JAVA_HOME") and shutil.which("java") is None:
            environment["JAVA_HOME"] = str(self._jdk.home)
        self._run([self._maven, "-B", "-q", "-f", str(pom), *goal, *versions], environment)

    def compile(self, sources: Iterable[Path], *, class_path: Path, destination: Path) -> None:
        """Compiles every Java file below `sources` against the jars in `class_path`."""
        files = sorted(str(file) for folder in sources for file in folder.rglob("*.java"))
        self._report(f"compiling {len(files)} Java files")
        # Compiled for the oldest JDK that we accept, so that a build outlives a change of JDK.
        options = ["--release", "21", "-nowarn", "-encoding", "UTF-8", "-d", str(destination)]
        self._run([self._jdk.program("javac"), *options, "-cp", f"{class_path}/*", *files])

    def pack(self, classes: Path, jar: Path) -> None:
        """Writes the compiled `classes` as `jar`."""
        self._run([self._jdk.program("jar"), "--create", "--file", str(jar), "-C", str(classes), "."])

    def _run(self, command: list[str], environment: Mapping[str, str] | None = None) -> None:
        program = Path(command[0]).name
        try:
            done = subprocess.run(  # noqa: S603 - a list of our own making, no shell
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_TOOL_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as stuck:
            raise EnginePrepareFailed(
                f"{program} did not end within {_TOOL_TIMEOUT_S:.0f} s.",
                hint="Check that the Maven repository can be reached.",
                output_tail=[],
            ) from stuck
        if done.returncode != 0:
            tail = f"{done.stdout}\n{done.stderr}".strip().splitlines()[-_OUTPUT_TAIL_LINES:]
            raise EnginePrepareFailed(f"{program} ended with {done.returncode}:\n" + "\n".join(tail), output_tail=tail)


def _build_elasticsearch(folder: Path, tools: _Tools) -> None:
    source = _SOURCES / "elasticsearch"
    lib, transport = folder / "lib", folder / "home" / "modules" / "transport-netty4"
    analysis = folder / "home" / "modules" / "analysis-common"
    for made in (lib, transport, analysis, folder / "home" / "config"):
        made.mkdir(parents=True)
    tools.fetch(source / "pom.xml", lib)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        jars, classes = Path(scratch) / "jars", Path(scratch) / "classes"
        tools.fetch(source / "transport" / "pom.xml", jars)
        for jar in sorted(jars.iterdir()):
            if jar.name.startswith(_TRANSPORT_JARS):
                shutil.move(jar, transport / jar.name)
        _copy_transport_descriptor(transport)
        tools.compile([source / "analysis"], class_path=lib, destination=classes)
        tools.pack(classes, analysis / "analysis-common.jar")
    descriptor = (source / "analysis" / "plugin-descriptor.properties").read_text("utf-8")
    version = pinned_version("elasticsearch")
    (analysis / "plugin-descriptor.properties").write_text(descriptor.replace("=@VERSION@", f"={version}"), "utf-8")
    tools.compile([_SOURCES / "java", source / "launcher"], class_path=lib, destination=folder / "classes")


def _copy_transport_descriptor(transport: Path) -> None:
    (jar,) = transport.glob("transport-netty4-*.jar")
    with zipfile.ZipFile(jar) as archive:
        descriptor = archive.read("META-INF/es-plugins/transport-netty4/plugin-descriptor.properties").decode()
    # Our node is started on the class path, where a module could not be resolved.
    kept = [line for line in descriptor.splitlines() if not line.startswith("modulename=")]
    (transport / "plugin-descriptor.properties").write_text("\n".join(kept) + "\n", "utf-8")


def _build_opensearch(folder: Path, tools: _Tools) -> None:
    source = _SOURCES / "opensearch"
    lib = folder / "lib"
    for made in (lib, folder / "home" / "config"):
        made.mkdir(parents=True)
    tools.fetch(source / "pom.xml", lib)
    (plugin,) = lib.glob("opensearch-knn-*.zip")
    with zipfile.ZipFile(plugin) as archive:
        for name in archive.namelist():
            # The plugin brings some jars that the server has as well; the server's own copy stays.
            if name.endswith(".jar") and "/" not in name and not (lib / name).exists():
                archive.extract(name, lib)
    plugin.unlink()
    tools.compile([_SOURCES / "java", source / "launcher"], class_path=lib, destination=folder / "classes")


_RECIPES: Mapping[str, Callable[[Path, _Tools], None]] = {
    "elasticsearch": _build_elasticsearch,
    "opensearch": _build_opensearch,
}
