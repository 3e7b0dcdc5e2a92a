"""Every call of the client is an endpoint of the service, with the parameters and the roles that it describes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from multirecall_client import Delete, Search, Update, Upsert, calls
from multirecall_client.bulk import Chunker
from multirecall_client.calls import Call
from multirecall_client.changes import Change
from tests.unit.service.shop import filled_engine, make_app, opened_answers


def bulk_call(change: Change) -> Call[Any]:
    chunker = Chunker()
    chunker.add(change)
    [chunk] = chunker.rest()
    return chunk.call(chunk.pieces, "applied")


CALLS: list[tuple[Call[Any], str]] = [
    (calls.search(Search()), "/v1/search"),
    (calls.batch(["toner"]), "/v1/search/batch"),
    (calls.suggest("to", 3), "/v1/suggest"),
    (calls.product("p1"), "/v1/products/{id}"),
    (calls.explain(Search(), {"id": "p1"}), "/v1/explain"),
    (calls.events([], []), "/v1/events"),
    (calls.generations(), "/v1/generations"),
    (calls.jobs(3), "/v1/jobs"),
    (calls.dead_letters(0, 3), "/v1/deadletters"),
    (calls.health(), "/healthz"),
    (calls.ready(), "/readyz"),
    (bulk_call(Upsert({})), "/v1/products"),
    (bulk_call(Update("p1", {})), "/v1/products"),
    (bulk_call(Delete("p1")), "/v1/products"),
]


@pytest.fixture(scope="module")
def described() -> Iterator[dict[str, Any]]:
    with filled_engine() as engine, opened_answers(engine) as answers:
        yield make_app(engine, answers).openapi()["paths"]


@pytest.mark.parametrize(("call", "path"), CALLS, ids=lambda value: value if isinstance(value, str) else value.method)
def test_a_call_is_an_endpoint(call: Call[Any], path: str, described: dict[str, Any]) -> None:
    assert call.path == path.replace("{id}", "p1")
    endpoint = described[path][call.method.lower()]
    known = {one["name"] for one in endpoint.get("parameters", ()) if one["in"] == "query"}
    assert set(call.params) <= known
    assert ("requestBody" in endpoint) == (call.body is not None)


def test_every_endpoint_has_its_call(described: dict[str, Any]) -> None:
    known = {(path, method) for path, methods in described.items() for method in methods}
    covered = {(path, call.method.lower()) for call, path in CALLS}
    # Searching by URL is for people, figures are for Prometheus.
    assert {one for one in known - covered if one[0].startswith("/v1/")} == {("/v1/search", "get")}
