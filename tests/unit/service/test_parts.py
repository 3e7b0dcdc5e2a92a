"""Smaller parts: readiness, traces, figures, and the straight writer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from multirecall.core.errors import EngineUnavailable
from multirecall.engines.exact import ExactEngine
from multirecall.service.answering import FrontendAnswers
from multirecall.service.parts import ServiceOptions
from multirecall.service.readiness import Part, Readiness
from multirecall.service.tracing import OpenTelemetry
from multirecall.service.writing import StraightWriter
from tests.unit.service.shop import filled_engine, kept_open, make_app, opened_answers


@pytest.fixture
def engine() -> Iterator[ExactEngine]:
    with filled_engine() as engine:
        yield engine


@pytest.fixture
def answers(engine: ExactEngine) -> Iterator[FrontendAnswers]:
    with opened_answers(engine) as answers:
        yield answers


def no_encoder(*_: object) -> Any:
    raise AssertionError("the shop has no vectors")


def test_parts_are_asked_once_in_a_while_however_often_it_is_read() -> None:
    now, asked = [0.0], []

    def check() -> None:
        asked.append(1)
        if len(asked) > 1:
            raise EngineUnavailable("down")

    readiness = Readiness([Part(name="engine", check=check)], clock=lambda: now[0])
    assert [readiness.now().ready for _ in range(5)] == [True] * 5
    now[0] += 1.1
    assert not readiness.now().ready
    assert len(asked) == 2


def test_changes_are_applied_and_each_says_what_became_of_it(engine: ExactEngine, answers: FrontendAnswers) -> None:
    writer = StraightWriter(lambda: kept_open(engine), encoder_of=no_encoder)
    with TestClient(make_app(engine, answers, writer=writer)) as client:
        rows = [{"id": "n1", "title": "New toner"}, {"title": "no id"}, {"id": "n2"}, {"id": 7, "title": "Number"}]
        done = client.post("/v1/products", json={"products": rows}).json()
        assert [(item["id"], item["status"], item["field"]) for item in done["items"]] == [
            ("n1", "applied", ""),
            ("", "refused", "id"),
            ("n2", "refused", "title"),
            ("7", "applied", ""),
        ]
        assert (done["by"], done["applied"]) == ("straight", True)
        found = client.get("/v1/search", params={"q": "new toner"}).json()["hits"]["hits"]
        assert found[0]["id"] == "n1", "seen at once"

        updates = [{"id": "n1", "set": {"in_stock": False}}, {"id": "zz", "set": {"in_stock": True}},
                   {"id": "n1", "set": {"title": "x"}}]  # fmt: skip
        done = client.patch("/v1/products", params={"wait": "applied"}, json={"updates": updates}).json()
        assert [item["status"] for item in done["items"]] == ["applied", "missing", "refused"]
        assert client.get("/v1/products/n1").json()["in_stock"] is False

        done = client.request("DELETE", "/v1/products", json={"ids": ["n1", "zz"]}).json()
        assert [item["status"] for item in done["items"]] == ["applied", "applied"]
        assert client.get("/v1/products/n1").status_code == 404
        figures = client.get("/metrics").text
    assert 'multirecall_changes_total{status="applied"} 5.0' in figures
    assert 'multirecall_changes_total{status="refused"} 3.0' in figures


def test_figures_count_searches_by_route_and_cache(engine: ExactEngine, answers: FrontendAnswers) -> None:
    with TestClient(make_app(engine, answers)) as client:
        for query in ("toner", "copiers", "nosuchword"):
            client.post("/v1/search", json={"query": query})
        figures = client.get("/metrics").text
    for line in (
        'multirecall_search_seconds_count{cache="off",route="all"} 3.0',
        'multirecall_search_seconds_count{cache="off",route="lexical"} 3.0',
        "multirecall_empty_searches_total 1.0",
        'multirecall_requests_total{endpoint="/v1/search",method="POST",status="200"} 3.0',
    ):
        assert line in figures


def test_slow_searches_are_logged_with_their_stages_and_their_query_only_if_that_is_wanted(
    engine: ExactEngine, answers: FrontendAnswers, caplog: pytest.LogCaptureFixture
) -> None:
    for wanted in (True, False):
        caplog.clear()
        options = ServiceOptions(slow_ms=0.0, log_queries=wanted)
        with TestClient(make_app(engine, answers, options=options)) as client:
            client.post("/v1/search", json={"query": "private toner"}, headers={"x-request-id": "r-7"})
        [record] = [one for one in caplog.records if one.name == "multirecall.slow"]
        assert vars(record)["request"] == "r-7"
        assert set(vars(record)["timings_ms"]) >= {"engine", "fuse", "fetch"}
        assert (vars(record).get("query") == "private toner") is wanted


def test_a_search_is_a_span_with_its_stages_below_the_one_of_the_caller(
    engine: ExactEngine, answers: FrontendAnswers
) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    with TestClient(make_app(engine, answers, traces=OpenTelemetry(provider))) as client:
        client.post("/v1/search", json={"query": "toner"}, headers={"traceparent": f"00-{trace}-{parent}-01"})
    spans = {span.name: span for span in exporter.get_finished_spans()}
    search = spans.pop("search")
    assert f"{search.context.trace_id:032x}" == trace
    assert search.parent is not None
    assert f"{search.parent.span_id:016x}" == parent
    assert search.attributes is not None
    assert search.attributes["search.generation"] == "products-000001"
    assert {"search.engine", "search.fuse", "search.fetch"} <= set(spans)
    for span in spans.values():
        assert span.parent is not None
        assert span.parent.span_id == search.context.span_id
        assert search.start_time <= span.start_time <= span.end_time <= search.end_time  # type: ignore[operator]
