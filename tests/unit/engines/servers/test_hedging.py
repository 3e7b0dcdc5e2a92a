"""Hedging: what is late, how often it may be asked again, and whose answer is taken."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from multirecall.core.errors import EngineUnavailable, InvalidSettings
from multirecall.engines.servers.elasticsearch import ElasticsearchDialect
from multirecall.engines.servers.engine import _check_same
from multirecall.engines.servers.hedging import HedgedReads, HedgeLimits
from multirecall.engines.servers.transport import Answer

WAIT_S = 60.0


class Node:
    """Answers with its name, once it may."""

    def __init__(self, name: str) -> None:
        self.name, self.asked = name, 0
        self.may = threading.Event()
        self.may.set()
        self.was_asked = threading.Event()
        self.trouble: Exception | None = None
        self.timeouts: list[float | None] = []

    def send(self, method: str, path: str, *, timeout_s: float | None = None, **request: Any) -> str:
        self.asked += 1
        self.timeouts.append(timeout_s)
        self.was_asked.set()
        assert self.may.wait(WAIT_S)
        if self.trouble is not None:
            raise self.trouble
        return self.name


@pytest.fixture
def nodes() -> Iterator[tuple[Node, Node, HedgedReads]]:
    first, second = Node("first"), Node("second")

    def late_at_once() -> HedgeLimits:
        limits = HedgeLimits()
        for _ in range(20):
            limits.patience_s()
            limits.answered(0.0)
        return limits

    reads = HedgedReads(first, second, limits=late_at_once)  # type: ignore[arg-type]
    yield first, second, reads
    for node in (first, second):
        node.may.set()
    reads.close()


def test_late_is_what_takes_longer_than_95_of_100_and_nothing_is_before_20() -> None:
    limits = HedgeLimits()
    for n in range(19):
        assert limits.patience_s() is None
        limits.answered(float(n))
    limits.answered(19.0)
    assert limits.patience_s() == 19.0
    for n in range(100):
        limits.answered(float(n))
    assert limits.patience_s() == 95.0
    for _ in range(100):
        limits.answered(3.0)
    assert limits.patience_s() == 3.0, "of the last hundred"


def test_no_more_than_one_of_twenty_is_asked_again_and_five_are_saved_at_most() -> None:
    limits = HedgeLimits()
    again = 0
    for _ in range(1_000):
        limits.patience_s()
        again += limits.may_ask_again()
    assert again == pytest.approx(1_000 * 0.05, abs=1)
    for _ in range(1_000):
        limits.patience_s()
    assert sum(limits.may_ask_again() for _ in range(20)) == 5


def test_the_second_answers_while_the_first_is_late(nodes: tuple[Node, Node, HedgedReads]) -> None:
    first, second, reads = nodes
    first.may.clear()
    assert reads.send("POST", "/x/_msearch", timeout_s=30.0) == "second"
    assert (first.asked, second.asked) == (1, 1)
    assert second.timeouts[0] is not None
    assert second.timeouts[0] <= 30.0
    assert reads.counts == {"sent": 1, "won": 1, "unaffordable": 0}


def test_who_fails_is_not_taken_if_the_other_answers(nodes: tuple[Node, Node, HedgedReads]) -> None:
    first, second, reads = nodes
    first.may.clear()
    second.trouble = EngineUnavailable("gone")
    answers: list[str] = []
    asking = threading.Thread(target=lambda: answers.append(reads.send("POST", "/x/_msearch")))
    asking.start()
    assert second.was_asked.wait(WAIT_S)
    first.may.set()
    asking.join(WAIT_S)
    assert answers == ["first"]
    assert reads.counts["won"] == 0


def test_if_both_fail_the_first_one_is_told(nodes: tuple[Node, Node, HedgedReads]) -> None:
    first, second, reads = nodes
    first.may.clear()
    first.trouble, second.trouble = EngineUnavailable("the first is gone"), EngineUnavailable("so is the second")
    threading.Thread(target=lambda: (second.was_asked.wait(WAIT_S), first.may.set())).start()
    with pytest.raises(EngineUnavailable, match="the first"):
        reads.send("POST", "/x/_msearch")


def test_a_first_that_is_soon_answers_alone_and_so_does_one_that_nothing_is_known_of() -> None:
    first, second = Node("first"), Node("second")

    def patient() -> HedgeLimits:
        limits = HedgeLimits()
        for _ in range(20):
            limits.patience_s()
            limits.answered(WAIT_S)
        return limits

    for limits in (patient, HedgeLimits):
        reads = HedgedReads(first, second, limits=limits)  # type: ignore[arg-type]
        assert [reads.send("POST", "/x/_mget") for _ in range(3)] == ["first"] * 3
        assert reads.counts == {"sent": 0, "won": 0, "unaffordable": 0}
        reads.close()
    assert second.asked == 0


def test_what_cannot_be_afforded_waits_for_the_first(nodes: tuple[Node, Node, HedgedReads]) -> None:
    first, second, reads = nodes
    first.may.clear()
    assert reads.send("POST", "/x/_msearch") == "second"  # twenty reads had saved one
    answers: list[str] = []
    asking = threading.Thread(target=lambda: answers.append(reads.send("POST", "/x/_msearch")))
    asking.start()
    while not reads.counts["unaffordable"]:
        assert asking.is_alive()
    first.may.set()
    asking.join(WAIT_S)
    assert answers == ["first"]
    assert second.asked == 1


def test_threads_that_all_wait_leave_the_asking_to_the_caller(nodes: tuple[Node, Node, HedgedReads]) -> None:
    _, second, reads = nodes
    while reads._room.acquire(blocking=False):
        pass
    assert reads.send("POST", "/x/_msearch") == "first"
    assert second.asked == 0


class Answers:
    """A server that says which cluster it is of, or does not answer."""

    url = "elasticsearch+http://second:9200"

    def __init__(self, cluster: str) -> None:
        self.cluster = cluster

    def exchange(self, method: str, path: str) -> Answer:
        if not self.cluster:
            raise EngineUnavailable("away")
        body = {"version": {"number": "9.0.0"}, "cluster_uuid": self.cluster}
        return Answer(status=200, body=body, headers={"x-elastic-product": "Elasticsearch"})


def test_the_second_node_is_of_the_same_cluster_or_away() -> None:
    dialect = ElasticsearchDialect()
    for cluster in ("one", ""):
        _check_same(Answers(cluster), dialect, "one")  # type: ignore[arg-type]
    with pytest.raises(InvalidSettings, match="another cluster") as caught:
        _check_same(Answers("two"), dialect, "one")  # type: ignore[arg-type]
    assert caught.value.data["field"] == "engine_second_url"


def test_without_a_free_thread_nothing_is_sent_and_what_was_saved_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("multirecall.engines.servers.hedging._THREADS", 1)
    first, second = Node("first"), Node("second")
    limits = HedgeLimits()
    for _ in range(20):
        limits.patience_s()
        limits.answered(0.0)
    reads = HedgedReads(first, second, limits=lambda: limits)  # type: ignore[arg-type]
    first.may.clear()
    answers: list[str] = []
    asking = threading.Thread(target=lambda: answers.append(reads.send("POST", "/x/_msearch")))
    asking.start()
    assert first.was_asked.wait(WAIT_S)
    first.may.set()
    asking.join(WAIT_S)
    reads.close()
    assert answers == ["first"]
    assert second.asked == reads.counts["sent"] == 0
    assert limits.may_ask_again()
