"""Late reads are asked of a second node of the same cluster: two proxies before one server, one of which stalls."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from multirecall.core.deadline import Deadline
from multirecall.core.errors import InvalidSettings
from multirecall.engines.base import EngineRequest, Everything, TellsHedges
from multirecall.engines.opening import EngineAccess, open_engine
from multirecall.engines.schema import Schema
from multirecall.engines.servers.elasticsearch import ElasticsearchEngine
from tests.support.engines import http_address
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.records import upsert

pytestmark = pytest.mark.integration

EVERYTHING = [EngineRequest(clause=Everything(), k=10)]
LONG_S = 60.0


@pytest.fixture
def nodes(elasticsearch_url: str) -> Iterator[tuple[FaultProxy, FaultProxy]]:
    with FaultProxy(http_address(elasticsearch_url)) as first, FaultProxy(http_address(elasticsearch_url)) as second:
        yield first, second


def searched(proxy: FaultProxy) -> int:
    return sum("_msearch" in request.path for request in proxy.seen)


def test_a_search_that_stalls_is_answered_by_the_second_node_and_writes_never_go_there(
    nodes: tuple[FaultProxy, FaultProxy], index_prefix: str
) -> None:
    first, second = nodes
    with ElasticsearchEngine.open(first.url, index_prefix, second_url=second.url) as engine:
        engine.swap(engine.create(Schema()))
        assert all(result.ok for result in engine.write([upsert("1"), upsert("2")]))
        engine.refresh()
        asked = 0
        for _ in range(20):  # a busy machine may spend what was saved on other searches, so it is tried again
            for _ in range(40):
                assert engine.search_many(EVERYTHING, Deadline.after(LONG_S))[0].total == 2
            won = engine.hedges["won"]
            first.inject(Fault(path=".*_msearch.*", latency_s=1.0, times=1))
            assert [hit.id for hit in engine.search_many(EVERYTHING, Deadline.after(LONG_S))[0].hits] == ["1", "2"]
            asked += 41
            if engine.hedges["won"] > won:
                break
        else:
            pytest.fail(f"no stall of {engine.hedges} was answered by the second node")
        assert engine.hedges["sent"] <= asked // 20
        assert searched(second) <= engine.hedges["sent"]
        assert all(request.path == "/" or "_msearch" in request.path for request in second.seen)
        assert isinstance(engine, TellsHedges)


def test_a_node_of_another_product_is_refused_and_one_that_is_away_is_not(
    nodes: tuple[FaultProxy, FaultProxy], opensearch_url: str, index_prefix: str
) -> None:
    first, second = nodes
    url = f"elasticsearch+{first.url}/{index_prefix}"
    with pytest.raises(InvalidSettings, match="answers OpenSearch"):
        open_engine(url, access=EngineAccess(second_url=http_address(opensearch_url)))
    second.inject(Fault(path="/", drop="request"))
    with open_engine(url, access=EngineAccess(second_url=second.url)) as engine:
        engine.swap(engine.create(Schema()))
        assert engine.search_many(EVERYTHING, Deadline.after(LONG_S))[0].hits == ()
    with pytest.raises(InvalidSettings, match="password"):
        open_engine(url, access=EngineAccess(second_url="http://me:secret@127.0.0.1:9200"))
