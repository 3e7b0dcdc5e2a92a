"""The driver of a build is killed in each stage: another one goes on, and the build is completed once."""

from __future__ import annotations

import pytest

from multirecall.workers.store.job import JobKind
from tests.chaos.workers.cluster import Cluster
from tests.chaos.workers.expected import Expected
from tests.chaos.workers.shop import Shop
from tests.chaos.workers.tally import TALLY
from tests.chaos.workers.waiting import wait_for
from tests.support.engines import http_address
from tests.support.fault_proxy import Fault, FaultProxy

pytestmark = [pytest.mark.integration, pytest.mark.slow]

STAGES = ("preparing", "filling", "writing", "verifying", "swapping")
_HOLDS_UP = {"preparing": r"^/[^/_]+-\d{6}$", "verifying": "/_count", "swapping": "/_aliases"}
"""What the engine is slow to answer, so that the driver is met in that stage."""


@pytest.mark.parametrize("source", ["catalogue", "index"])
def test_a_driver_killed_in_each_stage(cluster: Cluster, seed: int, source: str) -> None:
    shop = Shop(seed, 300)
    for name in ("a", "b"):
        cluster.start(name, queues="index,changes", concurrency=1)
    with FaultProxy(http_address(cluster.engine_url)) as slow:
        address = cluster.engine_url.replace(http_address(cluster.engine_url), slow.url)
        number = 0

        def start_driver() -> None:
            nonlocal number
            number += 1
            cluster.start(f"driver{number}", queues="jobs", concurrency=1, engine=address)

        start_driver()
        expected = Expected(shop.catalogue)
        if source == "index":
            cluster.wait(cluster.build(shop.catalogue))
            changes = shop.changes(100)
            cluster.wait(cluster.send(changes))
            expected.add(changes)
            slow.inject(*_held_up())
            job = cluster.start_job(JobKind.REBUILD, sources=[], encoder="hashing?dim=64")
        else:
            slow.inject(*_held_up())
            job = cluster.build(shop.catalogue)
        met = []
        for stage in STAGES:
            reached = wait_for(
                lambda: (found := cluster.job(job.id)).state.over or found.stage in STAGES[STAGES.index(stage) :],  # noqa: B023
                stage,
                told=cluster.logs,
                every_s=0.01,
            )
            assert reached
            found = cluster.job(job.id)
            assert not found.state.over, found.to_dict()
            met.append(found.stage)
            TALLY.fault(f"driver killed while {found.stage}")
            cluster.kill(f"driver{number}")
            start_driver()
        slow.inject()
        [ended] = cluster.wait(job)
        assert {"preparing", "verifying", "swapping"} <= set(met)
        assert ended.report is not None
        assert ended.report["products"] == len(expected.products)
        cluster.assert_all_is_in(expected)
        infos = cluster.engine.indexes()
        assert len(infos) == (2 if source == "index" else 1), "the build made more than one index"
        cluster.stop_all()


def _held_up() -> list[Fault]:
    return [Fault(path=path, latency_s=1.0) for path in _HOLDS_UP.values()]
