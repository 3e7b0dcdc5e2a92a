"""A poison product in every batch: exactly those become dead letters, all others go in."""

from __future__ import annotations

import pytest

from tests.chaos.workers.cluster import Cluster, Started
from tests.chaos.workers.deadly_worker import BREAKS, KILLS
from tests.chaos.workers.expected import Expected
from tests.chaos.workers.shop import Shop
from tests.chaos.workers.tally import TALLY
from tests.support.engines import server_url

pytestmark = [pytest.mark.integration, pytest.mark.slow]

ROWS = 16


@pytest.fixture
def deadly(cluster_on: Started) -> Cluster:
    """Two workers that some texts kill."""
    cluster = cluster_on(server_url("elasticsearch"), server_url("redis"), batch_rows=str(ROWS), max_backoff_s="0.5")
    for name in ("a", "b"):
        cluster.start(name, module="tests.chaos.workers.deadly_worker")
    cluster.start("c", queues="jobs", concurrency=1)
    cluster.ready()
    return cluster


def test_a_catalogue_with_poison_in_every_batch(deadly: Cluster, seed: int) -> None:
    shop = Shop(seed, ROWS * 4)
    rows, poisoned = [dict(row) for row in shop.catalogue], []
    for number in range(0, len(rows), ROWS):
        row = rows[number + (5 * number // ROWS + seed) % ROWS]
        row["text"] = f"{row['text']} {KILLS if number // ROWS % 2 else BREAKS}"
        poisoned.append(row["sku"])
        TALLY.fault("poison product")
    job = deadly.build(rows)
    [ended] = deadly.wait(job)
    assert ended.counts["failed"] == len(poisoned)
    healthy = [row for row in shop.catalogue if row["sku"] not in poisoned]
    deadly.assert_all_is_in(Expected(healthy), dead=poisoned)
    letters = {letter.item.id: letter.error for letter in deadly.deployment.dead_letters.all()}
    assert all("the encoder cannot read this" in letters[name] for name in poisoned[::2])
    assert all("died" in letters[name] for name in poisoned[1::2])


def test_changes_with_poison_among_them(deadly: Cluster, seed: int) -> None:
    shop = Shop(seed, 60)
    deadly.wait(deadly.build(shop.catalogue))
    changes = shop.changes(90)
    wrong = [
        shop.poison("q1", text=f"a text that {KILLS}"),
        shop.poison("q2", text=f"a text that {BREAKS}"),
        {"op": "update", "id": "nobody", "fields": {"in_stock": True}, "version": 5},
    ]
    mixed = [*changes[:20], wrong[0], *changes[20:40], wrong[1], *changes[40:60], wrong[2], *changes[60:]]
    TALLY.fault("poison product", len(wrong))
    [ended] = deadly.wait(deadly.send(mixed))
    assert ended.counts["failed"] == len(wrong)
    deadly.assert_all_is_in(Expected(shop.catalogue, changes), dead=["q1", "q2", "nobody"])
