"""A server that is down, slow, overloaded, locked, or not what its URL says; through a proxy that misbehaves."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import httpx
import pytest

from multirecall.core.deadline import Deadline
from multirecall.core.errors import EngineAuthError, EngineUnavailable, InvalidInput, InvalidSettings, NotFound
from multirecall.core.ranking import RouteStatus
from multirecall.engines.base import Engine, EngineRequest, Everything, WriteStatus
from multirecall.engines.credentials import Credentials
from multirecall.engines.opening import EngineAccess, open_engine
from multirecall.engines.schema import Schema
from multirecall.engines.servers.bulk import BulkLimits
from multirecall.engines.servers.elasticsearch import ElasticsearchEngine
from tests.support.engines import http_address
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.records import upsert

pytestmark = pytest.mark.integration

EVERYTHING = [EngineRequest(clause=Everything(), k=10)]
QUICK = BulkLimits(backoff_s=0.01, max_backoff_s=0.02, max_chunk_count=5)


@pytest.fixture
def proxy(elasticsearch_url: str) -> Iterator[FaultProxy]:
    with FaultProxy(http_address(elasticsearch_url)) as running:
        yield running


@pytest.fixture
def engine(proxy: FaultProxy, index_prefix: str) -> Iterator[Engine]:
    with ElasticsearchEngine.open(proxy.url, index_prefix, limits=QUICK) as opened:
        opened.swap(opened.create(Schema()))
        yield opened


def test_a_server_that_is_down_is_named_with_what_to_do() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody else can answer here
        port = taken.getsockname()[1]
        with pytest.raises(EngineUnavailable, match="multirecall engine up elasticsearch") as raised:
            open_engine(f"elasticsearch+http://127.0.0.1:{port}/p")
    assert raised.value.data["engine"] == f"elasticsearch+http://127.0.0.1:{port}"


def test_a_wrong_password_is_an_auth_error_that_does_not_repeat_it(elasticsearch_url: str, index_prefix: str) -> None:
    with FaultProxy(http_address(elasticsearch_url), user="elastic", password="right") as locked:
        url = f"elasticsearch+{locked.url}/{index_prefix}"
        with pytest.raises(EngineAuthError, match="MULTIRECALL_ENGINE_PASSWORD") as raised:
            open_engine(url, access=EngineAccess(credentials=Credentials(user="elastic", password="wrong-one")))
        assert "wrong-one" not in repr(raised.value.to_dict())
        with open_engine(url, access=EngineAccess(credentials=Credentials(user="elastic", password="right"))) as opened:
            assert opened.indexes() == []
            assert "right" not in opened.url


def test_another_product_at_the_address_is_said(elasticsearch_url: str) -> None:
    address = http_address(elasticsearch_url)
    with pytest.raises(InvalidSettings, match="answers Elasticsearch, not OpenSearch") as raised:
        open_engine(f"opensearch+{address}/p")
    assert f"elasticsearch+{address}/NAME" in raised.value.hint


def test_https_to_a_server_without_it_is_said(elasticsearch_url: str) -> None:
    address = http_address(elasticsearch_url).replace("http://", "https://")
    with pytest.raises(InvalidSettings, match="encrypted connection failed"):
        open_engine(f"elasticsearch+{address}/p")


def test_a_slow_answer_is_late_and_does_not_raise(engine: Engine, proxy: FaultProxy) -> None:
    engine.search_many(EVERYTHING, Deadline.after(10))
    proxy.inject(Fault(path="_msearch", latency_s=0.6))
    [result] = engine.search_many(EVERYTHING, Deadline.after(0.1))
    assert result.status is RouteStatus.TIMED_OUT
    assert "no answer within" in result.error


def test_a_lost_connection_while_searching_raises(engine: Engine, proxy: FaultProxy) -> None:
    proxy.inject(Fault(path="_msearch", drop="request"))
    with pytest.raises(EngineUnavailable):
        engine.search_many(EVERYTHING, Deadline.after(10))


@pytest.mark.parametrize(
    "fault", [Fault(path="_bulk", status=429, times=2), Fault(path="_bulk", drop="answer", times=2),
              Fault(path="_bulk", drop="request", times=1), Fault(path="_bulk", status=503, times=2)],
)  # fmt: skip
def test_nothing_is_lost_or_doubled_by_passing_trouble(engine: Engine, proxy: FaultProxy, fault: Fault) -> None:
    proxy.inject(fault)
    results = list(engine.write(upsert(str(n), version=n) for n in range(30)))
    assert all(r.ok for r in results)
    assert [r.id for r in results] == [str(n) for n in range(30)]
    engine.refresh()
    assert engine.count() == 30


def test_trouble_that_stays_raises(engine: Engine, proxy: FaultProxy) -> None:
    proxy.inject(Fault(path="_bulk", status=503, retry_after_s=0))
    with pytest.raises(EngineUnavailable) as raised:
        list(engine.write([upsert("1")]))
    assert raised.value.data["retry_after_s"] == 0


def test_a_writer_whose_index_is_dropped_gets_an_error_and_no_index_with_guessed_types(
    engine: Engine, proxy: FaultProxy
) -> None:
    index = engine.create(Schema())
    results = engine.write((upsert(str(n)) for n in range(500)), index=index)
    next(results)
    httpx.delete(f"{proxy.url}/{index}", trust_env=False).raise_for_status()
    with pytest.raises(NotFound, match=index):
        list(results)
    assert index not in [info.name for info in engine.indexes()]


def test_a_foreign_index_under_the_name_is_refused(engine: Engine, proxy: FaultProxy, index_prefix: str) -> None:
    httpx.put(f"{proxy.url}/{index_prefix}-plain", trust_env=False).raise_for_status()
    with ElasticsearchEngine.open(proxy.url, f"{index_prefix}-plain") as other, pytest.raises(InvalidInput):
        other.info()


def test_writes_stop_when_the_caller_stops_reading(engine: Engine) -> None:
    results = engine.write(upsert(str(n)) for n in range(1000))
    assert next(results).status == WriteStatus.CREATED
    results.close()  # type: ignore[attr-defined]
    engine.refresh()
    assert engine.count() < 1000
