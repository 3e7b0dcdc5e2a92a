"""Connections that break while the engine answers: what was written unconfirmed is written again, to no effect."""

from __future__ import annotations

import random

import pytest

from tests.chaos.workers.cluster import Started
from tests.chaos.workers.expected import Expected
from tests.chaos.workers.shop import Shop
from tests.chaos.workers.tally import TALLY
from tests.support.engines import http_address, server_url
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.tcp_proxy import TcpProxy

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def test_bulk_answers_that_break_off_in_the_middle(cluster_on: Started, seed: int) -> None:
    shop, draw = Shop(seed, 400), random.Random(seed)
    with TcpProxy([http_address(server_url("elasticsearch"))]) as wire:
        cluster = cluster_on(f"elasticsearch+{wire.url}", server_url("redis"))
        for name in ("a", "b"):
            cluster.start(name)
        cluster.ready()
        wire.cut(6, b"/_bulk")
        job = cluster.build(shop.catalogue)
        for least in (100, 200, 300):
            cluster.settled(job, least)
            TALLY.fault("all connections dropped")
            wire.drop_all()
        cluster.wait(job)
        changes = shop.changes(400)
        wire.cut(draw.randrange(5, 9), b"/_bulk")
        cluster.wait(cluster.send(changes))
        wire.cut(0, b"")
        TALLY.fault("bulk answer cut in the middle", wire.cuts)
        assert wire.cuts >= 8, "the cuts are meant to hit"
        cluster.assert_all_is_in(Expected(shop.catalogue, changes))
        cluster.close()


def test_an_engine_that_is_overloaded_or_behind_a_broken_gateway(cluster_on: Started, seed: int) -> None:
    shop = Shop(seed, 300)
    with FaultProxy(http_address(server_url("elasticsearch"))) as gateway:
        cluster = cluster_on(f"elasticsearch+{gateway.url}", server_url("redis"))
        for name in ("a", "b"):
            cluster.start(name)
        cluster.ready()
        gateway.inject(
            Fault(path="/_bulk", status=429, retry_after_s=1, times=4),
            Fault(path="/_bulk", after=4, times=6, drop="answer"),
            Fault(path="/_bulk", after=10, times=6, status=503),
            Fault(path="/_mget", times=4, drop="request"),
        )
        cluster.wait(cluster.build(shop.catalogue))
        changes = shop.changes(300)
        gateway.inject(Fault(path="/_bulk", status=502, times=8), Fault(path="/_bulk", after=4, times=6, drop="answer"))
        cluster.wait(cluster.send(changes))
        gateway.inject()
        bad = [seen for seen in gateway.seen if seen.status in (None, 429, 502, 503)]
        TALLY.fault("request refused or dropped by a gateway", len(bad))
        cluster.assert_all_is_in(Expected(shop.catalogue, changes))
        cluster.close()
