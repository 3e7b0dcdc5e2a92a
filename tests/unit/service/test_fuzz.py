"""Whatever a body holds, the answer is an answer or a problem of the sender's: never a 500."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from multirecall.service.bodies import Problem, SearchResult
from tests.unit.service.shop import filled_engine, make_app, opened_answers

FIELDS = [
    "brand",
    "price",
    "in_stock",
    "category",
    "popularity",
    "version",
    "colour",
    "id",
    "updated_at",
    "",
    "price_minor",
]
texts = st.text(max_size=30) | st.sampled_from(
    ["toner", "HP", "\x00", "\ud800", "𝕥𝕠𝕟𝕖𝕣", "a" * 400, "*", "|", "1e999", "nan", "-0"]
)
expressions = st.builds(
    lambda field, op, value: f"{field}{op}{value}",
    st.sampled_from(FIELDS) | texts,
    st.sampled_from(["=", "!=", "<=", ">=", "<", ">", ":", "==", ""]),
    texts | st.integers().map(str) | st.floats().map(str) | st.sampled_from(["asc", "desc", "5", "1,2,3", "9,1", "0"]),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
bodies = st.fixed_dictionaries(
    {},
    optional={
        "query": texts,
        "filters": st.lists(expressions, max_size=4),
        "facets": st.lists(expressions, max_size=3),
        "sort": st.lists(expressions, max_size=3),
        "from": st.integers(-2, 1200),
        "size": st.integers(-2, 1200),
        "timeout_ms": st.integers(-1, 70_000),
        "explain": st.booleans(),
        "routes": st.lists(st.sampled_from(["lexical", "dense", "none"]), max_size=3),
        "fusion": st.sampled_from(
            ["default", "rrf", "rrf?k=0", "rrf?k=60", "weighted_sum?dense=2", "weighted_sum?lexical=-1"]
        )
        | texts,
        "use_cache": st.booleans(),
        "route_hits": st.integers(-1, 120),
        "page_token": texts,
    },
) | st.dictionaries(st.sampled_from(["query", "filters", "size", "x"]) | texts, json_values, max_size=4)


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with (
        filled_engine() as engine,
        opened_answers(engine) as answers,
        TestClient(make_app(engine, answers), raise_server_exceptions=False) as client,
    ):
        yield client


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=bodies)
def test_no_search_body_breaks_the_service(client: TestClient, body: dict[str, object]) -> None:
    import json

    answer = client.post("/v1/search", content=json.dumps(body), headers={"content-type": "application/json"})
    assert answer.status_code in (200, 422), (answer.status_code, answer.text)
    if answer.status_code == 200:
        SearchResult.model_validate_json(answer.content)
    else:
        problem = Problem.model_validate_json(answer.content)
        assert problem.title
        assert problem.request_id == answer.headers["x-request-id"]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=60) | texts.map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_no_bytes_break_the_service(client: TestClient, content: bytes) -> None:
    for path in ("/v1/search", "/v1/search/batch", "/v1/explain", "/v1/events", "/v1/products"):
        answer = client.post(path, content=content, headers={"content-type": "application/json"})
        if (path, answer.status_code) == ("/v1/search", 200):  # `{}` is a search: for the most popular products
            continue
        assert answer.status_code == 422, (path, answer.text)
        Problem.model_validate_json(answer.content)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(typed=st.text(max_size=60), size=st.integers(1, 50))
def test_no_text_breaks_completions(client: TestClient, typed: str, size: int) -> None:
    answer = client.get("/v1/suggest", params={"q": typed.encode("utf-8", "replace").decode(), "size": size})
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["suggestions"]) <= size
