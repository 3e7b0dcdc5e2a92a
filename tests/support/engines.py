"""Real servers for tests: at most one of each kind per run, booted when a test first asks for it.

Processes that share the tests of a run (pytest-xdist) share the servers too; the process that began the run stops them.

`MULTIRECALL_TEST_ELASTICSEARCH_URL`, `…_OPENSEARCH_URL` and `…_REDIS_URL` name servers to use instead of booting one.
What cannot be booted here is skipped, with the reason; when `REQUIRE_ENGINES` lists it (`elasticsearch,redis`), the
tests fail instead.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from multirecall.engine import KINDS, EnginePrepareFailed, EngineToolsMissing, down, up

__all__ = ["RUN", "delete_indices", "http_address", "missing_engine", "required_engines", "server_url"]

RUN = uuid.uuid4().hex[:6]

_JAVA_OPTIONS = "-XX:TieredStopAtLevel=1"
"""Servers of tests live for minutes: with the full compiler, half of their CPU time goes into what pays off later."""

_MEMORY = Path("/dev/shm")
_MEMORY_NEEDED = 4 * 2**30

_SERVERS = pytest.StashKey["TestServers"]()
_current: list[TestServers] = []


class TestServers:
    """The servers of one run, as one of its processes sees them. Not thread-safe: tests of a process take turns.

    Those that are booted have their state in `folder` and their data in `data`; they end with the process `owner_pid`.
    """

    __test__ = False

    def __init__(self, folder: Path, data: Path, owner_pid: int) -> None:
        self.folder, self.data, self.owner_pid = folder, data, owner_pid
        self._urls: dict[str, str] = {}
        self._absent: dict[str, str] = {}

    def url(self, kind: str) -> str:
        """The URL of the server; skips or fails the calling test when there can be none."""
        if kind not in self._urls and kind not in self._absent:
            self._find(kind)
        if kind in self._absent:
            missing_engine(kind, self._absent[kind])
        return self._urls[kind]

    def _find(self, kind: str) -> None:
        given = os.environ.get(f"MULTIRECALL_TEST_{kind.upper()}_URL")
        if given:
            self._urls[kind] = given.rstrip("/")
            return
        try:
            self._urls[kind] = up(kind, state_dir=self.folder, data_dir=self.data / kind, owner_pid=self.owner_pid).url
        except (EngineToolsMissing, EnginePrepareFailed) as absent:
            self._absent[kind] = str(absent)

    def in_use(self) -> list[str]:
        """The URLs of the search servers that some test has asked for."""
        return [url for kind, url in self._urls.items() if kind != "redis"]


def required_engines() -> frozenset[str]:
    """What `REQUIRE_ENGINES` lists.

    Raises:
        ValueError: It lists an engine that does not exist.
    """
    listed = {name.strip() for name in os.environ.get("REQUIRE_ENGINES", "").split(",") if name.strip()}
    if unknown := listed - set(KINDS):
        raise ValueError(f"REQUIRE_ENGINES lists {sorted(unknown)}; there are {list(KINDS)}")
    return frozenset(listed)


def missing_engine(kind: str, reason: str) -> None:
    """Skips the calling test, or fails it where `REQUIRE_ENGINES` lists `kind`."""
    if kind in required_engines():
        pytest.fail(f"REQUIRE_ENGINES lists {kind}, but: {reason}", pytrace=False)
    pytest.skip(f"no {kind}: {reason}")


def server_url(kind: str) -> str:
    """The URL of this session's server of `kind`, for helpers that are no fixtures; skips or fails like the fixtures.

    Raises:
        RuntimeError: No pytest session is running.
    """
    if not _current:
        raise RuntimeError("server_url is for use inside a pytest session")
    return _current[-1].url(kind)


def http_address(url: str) -> str:
    """`http://host:port` of `elasticsearch+http://host:port/name`."""
    scheme, _, rest = url.partition("://")
    return f"{scheme.partition('+')[2] or scheme}://{rest.partition('/')[0]}"


def delete_indices(url: str, prefix: str) -> list[str]:
    """The indices whose name starts with `prefix`, which are now deleted; no other is touched."""
    if not prefix.startswith("t_") or "*" in prefix:
        raise ValueError(f"not the prefix of a test: {prefix!r}")
    # Test servers speak plain HTTP; reading the authorities' certificates would take longer than the requests.
    with httpx.Client(base_url=http_address(url), timeout=30.0, trust_env=False, verify=False) as client:
        listed = client.get(f"/_cat/indices/{prefix}*", params={"format": "json", "expand_wildcards": "all"})
        listed.raise_for_status()
        # One by one and by full name: servers refuse to delete by wildcard, and they are right.
        names = [row["index"] for row in listed.json()]
        for name in names:
            client.delete(f"/{name}").raise_for_status()
    return names


def pytest_configure(config: pytest.Config) -> None:
    given: dict[str, Any] | None = getattr(config, "workerinput", None)
    if given is None:
        os.environ.setdefault("JAVA_TOOL_OPTIONS", _JAVA_OPTIONS)
        folder, data = (Path(tempfile.mkdtemp(prefix="multirecall-servers-", dir=at)) for at in (None, _quick_disk()))
        servers = TestServers(folder, data, os.getpid())
    else:
        servers = TestServers(Path(given["servers"]), Path(given["servers_data"]), given["servers_owner"])
    config.stash[_SERVERS] = servers
    _current.append(servers)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tells a process that will do a part of the tests where the servers of this run lie."""
    servers = node.config.stash[_SERVERS]
    node.workerinput.update(
        servers=str(servers.folder), servers_data=str(servers.data), servers_owner=servers.owner_pid
    )


def pytest_unconfigure(config: pytest.Config) -> None:
    servers = config.stash[_SERVERS]
    _current.remove(servers)
    if servers.owner_pid == os.getpid():
        down(state_dir=servers.folder)  # what was booted here; servers named by the environment stay
        shutil.rmtree(servers.folder)
        shutil.rmtree(servers.data)


def _quick_disk() -> Path | None:
    """A folder in memory if there is a large one: servers sync each new index to their disk dozens of times."""
    roomy = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free >= _MEMORY_NEEDED
    return _MEMORY if roomy else None


@pytest.fixture(scope="session")
def elasticsearch_url(pytestconfig: pytest.Config) -> str:
    """`elasticsearch+http://host:port` of a real server."""
    return pytestconfig.stash[_SERVERS].url("elasticsearch")


@pytest.fixture(scope="session")
def opensearch_url(pytestconfig: pytest.Config) -> str:
    """`opensearch+http://host:port` of a real server."""
    return pytestconfig.stash[_SERVERS].url("opensearch")


@pytest.fixture(scope="session")
def redis_url(pytestconfig: pytest.Config) -> str:
    """`redis://host:port/0` of a real server."""
    return pytestconfig.stash[_SERVERS].url("redis")


@pytest.fixture
def index_prefix(pytestconfig: pytest.Config) -> Iterator[str]:
    """A name that no other test has: start every index with it, and it is deleted after the test."""
    prefix = f"t_{RUN}_{uuid.uuid4().hex[:8]}"
    yield prefix
    for url in pytestconfig.stash[_SERVERS].in_use():
        delete_indices(url, prefix)
