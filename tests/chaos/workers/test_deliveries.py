"""Changes that come twice and in any order, and a submitter that leaves: the result is the same."""

from __future__ import annotations

import random
import signal

import orjson
import pytest

from tests.chaos.workers.cluster import Cluster
from tests.chaos.workers.expected import Expected
from tests.chaos.workers.shop import Shop, write_catalogue
from tests.chaos.workers.tally import TALLY
from tests.chaos.workers.waiting import wait_for

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def test_duplicated_and_reordered_deliveries(cluster: Cluster, seed: int) -> None:
    """All changes three times over, each time in another order and cut otherwise; each message several times."""
    shop, draw = Shop(seed, 300), random.Random(seed)
    for name in ("a", "b", "c"):
        cluster.start(name)
    cluster.wait(cluster.build(shop.catalogue))
    changes = shop.changes(300)
    announce = cluster.deployment.announce
    told: list[str] = []

    def announce_again(what: str, id: str) -> None:
        announce(what, id)
        told.append(id)
        for earlier in draw.choices(told, k=2):
            announce(what, earlier)
            TALLY.fault("message delivered again")

    cluster.deployment.announce = announce_again
    jobs = []
    for _ in range(3):
        shuffled = draw.sample(changes, len(changes))
        cuts = sorted(draw.sample(range(1, len(changes)), 4))
        for start, end in zip([0, *cuts], [*cuts, len(changes)], strict=True):
            jobs.append(cluster.send(shuffled[start:end]))
            TALLY.fault("changes sent again in another order")
    cluster.wait(*jobs)
    cluster.assert_all_is_in(Expected(shop.catalogue, changes))


def test_jobs_outlive_the_command_that_submitted_them(cluster: Cluster, seed: int) -> None:
    """Ctrl-C while it watches, and while it still sends: then what it has sent goes in, and the counts say how much."""
    shop = Shop(seed, 300)
    for name in ("a", "b"):
        cluster.start(name)
    cluster.ready()
    catalogue = write_catalogue(cluster.folder / "catalogue.jsonl", shop.catalogue)
    indexing = cluster.command("index", str(catalogue), "--mapping", str(cluster.mapping), "--workers")
    [job] = wait_for(lambda: cluster.deployment.jobs.latest(), "the job", told=indexing.text)
    cluster.settled(job, 40)
    indexing.process.send_signal(signal.SIGINT)
    TALLY.fault("Ctrl-C of a submitting command")
    assert indexing.process.wait(timeout=20) == 130, indexing.text()
    assert "goes on without this window" in indexing.text()
    cluster.wait(job)
    changes = shop.changes(1_200)
    sent = cluster.folder / "changes.jsonl"
    sent.write_bytes(b"".join(orjson.dumps(change) + b"\n" for change in changes))
    sending = cluster.command("changes", "apply", str(sent))
    wait_for(lambda: len(cluster.deployment.jobs.latest()) == 2, "the second job", told=sending.text)
    [job] = cluster.deployment.jobs.latest(size=1)
    cluster.settled(job, 100)
    sending.process.send_signal(signal.SIGINT)
    TALLY.fault("Ctrl-C of a submitting command")
    assert sending.process.wait(timeout=20) != 0
    [ended] = cluster.wait(job)
    assert ended.counts["planned"] > 0
    cluster.wait(cluster.send(changes))  # whoever does not know what was taken sends it all again
    cluster.assert_all_is_in(Expected(shop.catalogue, changes))
