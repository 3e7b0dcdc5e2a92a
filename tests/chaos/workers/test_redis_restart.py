"""Redis killed in mid-job, with its persistence on: jobs, batches and messages are there again, and go on."""

from __future__ import annotations

from functools import partial

import pytest

from tests.chaos.workers.cluster import Started
from tests.chaos.workers.expected import Expected
from tests.chaos.workers.processes import Command
from tests.chaos.workers.servers import OwnServer
from tests.chaos.workers.shop import Shop
from tests.chaos.workers.waiting import last, wait_for
from tests.support.engines import server_url

pytestmark = [pytest.mark.integration, pytest.mark.slow]

LONGER_THAN_A_LEASE_S = 3.0


def _met_the_outage(worker: Command) -> bool:
    return "the sweep could not do its work" in worker.text() or not worker.runs


def test_a_job_goes_on_when_redis_is_back(own_redis: OwnServer, cluster_on: Started, seed: int) -> None:
    shop = Shop(seed, 400)
    cluster = cluster_on(server_url("elasticsearch"), own_redis.url)
    for name in ("a", "b"):
        cluster.start(name)
    cluster.ready()
    job = cluster.build(shop.catalogue)
    cluster.settled(job, 80)
    own_redis.kill()
    own_redis.start_again()
    cluster.settled(job, 200)
    own_redis.kill()  # and now for so long that every worker meets it
    for worker in cluster.workers.values():
        met = partial(_met_the_outage, worker)
        wait_for(met, "a sweep without Redis", within_s=120, told=worker.tail)
        assert worker.runs, worker.tail()
    own_redis.start_again()
    cluster.wait(job)
    changes = shop.changes(400)
    sent = cluster.send(changes[:200])
    own_redis.kill()
    own_redis.start_again()
    rest = cluster.send(changes[200:])
    with own_redis.frozen():  # nothing is lost, but all leases end while those who hold them are at work
        last(LONGER_THAN_A_LEASE_S)
    cluster.wait(sent, rest)
    cluster.assert_all_is_in(Expected(shop.catalogue, changes))
    cluster.stop_all()
