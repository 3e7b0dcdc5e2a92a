"""The OpenAPI document says the truth: its examples run, errors and keys are in it, and it is what the code makes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from multirecall.engines.exact import ExactEngine
from multirecall.service.event_store import EventStore
from multirecall.service.writing import StraightWriter
from tests.unit.service.shop import filled_engine, kept_open, make_app, opened_answers


def no_encoder(*_: object) -> Any:
    raise AssertionError("the shop has no vectors")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    engine: ExactEngine
    with filled_engine() as engine, opened_answers(engine) as answers:
        app = make_app(
            engine,
            answers,
            writer=StraightWriter(lambda: kept_open(engine), encoder_of=no_encoder),
            events=EventStore(tmp_path_factory.mktemp("events"), day_bytes=1 << 20, keep_days=1),
        )
        with TestClient(app) as client:
            yield client


@pytest.fixture(scope="module")
def document(client: TestClient) -> dict[str, Any]:
    described: dict[str, Any] = client.get("/openapi.json").json()
    return described


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def schema_of(document: dict[str, Any], operation: dict[str, Any]) -> dict[str, Any]:
    body = operation["requestBody"]["content"]["application/json"]["schema"]
    found: dict[str, Any] = document["components"]["schemas"][body["$ref"].rpartition("/")[2]]
    return found


def test_every_body_has_an_example_and_every_example_is_taken(client: TestClient, document: dict[str, Any]) -> None:
    tried = 0
    for method, path, operation in operations(document):
        if "requestBody" not in operation:
            continue
        examples = schema_of(document, operation)["examples"]
        assert examples, path
        for example in examples:
            answer = client.request(method, path, json=example)
            # The products of the examples are not this shop's: an explanation may say so, and nothing else may fail.
            expected = (200, 404) if path == "/v1/explain" else (200,)
            assert answer.status_code in expected, (path, answer.text)
            tried += 1
    assert tried >= 8


def test_every_endpoint_says_what_it_does_and_which_problems_it_answers_with(document: dict[str, Any]) -> None:
    for _, path, operation in operations(document):
        assert operation["summary"], path
        assert operation["description"], path
        if not path.startswith("/v1/"):
            continue
        assert {"401", "403", "422", "429", "500", "503"} <= set(operation["responses"]), path
        for status, response in operation["responses"].items():
            if status != "200":
                [content] = response["content"].items()
                assert content == ("application/problem+json", {"schema": {"$ref": "#/components/schemas/Problem"}})


def test_keys_are_described_and_asked_for_where_they_are_needed(document: dict[str, Any]) -> None:
    schemes = document["components"]["securitySchemes"]
    assert {scheme["type"] for scheme in schemes.values()} == {"http", "apiKey"}
    for _, path, operation in operations(document):
        named = {name for one in operation.get("security", []) for name in one}
        assert named == (set(schemes) if path.startswith("/v1/") or path == "/metrics" else set()), path


def test_every_value_that_comes_in_is_bounded(document: dict[str, Any]) -> None:
    """A text, list or number without a bound is a way to fill memory."""
    bodies = [
        name
        for name in document["components"]["schemas"]
        if name.endswith("Body") or name.startswith(("Ubi", "UpdateIn"))
    ]
    assert len(bodies) >= 8
    for name in bodies:
        schema = document["components"]["schemas"][name]
        assert schema["additionalProperties"] is False, name
        for field, value in schema["properties"].items():
            for one in value.get("anyOf", [value]):
                match one.get("type"):
                    case "string":
                        assert {"maxLength", "pattern"} & set(one), (name, field)
                    case "array":
                        assert "maxItems" in one, (name, field)
                    case "integer" | "number":
                        assert {"maximum", "exclusiveMaximum"} & set(one), (name, field)
