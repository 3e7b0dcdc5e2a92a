"""The HTTP API over the exact engine: answers, problems that name the field, and readiness."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from multirecall.core.errors import EngineUnavailable, NotFound
from multirecall.engines.base import IndexedProduct, IndexInfo, Upsert
from multirecall.engines.exact import ExactEngine
from multirecall.engines.schema import Schema
from multirecall.fusion import WeightedSum
from multirecall.recall import LexicalRoute
from multirecall.search import Searcher
from multirecall.search.live import LiveSearcher
from multirecall.service.app import make_service

PRODUCTS = {
    "p1": {"title": "Black toner", "brand": "HP", "price_minor": 4_999},
    "p2": {"title": "Cyan toner", "brand": "HP", "price_minor": 5_999},
    "p3": {"title": "Toner for copiers", "brand": "Brother", "price_minor": 1_000},
}


@pytest.fixture(scope="module")
def engine() -> Iterator[ExactEngine]:
    with ExactEngine(name="products") as engine:
        index = engine.create(Schema())
        writes = [
            Upsert(product=IndexedProduct(id=name, fields={"id": name, **fields})) for name, fields in PRODUCTS.items()
        ]
        assert all(result.ok for result in engine.write(writes, index=index))
        engine.refresh(index=index)
        engine.swap(index)
        yield engine


@pytest.fixture(scope="module")
def searcher(engine: ExactEngine) -> Iterator[LiveSearcher]:
    def open_generation(info: IndexInfo) -> Searcher:
        return Searcher(engine, routes=[LexicalRoute()], fusion=WeightedSum(), encoders={}, index=info.name)

    with LiveSearcher(engine, open_generation) as searcher:
        yield searcher


@pytest.fixture(scope="module")
def client(searcher: LiveSearcher) -> TestClient:
    app = make_service(searcher, checks={"engine": lambda: None}, minor_units=2)
    return TestClient(app, raise_server_exceptions=False)


def test_a_search_gives_products_with_their_sources_and_the_generation(client: TestClient) -> None:
    body = {"query": "toner", "filters": ["brand=HP"], "facets": ["brand", "price:50"], "size": 1}
    answer = client.post("/v1/search", json=body).json()
    assert answer["hits"]["total"] == {"value": 2, "relation": "exact"}
    [hit] = answer["hits"]["hits"]
    assert hit["rank"] == 1
    assert hit["product"]["brand"] == "HP"
    assert [source["route"] for source in hit["sources"]] == ["lexical"]
    assert answer["generation"] == "products-000001"
    assert answer["routes"]["lexical"]["status"] == "ok"
    assert answer["aggregations"]["brand"]["buckets"] == [{"key": "HP", "count": 2}]
    assert [b["count"] for b in answer["aggregations"]["price_minor"]["buckets"]] == [1, 1]


def test_a_search_explains_its_scores_when_asked_and_only_then(client: TestClient) -> None:
    plain, explained = (
        client.post("/v1/search", json={"query": "toner", "explain": wanted}).json()["hits"]["hits"]
        for wanted in (False, True)
    )
    assert all("explanation" not in hit for hit in plain)
    for hit in explained:
        shares = hit["explanation"]["shares"]
        assert [share["name"] for share in shares] == ["lexical"]
        assert hit["explanation"]["base"] + sum(s["contribution"] for s in shares) == pytest.approx(hit["score"])


def test_get_and_post_give_the_same(client: TestClient) -> None:
    got = client.get("/v1/search", params={"q": "toner", "filter": ["price<=20"], "from": 0, "size": 5}).json()
    posted = client.post("/v1/search", json={"query": "toner", "filters": ["price<=20"], "size": 5}).json()
    assert got["hits"] == posted["hits"]
    assert [hit["id"] for hit in got["hits"]["hits"]] == ["p3"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"query": "toner", "size": 0}, "size"),
        ({"query": "toner", "from": -1}, "from"),
        ({"query": "toner", "from": 999, "size": 500}, "size"),
        ({"query": "toner", "filters": ["colour"]}, None),
        ({"query": "toner", "filters": ["nosuchfield=1"]}, "nosuchfield"),
        ({"query": "toner", "pages": 3}, "pages"),
        ({"query": 7}, "query"),
    ],
)
def test_a_wrong_body_is_a_problem_that_names_the_field(
    client: TestClient, body: dict[str, object], field: str | None
) -> None:
    answer = client.post("/v1/search", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == 422
    assert problem["title"]
    if field is not None:
        assert problem["field"] == field


def test_no_json_and_no_such_page_are_problems_too(client: TestClient) -> None:
    assert client.post("/v1/search", content=b"{").status_code == 422
    missing = client.get("/nothing")
    assert missing.status_code == 404
    assert missing.headers["content-type"] == "application/problem+json"


def test_readiness_names_the_part_that_does_not_work(searcher: LiveSearcher) -> None:
    def down() -> None:
        raise EngineUnavailable("secret-host:9200 is down")

    client = TestClient(make_service(searcher, checks={"engine": down}, minor_units=2))
    assert client.get("/healthz").json()["status"] == "ok"
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["parts"] == {"engine": "engine_unavailable"}
    assert "secret-host" not in answer.text


def test_an_engine_that_is_down_is_told_without_its_address(
    searcher: LiveSearcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object, **__: object) -> None:
        raise EngineUnavailable("secret-host:9200 is down", retry_after_s=3)

    monkeypatch.setattr(searcher, "search", down)
    client = TestClient(make_service(searcher, checks={}, minor_units=2), raise_server_exceptions=False)
    answer = client.get("/v1/search", params={"q": "toner"})
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "3"
    assert "secret-host" not in answer.text


def test_without_an_index_a_search_says_so_and_not_where_the_engine_is(
    searcher: LiveSearcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object, **__: object) -> None:
        raise NotFound("embedded:/secret/place has no live index.", engine="embedded:/secret/place")

    monkeypatch.setattr(searcher, "search", missing)
    answer = TestClient(make_service(searcher, checks={}, minor_units=2)).get("/v1/search", params={"q": "toner"})
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:multirecall:not_ready")
    assert "secret" not in answer.text


def test_an_unexpected_failure_shows_no_trace(searcher: LiveSearcher, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a detail that nobody outside should see")

    monkeypatch.setattr(searcher, "search", broken)
    client = TestClient(make_service(searcher, checks={}, minor_units=2), raise_server_exceptions=False)
    answer = client.get("/v1/search", params={"q": "toner"})
    assert answer.status_code == 500
    assert "nobody outside" not in answer.text
    assert answer.json()["type"] == "urn:multirecall:internal"


def test_the_description_has_an_example(client: TestClient) -> None:
    described = client.get("/openapi.json").json()
    assert described["components"]["schemas"]["SearchBody"]["examples"]
    assert {"/v1/search", "/healthz", "/readyz"} <= set(described["paths"])


def test_too_many_filters_and_too_long_a_body_are_refused(client: TestClient) -> None:
    answer = client.get("/v1/search", params={"q": "toner", "filter": ["brand=HP"] * 51})
    assert (answer.status_code, answer.json()["field"]) == (422, "filter")
    assert client.get("/v1/search", params={"q": "toner", "filter": [""]}).status_code == 422
    long = client.post("/v1/search", content=b'{"query": "' + b"x" * 70_000 + b'"}')
    assert long.status_code == 413
    assert long.headers["content-type"] == "application/problem+json"
    whole = client.post("/v1/search", json={"query": "toner", "filters": ["brand=" + "x" * 400] * 50})
    assert whole.status_code == 200
