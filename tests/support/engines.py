"""Real servers for tests: at most one of each kind per pytest session, booted when a test first asks for it.

`MULTIRECALL_TEST_ELASTICSEARCH_URL`, `…_OPENSEARCH_URL` and `…_REDIS_URL` name servers to use instead of booting one.
What cannot be booted here is skipped, with the reason; when `REQUIRE_ENGINES` lists it (`elasticsearch,redis`), the
tests fail instead.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from multirecall.engine import KINDS, EnginePrepareFailed, EngineToolsMissing, running_engine

__all__ = ["RUN", "delete_indices", "http_address", "missing_engine", "required_engines", "server_url"]

RUN = uuid.uuid4().hex[:6]

_SERVERS = pytest.StashKey["TestServers"]()
_current: list[TestServers] = []


class TestServers:
    """The servers of one session. Not thread-safe: tests of one session run one after another."""

    __test__ = False

    def __init__(self) -> None:
        self._stack = ExitStack()
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
            self._urls[kind] = self._stack.enter_context(running_engine(kind)).url
        except (EngineToolsMissing, EnginePrepareFailed) as absent:
            self._absent[kind] = str(absent)

    def in_use(self) -> list[str]:
        """The URLs of the search servers that some test has asked for."""
        return [url for kind, url in self._urls.items() if kind != "redis"]

    def close(self) -> None:
        """Stops what was booted here; servers named by the environment stay."""
        self._stack.close()


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
    with httpx.Client(base_url=http_address(url), timeout=30.0, trust_env=False) as client:
        listed = client.get(f"/_cat/indices/{prefix}*", params={"format": "json", "expand_wildcards": "all"})
        listed.raise_for_status()
        # One by one and by full name: servers refuse to delete by wildcard, and they are right.
        names = [row["index"] for row in listed.json()]
        for name in names:
            client.delete(f"/{name}").raise_for_status()
    return names


def pytest_configure(config: pytest.Config) -> None:
    servers = TestServers()
    config.stash[_SERVERS] = servers
    _current.append(servers)


def pytest_unconfigure(config: pytest.Config) -> None:
    servers = config.stash[_SERVERS]
    _current.remove(servers)
    servers.close()


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
