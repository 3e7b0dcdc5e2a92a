"""What the scenarios share: clusters that are cleared away, seeds, and the count of what they did."""

from __future__ import annotations

import os
import random
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.chaos.workers.cluster import Cluster, Started
from tests.chaos.workers.servers import REDIS, OwnServer, own_server
from tests.chaos.workers.tally import TALLY
from tests.support.engines import server_url
from tests.support.figures import CHAOS


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Seed 1, and with CHAOS_ROUNDS=n so many more, drawn anew each time; CHAOS_SEED=s is that one alone."""
    if "seed" in metafunc.fixturenames:
        # processes that share the tests of a run draw the same
        drawn = random.Random(getattr(metafunc.config, "workerinput", {}).get("testrunuid"))
        rounds = int(os.environ.get("CHAOS_ROUNDS", "1"))
        seeds = [1, *(drawn.randrange(2, 1_000_000) for _ in range(rounds - 1))]
        if given := os.environ.get("CHAOS_SEED"):
            seeds = [int(given)]
        metafunc.parametrize("seed", seeds, ids=[f"seed{seed}" for seed in seeds])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    try:
        return (yield)
    finally:
        item.user_properties.append((CHAOS, TALLY.taken()))


@pytest.fixture
def cluster_on(tmp_path: Path) -> Iterator[Started]:
    """Makes clusters on given servers; all of it is gone after the test, but for the servers."""
    made: list[Cluster] = []

    def start(engine_url: str, redis_url: str, **options: str) -> Cluster:
        folder = tmp_path / f"cluster{len(made)}"
        folder.mkdir()
        made.append(Cluster(folder, engine_url, redis_url, **options))
        return made[-1]

    yield start
    for cluster in made:
        cluster.close()


@pytest.fixture
def cluster(cluster_on: Started) -> Cluster:
    """One on the session's Elasticsearch and Redis, which other tests use too: nobody stops those."""
    return cluster_on(server_url("elasticsearch"), server_url("redis"))


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[OwnServer]:
    """A Redis with persistence, to be killed. Name it before `cluster_on`, which needs it at its end."""
    with own_server("redis", tmp_path / "redis", settings=REDIS) as server:
        yield server


@pytest.fixture
def own_elasticsearch(tmp_path: Path) -> Iterator[OwnServer]:
    """An Elasticsearch to be stopped and killed. Name it before `cluster_on`, which needs it at its end."""
    # It lifts write blocks of its own accord with each look at its disk, by default every 30 s.
    settings = {"cluster.info.update.interval": "1h"}
    with own_server("elasticsearch", tmp_path / "elasticsearch", settings=settings, heap_mb=1024) as server:
        yield server
