"""Searches asked again in the same bytes: the same answer, as long as it is what a search would give."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from multirecall.engines.base import Delete, IndexedProduct, IndexInfo, Update, Upsert
from multirecall.engines.embedded.engine import EmbeddedEngine
from multirecall.engines.schema import Schema
from multirecall.fusion import WeightedSum
from multirecall.recall import LexicalRoute
from multirecall.search import Searcher
from multirecall.search.live import LiveSearcher
from multirecall.search.serving import Frontend
from multirecall.search.serving.cache import ListCache
from multirecall.search.serving.tokens import PageTokens
from multirecall.service.answering import FrontendAnswers
from multirecall.service.keys import ApiKey, KeyRing, Role
from multirecall.service.metrics import ServiceMetrics
from multirecall.service.parts import ServiceOptions
from tests.unit.service.shop import PRODUCTS, make_app

BODY = {"query": "toner", "facets": ["brand"], "size": 2}
DIFFER = ("request_id", "took_ms", "timings_ms", "cache")


def build(engine: EmbeddedEngine) -> str:
    index = engine.create(Schema())
    writes = [Upsert(product=IndexedProduct(id=name, fields={"id": name, **held})) for name, held in PRODUCTS.items()]
    assert all(result.ok for result in engine.write(writes, index=index))
    engine.refresh(index=index)
    return index


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Bench:
    """A service over an embedded engine, with a cache whose clock the test sets."""

    def __init__(self, folder: Path, stack: ExitStack, **others: Any) -> None:
        self.clock = Clock()
        self.engine = stack.enter_context(EmbeddedEngine.open(folder, create=True))
        self.engine.swap(build(self.engine))

        def opened(info: IndexInfo) -> Searcher:
            return Searcher(self.engine, routes=[LexicalRoute()], fusion=WeightedSum(), encoders={}, index=info.name)

        self.live = stack.enter_context(LiveSearcher(self.engine, opened, look_every_s=3600.0))
        cache = ListCache(max_bytes=1 << 20, clock=self.clock)
        self.frontend = Frontend(self.live, tokens=PageTokens(b"a secret of tests"), cache=cache)
        stack.callback(self.frontend.close)
        self.metrics = ServiceMetrics()
        app = make_app(self.engine, FrontendAnswers(self.frontend), metrics=self.metrics, **others)  # type: ignore[arg-type]
        self.client = stack.enter_context(TestClient(app))

    def write(self, write: Any) -> None:
        assert [result.ok for result in self.engine.write([write])] == [True]
        self.engine.refresh()

    def search(self, body: dict[str, Any] = BODY, **more: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.client.post("/v1/search", json=body, **more).json()
        return answer

    def warm(self) -> dict[str, Any]:
        """The answer that is known from now on."""
        self.search()
        return self.search()

    def is_known(self) -> bool:
        """Whether an answer comes from memory whole: then it tells of no record that was read."""
        return "fetch" not in self.search()["timings_ms"]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with ExitStack() as stack:
        yield Bench(tmp_path / "index", stack)


def fixed(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name not in DIFFER}


def test_the_third_answer_is_the_second_but_for_its_times(bench: Bench) -> None:
    before = bench.warm()
    assert "fetch" in before["timings_ms"]
    bench.clock.now = 2.5
    again = bench.client.post("/v1/search", json=BODY, headers={"x-request-id": "mine.1"})
    assert again.headers["content-type"] == "application/json"
    assert again.headers["x-request-id"] == "mine.1"
    assert again.headers["cache-control"] == "no-store"
    answer = again.json()
    assert list(answer["timings_ms"]) == ["cache"]
    assert fixed(answer) == fixed(before)
    assert answer["cache"] == {"status": "hit", "level": "memory", "age_ms": 2500.0}
    assert answer["request_id"] == "mine.1"
    assert list(answer)[:4] == list(before)[:4], "fields come in one order, known or not"


def test_searches_by_url_are_known_too(bench: Bench) -> None:
    url = "/v1/search?q=toner&size=2&facet=brand"
    first, _, third = (bench.client.get(url).json() for _ in range(3))
    assert list(third["timings_ms"]) == ["cache"]
    assert third["hits"] == first["hits"]


def test_what_is_written_is_seen_at_once(bench: Bench) -> None:
    [first, _] = bench.warm()["hits"]["hits"]
    assert bench.is_known()
    bench.write(Update(id=first["id"], fields={"price_minor": 123}))
    assert bench.search()["hits"]["hits"][0]["product"]["price_minor"] == 123
    assert bench.is_known()
    bench.write(Delete(id=first["id"]))
    assert bench.search()["page"]["gone"] == [first["id"]]
    assert bench.search()["page"]["gone"] == [first["id"]]


def test_another_index_answers_as_soon_as_it_is_live_here(bench: Bench) -> None:
    before = bench.warm()["generation"]
    bench.engine.swap(build(bench.engine))
    bench.live.follow()
    assert bench.search()["generation"] != before


def test_it_is_no_longer_known_than_its_list_is_fresh(bench: Bench) -> None:
    bench.warm()
    assert bench.is_known()
    bench.clock.now = bench.frontend.cache.lifetimes.settled.fresh_s  # type: ignore[union-attr]
    assert bench.search()["cache"]["status"] == "stale"


@pytest.mark.parametrize(
    "another",
    [
        {**BODY, "size": 1},
        {**BODY, "explain": True},
        {**BODY, "use_cache": False},
        {**BODY, "route_hits": 2},
    ],
)
def test_other_questions_have_other_answers(bench: Bench, another: dict[str, Any]) -> None:
    bench.warm()
    for _ in range(3):
        answer = bench.search(another)
        assert len(answer["hits"]["hits"]) == another["size"]
        assert ("explanation" in answer["hits"]["hits"][0]) == bool(another.get("explain"))
        assert ("top" in answer["routes"]["lexical"]) == bool(another.get("route_hits"))
        assert (answer["cache"]["status"] == "bypass") == (not another.get("use_cache", True))


def test_the_same_bytes_as_a_form_are_refused_all_the_same(bench: Bench) -> None:
    body = bench.client.build_request("POST", "/v1/search", json=BODY).content
    for _ in range(3):
        assert bench.client.post("/v1/search", content=body, headers={"content-type": "application/json"}).is_success
    assert bench.client.post("/v1/search", content=body, headers={"content-type": "text/plain"}).status_code == 422


def test_who_has_no_key_learns_no_answer(tmp_path: Path) -> None:
    import hashlib

    keys = KeyRing([ApiKey(name="shop", role=Role.SEARCH, digest=hashlib.sha256(b"good").digest())])
    with ExitStack() as stack:
        bench = Bench(tmp_path / "index", stack, keys=keys)
        for _ in range(3):
            assert bench.client.post("/v1/search", json=BODY, headers={"x-api-key": "good"}).is_success
        assert bench.client.post("/v1/search", json=BODY, headers={"x-api-key": "bad"}).status_code == 401


def test_they_count_as_hits_and_their_memory_is_told_and_bounded(tmp_path: Path) -> None:
    with ExitStack() as stack:
        bench = Bench(tmp_path / "index", stack, options=ServiceOptions(answers_bytes=20_000))
        for n in range(40):
            for _ in range(4):
                bench.search({**BODY, "timeout_ms": 10_000 + n})  # other bytes, the same list
        figures = bench.metrics.exposition().decode()
        assert bench.frontend.cache is not None
        assert bench.frontend.cache.counters["hit_memory"] == 159
    for line in (
        'multirecall_requests_total{endpoint="/v1/search",method="POST",status="200"} 160.0',
        'multirecall_search_seconds_count{cache="hit",route="all"} 159.0',
    ):
        assert line in figures
    [kept] = [line for line in figures.splitlines() if line.startswith("multirecall_cache_answers_bytes ")]
    assert 0 < float(kept.split()[1]) <= 20_000
