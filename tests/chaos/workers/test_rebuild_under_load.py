"""A rebuild while searches and changes go on: no search fails, no change is lost, no answer mixes two generations."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from multirecall.core.errors import MultirecallError
from multirecall.search.live import LiveSearcher
from multirecall.search.understand import understand
from multirecall.wiring.searchers import opened_live_searcher
from multirecall.workers.store.job import JobKind, JobState
from tests.chaos.workers.cluster import Cluster, Started
from tests.chaos.workers.expected import Expected
from tests.chaos.workers.shop import Shop
from tests.chaos.workers.tally import TALLY
from tests.chaos.workers.waiting import wait_for
from tests.support.engines import server_url

pytestmark = [pytest.mark.integration, pytest.mark.slow]

MARKERS = {1: "first", 2: "second"}
QUERIES = ("red lamp", "oak desk", "wireless mouse", "silent kettle", "cordless drill", "small shelf")


class _Load:
    """Searches from some threads; `failures` and `mixed` say what should not have happened."""

    def __init__(self, searcher: LiveSearcher) -> None:
        self._searcher = searcher
        self._ended = threading.Event()
        self.answered: Counter[str] = Counter()
        self.failures: list[str] = []
        self.mixed: list[str] = []
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(2)]

    @contextmanager
    def going_on(self) -> Iterator[None]:
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._ended.set()
            for thread in self._threads:
                thread.join()

    def _run(self, number: int) -> None:
        draw = random.Random(number)
        while not self._ended.wait(0.02):
            try:
                page = self._searcher.search(understand(draw.choice(QUERIES), size=10), timeout_s=10.0)
            except MultirecallError as error:
                self.failures.append(f"{type(error).__name__}: {error}")
                continue
            self.answered[page.generation] += 1
            notes = [note for note in page.notes if "deleted while the page was made" not in note]
            if page.degraded or notes or not page.hits:
                self.failures.append(f"{page.degraded} {notes} {len(page.hits)} hits")
            other = {marker for n, marker in MARKERS.items() if not page.generation.endswith(f"{n:06d}")}
            texts = [str(hit.product.get("description", "")) for hit in page.hits]
            self.mixed += [f"{page.generation}: {text}" for text in texts if text.rpartition(" ")[2] in other]


@pytest.mark.parametrize("source", ["catalogue", "index"])
def test_searches_and_changes_go_on_while_an_index_is_rebuilt(cluster: Cluster, seed: int, source: str) -> None:
    shop = Shop(seed, 400)
    for name in ("a", "b"):
        cluster.start(name)
    cluster.wait(cluster.build(shop.catalogue))
    before = cluster.engine.info().name
    changes = []
    with opened_live_searcher(cluster.settings) as searcher:
        load = _Load(searcher)
        with load.going_on():
            sent = []

            def send(n: int) -> None:
                changes.extend(more := shop.changes(n))
                sent.append(cluster.send(more))

            wait_for(lambda: load.answered[before] > 10, "searches on the first index")
            if source == "catalogue":
                rows = shop.marked(MARKERS[2])
                job = cluster.build(rows, kind=JobKind.REBUILD, encoder="hashing?dim=64")
                # what was changed before the build has begun, and is not in its source, is not meant to be in it
                wait_for(lambda: job.id in cluster.deployment.targets.all().values(), "the build to begin")
            else:
                send(40)
                rows = shop.catalogue
                job = cluster.start_job(JobKind.REBUILD, sources=[], encoder="hashing?dim=64")
            TALLY.fault("rebuild under load")
            while not cluster.job(job.id).state.over:
                send(15)
            [ended] = cluster.wait(job)
            send(40)
            after = ended.index
            wait_for(lambda: load.answered[after] > 10, "searches on the new index")
            cluster.wait(*sent)
        assert load.failures == []
        if source == "catalogue":
            assert load.mixed == []
    assert cluster.engine.info().name == after
    assert len(sent) > 3, "changes are meant to come in while it is built"
    cluster.assert_all_is_in(Expected(rows, changes))
    cluster.assert_all_is_in(Expected(shop.catalogue, changes), index=before)  # it is kept current
    back = cluster.told("rollback")
    assert back["live"] == before
    more = shop.changes(60)
    cluster.wait(cluster.send(more))
    cluster.assert_all_is_in(Expected(shop.catalogue, [*changes, *more]))
    cluster.assert_all_is_in(Expected(rows, [*changes, *more]), index=after)


def test_the_gate_keeps_a_broken_encoder_out(cluster_on: Started, seed: int, tmp_path: object) -> None:
    """Judged queries that ask for a product by its own words; vectors of 8 numbers cannot tell products apart."""
    shop = Shop(seed, 300)
    folder = cluster_on(server_url("elasticsearch"), server_url("redis")).folder
    judged = random.Random(seed).sample(shop.catalogue, 60)
    (folder / "queries.tsv").write_text("qid\tquery\n" + "".join(f"q{n}\t{r['name']}\n" for n, r in enumerate(judged)))
    lines = "".join(f"q{n}\t{row['sku']}\t3\n" for n, row in enumerate(judged))
    (folder / "judgments.tsv").write_text("qid\tdocid\tgrade\n" + lines)
    cluster = cluster_on(
        server_url("elasticsearch"),
        server_url("redis"),
        judgments=str(folder / "judgments.tsv"),
        judged_queries=str(folder / "queries.tsv"),
        routes="dense",
        fusion="rrf",
    )
    cluster.start("a")
    cluster.wait(cluster.build(shop.catalogue))
    before = cluster.engine.info().name
    job = cluster.start_job(JobKind.REBUILD, sources=[], encoder="hashing?dim=8")
    TALLY.fault("rebuild with a broken encoder")
    changes = shop.changes(60)
    sent = cluster.send(changes)
    [ended] = cluster.wait(job, state=JobState.FAILED)
    assert ended.verdict is not None
    assert not ended.verdict["passed"]
    assert "was not made live" in str(ended.error)
    assert cluster.engine.info().name == before
    cluster.wait(sent)
    cluster.assert_all_is_in(Expected(shop.catalogue, changes))
    cluster.submitter.resume(job.id, force=True)  # whoever knows better may
    [ended] = cluster.wait(job)
    assert cluster.engine.info().name == ended.index != before
    cluster.assert_all_is_in(Expected(shop.catalogue, changes))
