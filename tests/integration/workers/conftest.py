"""Redis under a namespace of its own, and deployments over it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from multirecall.engines.exact import ExactEngine
from multirecall.workers.store.connection import Connection
from tests.support.deployments import Bench, opened_bench, opened_connection
from tests.support.stores import engine_store


@pytest.fixture
def connection(redis_url: str) -> Iterator[Connection]:
    with opened_connection(redis_url) as connection:
        yield connection


@pytest.fixture
def exact(redis_url: str) -> Iterator[Bench]:
    """A bench over the exact engine, empty."""
    engine = ExactEngine("shop")
    with opened_bench(redis_url, lambda: engine) as bench:
        yield bench


@pytest.fixture(params=["exact", "embedded", "elasticsearch"])
def bench(request: pytest.FixtureRequest, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A bench over each kind of engine, empty."""
    store = engine_store(request.param, tmp_path_factory)
    name = store.unique_name()
    held = [store.open(name)] if request.param == "exact" else []
    try:
        with opened_bench(redis_url, lambda: held[0] if held else store.open(name)) as bench:
            yield bench
    finally:
        store.clear()
