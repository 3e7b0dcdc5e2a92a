"""kill -9 of workers in mid-batch: each batch is done by somebody, and no healthy product becomes a dead letter."""

from __future__ import annotations

import random

import pytest

from tests.chaos.workers.cluster import Cluster
from tests.chaos.workers.expected import Expected
from tests.chaos.workers.shop import Shop
from tests.chaos.workers.tally import TALLY

pytestmark = [pytest.mark.integration, pytest.mark.slow]

KILLS = 8


def test_a_worker_that_is_killed_again_and_again_loses_nothing(cluster: Cluster, seed: int) -> None:
    shop, draw = Shop(seed, 500), random.Random(seed)
    for name in ("a", "b"):
        cluster.start(name)
    cluster.ready()
    job = cluster.build(shop.catalogue)
    for kill in range(KILLS):
        cluster.settled(job, draw.randrange(30, 60) * (kill + 1))
        victim = draw.choice(("a", "b"))
        if kill % 3 == 2:
            cluster.workers[victim].kill_child()
            TALLY.fault("kill -9 of a worker's child")
            continue
        cluster.kill(victim)
        TALLY.fault("kill -9 of a worker")
        cluster.start(victim)
    cluster.wait(job)
    changes = shop.changes(600)
    sent = cluster.send(changes[:300])
    cluster.kill("a")
    TALLY.fault("kill -9 of a worker")
    cluster.wait(sent, cluster.send(changes[300:]))
    cluster.assert_all_is_in(Expected(shop.catalogue, changes))


def test_when_all_workers_are_killed_new_ones_go_on(cluster: Cluster, seed: int) -> None:
    shop = Shop(seed, 600)
    for name in ("a", "b", "c"):
        cluster.start(name)
    cluster.ready()
    job = cluster.build(shop.catalogue)
    for kill in (1, 2):
        cluster.settled(job, 150 * kill)
        for name in ("a", "b", "c"):
            cluster.kill(name)
            TALLY.fault("kill -9 of a worker")
        for name in ("a", "b", "c"):
            cluster.start(name)
    cluster.wait(job)
    changes = shop.changes(200)
    cluster.wait(cluster.send(changes))
    cluster.assert_all_is_in(Expected(shop.catalogue, changes))
