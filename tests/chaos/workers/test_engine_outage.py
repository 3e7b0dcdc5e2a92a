"""Elasticsearch away in mid-job: frozen, killed and back with its data, shut against writes, one node of two gone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.chaos.workers.cluster import Started
from tests.chaos.workers.expected import Expected
from tests.chaos.workers.servers import OwnServer, own_server
from tests.chaos.workers.shop import Shop
from tests.chaos.workers.tally import TALLY
from tests.chaos.workers.waiting import last, wait_for
from tests.support.engines import http_address, server_url
from tests.support.tcp_proxy import TcpProxy

pytestmark = [pytest.mark.integration, pytest.mark.slow]

AWAY_S = 20.0 if int(os.environ.get("CHAOS_ROUNDS", "1")) > 1 else 6.0


def test_a_job_goes_on_when_elasticsearch_is_back(own_elasticsearch: OwnServer, cluster_on: Started, seed: int) -> None:
    shop = Shop(seed, 400)
    cluster = cluster_on(own_elasticsearch.url, server_url("redis"))
    for name in ("a", "b"):
        cluster.start(name)
    cluster.ready()
    job = cluster.build(shop.catalogue)
    cluster.settled(job, 80)
    with own_elasticsearch.frozen():
        last(AWAY_S)
    cluster.wait(job)
    changes = shop.changes(400)

    def killing() -> Iterator[dict[str, Any]]:
        own_elasticsearch.kill()  # once the sender knows the index: nothing of this goes in before
        yield from changes[:200]

    sent = cluster.send(killing())
    wait_for(lambda: cluster.deployment.trouble.now(), "the workers to see that it is gone", told=cluster.logs)
    trouble = cluster.told("worker", "status")["trouble"]
    assert "Cannot reach" in trouble["error"]["message"]
    last(AWAY_S / 2)
    own_elasticsearch.start_again()
    cluster.wait(sent, cluster.send(changes[200:]))
    cluster.assert_all_is_in(Expected(shop.catalogue, changes))
    wait_for(lambda: cluster.deployment.trouble.now() is None, "the end of the trouble", within_s=10)
    cluster.stop_all()


def test_a_full_disk_stops_writing_and_its_release_lets_all_in(
    own_elasticsearch: OwnServer, cluster_on: Started, seed: int
) -> None:
    shop = Shop(seed, 300)
    cluster = cluster_on(own_elasticsearch.url, server_url("redis"))
    cluster.start("a")
    cluster.start("b")
    cluster.wait(cluster.build(shop.catalogue))
    index = cluster.engine.info().name
    changes = shop.changes(300)
    with httpx.Client(base_url=http_address(cluster.engine_url), timeout=30.0, trust_env=False) as http:
        block = {"index.blocks.read_only_allow_delete": True}
        http.put(f"/{index}/_settings", json=block).raise_for_status()
        TALLY.fault("write block of a full disk")
        job = cluster.send(changes)
        wait_for(lambda: cluster.deployment.trouble.now(), "the workers to see the block", told=cluster.logs)
        shown = cluster.told("jobs", "show", job.id)
        assert shown["state"] == "running"
        assert "no space left" in shown["trouble"]["error"]["message"]
        assert "no space left" in cluster.told("worker", "status")["trouble"]["error"]["message"]
        last(AWAY_S / 2)
        assert len(cluster.deployment.dead_letters) == 0
        http.put(f"/{index}/_settings", json={"index.blocks.read_only_allow_delete": None}).raise_for_status()
    cluster.wait(job)
    cluster.assert_all_is_in(Expected(shop.catalogue, changes))
    wait_for(lambda: cluster.deployment.trouble.now() is None, "the end of the trouble", within_s=10)


def test_one_of_two_nodes_is_killed(cluster_on: Started, tmp_path: Path, seed: int) -> None:
    """The one that holds the primary shard: its replica takes over. Two nodes can spare the one that is no master."""
    name = f"chaos-{os.getpid()}"
    both = {"discovery.type": "multi-node", "cluster.name": name}
    first_settings = {**both, "node.name": "first", "cluster.initial_master_nodes": "first"}
    with (
        own_server("elasticsearch", tmp_path / "first", settings=first_settings, heap_mb=768) as first,
        httpx.Client(base_url=http_address(first.url), timeout=60.0, trust_env=False) as http,
    ):
        [node] = http.get("/_nodes/_local").raise_for_status().json()["nodes"].values()
        seeds = {"discovery.seed_hosts": node["transport_address"], "node.name": "second", "node.roles": "data"}
        with (
            own_server("elasticsearch", tmp_path / "second", settings={**both, **seeds}, heap_mb=768) as second,
            TcpProxy([http_address(second.url), http_address(first.url)]) as balancer,
        ):
            _run_with_two_nodes(cluster_on, http, second, balancer, Shop(seed, 300))


def _run_with_two_nodes(
    cluster_on: Started, http: httpx.Client, second: OwnServer, balancer: TcpProxy, shop: Shop
) -> None:
    def settings(values: dict[str, object], path: str) -> None:
        http.put(path, json=values).raise_for_status()

    away = "cluster.routing.allocation.exclude._name"
    settings({"persistent": {away: "first"}}, "/_cluster/settings")  # so the primary comes to lie on the second
    cluster = cluster_on(f"elasticsearch+{balancer.url}", server_url("redis"))
    for name in ("a", "b"):
        cluster.start(name)
    cluster.wait(cluster.build(shop.catalogue))
    index = cluster.engine.info().name
    settings({"persistent": {away: None}}, "/_cluster/settings")
    settings({"index": {"auto_expand_replicas": False, "number_of_replicas": 1}}, f"/{index}/_settings")

    def shards() -> dict[tuple[str, str], str]:
        rows = http.get(f"/_cat/shards/{index}", params={"format": "json"}).raise_for_status().json()
        return {(row["prirep"], row["state"]): row["node"] for row in rows}

    expected = {("p", "STARTED"): "second", ("r", "STARTED"): "first"}
    wait_for(lambda: shards() == expected, "a replica on the first node", told=lambda: str(shards()))
    changes = shop.changes(400)
    job = cluster.send(changes[:200])
    second.kill()
    cluster.wait(job, cluster.send(changes[200:]))
    assert shards()["p", "STARTED"] == "first"
    cluster.assert_all_is_in(Expected(shop.catalogue, changes))
    cluster.close()
