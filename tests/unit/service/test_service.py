"""The HTTP API over the exact engine: answers, problems that name the field, and readiness."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from multirecall.core.errors import EngineUnavailable, NotFound
from multirecall.engines.exact import ExactEngine
from multirecall.service.answering import FrontendAnswers
from multirecall.service.bodies import BatchResult, SearchResult
from multirecall.service.readiness import Part, Readiness
from tests.unit.service.shop import filled_engine, make_app, opened_answers


@pytest.fixture(scope="module")
def engine() -> Iterator[ExactEngine]:
    with filled_engine() as engine:
        yield engine


@pytest.fixture(scope="module")
def answers(engine: ExactEngine) -> Iterator[FrontendAnswers]:
    with opened_answers(engine) as answers:
        yield answers


@pytest.fixture(scope="module")
def client(engine: ExactEngine, answers: FrontendAnswers) -> Iterator[TestClient]:
    with TestClient(make_app(engine, answers)) as client:
        yield client


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


def test_readiness_names_the_part_that_does_not_work(engine: ExactEngine, answers: FrontendAnswers) -> None:
    def down() -> None:
        raise EngineUnavailable("secret-host:9200 is down")

    def asked(*, essential: bool) -> tuple[int, dict[str, object]]:
        parts = Readiness([Part(name="engine", check=down, essential=essential), Part(name="x", check=lambda: None)])
        with TestClient(make_app(engine, answers, readiness=parts)) as client:
            assert client.get("/healthz").json()["status"] == "ok"
            answer = client.get("/readyz")
            assert "secret-host" not in answer.text
            return answer.status_code, answer.json()

    status, body = asked(essential=True)
    assert (status, body["status"]) == (503, "not ready")
    assert body["parts"] == {"engine": "engine_unavailable", "x": "ok"}
    status, body = asked(essential=False)
    assert (status, body["status"], body["degraded"]) == (200, "ready", ["engine"])


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (EngineUnavailable("secret-host:9200 is down", retry_after_s=3), 503, "engine_unavailable"),
        (NotFound("embedded:/secret/place has no live index.", engine="embedded:/secret/place"), 503, "not_ready"),
        (RuntimeError("a secret that nobody outside should see"), 500, "internal"),
    ],
)
def test_our_own_trouble_is_told_without_its_details(
    engine: ExactEngine,
    answers: FrontendAnswers,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    status: int,
    code: str,
) -> None:
    def broken(*_: object) -> None:
        raise error

    monkeypatch.setattr(answers, "search", broken)
    with TestClient(make_app(engine, answers), raise_server_exceptions=False) as client:
        answer = client.get("/v1/search", params={"q": "toner"}, headers={"x-request-id": "mine-1"})
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:multirecall:{code}")
    assert answer.json()["request_id"] == answer.headers["x-request-id"] == "mine-1"
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    if status == 503 and code == "engine_unavailable":
        assert answer.headers["retry-after"] == "3"


def test_answers_are_as_they_are_described(client: TestClient) -> None:
    body = {"query": "“toner”", "facets": ["brand", "price:50"], "explain": True, "route_hits": 3, "size": 1}
    for answer in (
        client.post("/v1/search", json=body),
        client.post("/v1/search", json={"query": "!!"}),
        client.get("/v1/search", params={"q": "toner", "facet": ["brand"], "sort": ["price:desc"]}),
    ):
        assert answer.status_code == 200, answer.text
        found = SearchResult.model_validate_json(answer.content)
        assert found.request_id == answer.headers["x-request-id"]
    whole = SearchResult.model_validate(client.post("/v1/search", json=body).json())
    assert [one.by for one in whole.rewrites] == ["clean"]
    top = whole.routes["lexical"].top
    assert top is not None
    assert [(hit.rank, hit.id) for hit in top] == [(1, "p1"), (2, "p2"), (3, "p3")]
    assert set(whole.products) == {"p2", "p3"}, "bodies of products that only the routes' own lists name"
    assert whole.page.has_more


def test_pages_of_a_token_are_pages_of_one_list(client: TestClient) -> None:
    first = client.post("/v1/search", json={"query": "toner", "size": 1}).json()
    token = first["page"]["token"]
    seen = [
        client.post("/v1/search", json={"page_token": token, "from": start, "size": 1}).json() for start in range(3)
    ]
    assert [hit["id"] for page in seen for hit in page["hits"]["hits"]] == ["p1", "p2", "p3"]
    assert {page["hits"]["total"]["value"] for page in seen} == {3}
    assert [page["page"]["has_more"] for page in seen] == [True, True, False]
    assert client.get("/v1/search", params={"page_token": token, "from": 2}).json()["hits"]["hits"][0]["id"] == "p3"
    beside = client.post("/v1/search", json={"page_token": token, "query": "toner"})
    assert (beside.status_code, "query" in beside.json()["title"]) == (422, True)
    assert client.post("/v1/search", json={"page_token": "forged" * 5}).status_code == 422


def test_a_batch_answers_each_search_or_says_what_is_wrong_with_it(client: TestClient) -> None:
    searches = [{"query": "toner", "size": 1}, {"query": "toner", "filters": ["nosuchfield=1"]}, {"query": "copiers"}]
    answer = client.post("/v1/search/batch", json={"searches": searches})
    BatchResult.model_validate_json(answer.content)
    first, second, third = answer.json()["results"]
    assert first["hits"]["hits"][0]["id"] == "p1"
    assert (second["status"], second["field"]) == (422, "nosuchfield")
    assert [hit["id"] for hit in third["hits"]["hits"]] == ["p3"]
    assert client.post("/v1/search/batch", json={"searches": [{}] * 101}).status_code == 422


def test_explanations_add_up_and_compare(client: TestClient) -> None:
    one = client.post("/v1/explain", json={"search": {"query": "toner"}, "id": "p2"}).json()["explanation"]
    assert one["base"] + sum(share["contribution"] for share in one["shares"]) == pytest.approx(one["score"])
    two = client.post("/v1/explain", json={"search": {"query": "toner"}, "a": "p1", "b": "p3"}).json()
    assert sum(share["difference"] for share in two["differences"]) == pytest.approx(two["difference"])
    assert two["difference"] == pytest.approx(two["a"]["score"] - two["b"]["score"])
    assert client.post("/v1/explain", json={"search": {"query": "toner"}, "id": "zz"}).status_code == 404
    for body in ({"id": "p1", "a": "p2"}, {"a": "p1"}, {}):
        assert client.post("/v1/explain", json={"search": {"query": "toner"}, **body}).status_code == 422


def test_a_fusion_is_chosen_by_name_and_never_by_path(client: TestClient) -> None:
    answer = client.post("/v1/search", json={"query": "toner", "fusion": "rrf?k=60"})
    assert answer.json()["fusion"] == "RRF(k=60)"
    for fusion in ("blender:/etc/passwd", "blender:model", "rrf?k=x", "weighted_sum?nosuch=1", "../rrf"):
        answer = client.post("/v1/search", json={"query": "toner", "fusion": fusion})
        assert (answer.status_code, answer.json()["field"]) == (422, "fusion"), fusion


def test_a_product_is_found_by_its_id_or_missing(client: TestClient) -> None:
    assert client.get("/v1/products/p1").json()["title"] == "Black toner"
    missing = client.get("/v1/products/a%2Fb%20ü")
    assert (missing.status_code, missing.json()["field"]) == (404, "id")


def test_generations_are_listed(client: TestClient) -> None:
    [generation] = client.get("/v1/generations").json()["generations"]
    assert generation == {
        "index": "products-000001",
        "live": True,
        "rollback": 0,
        "products": 3,
        "bytes": 0,
        "encoders": [],
    }


def test_parts_that_are_not_there_are_503(client: TestClient) -> None:
    for method, path, body in (
        ("GET", "/v1/jobs", None),
        ("GET", "/v1/deadletters", None),
        ("POST", "/v1/events", {"queries": [{"query_id": "q", "user_query": "x"}]}),
        ("POST", "/v1/products", {"products": [{"id": "1"}]}),
    ):
        assert client.request(method, path, json=body).status_code == 503


def test_too_many_filters_and_too_long_a_body_are_refused(client: TestClient) -> None:
    answer = client.get("/v1/search", params={"q": "toner", "filter": ["brand=HP"] * 51})
    assert (answer.status_code, answer.json()["field"]) == (422, "filter")
    assert client.get("/v1/search", params={"q": "toner", "filter": [""]}).status_code == 422
    long = client.post("/v1/search", content=b'{"query": "' + b"x" * 70_000 + b'"}')
    assert long.status_code == 413
    assert long.headers["content-type"] == "application/problem+json"
    whole = client.post("/v1/search", json={"query": "toner", "filters": ["brand=" + "x" * 400] * 50})
    assert whole.status_code == 200
