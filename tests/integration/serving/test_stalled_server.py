"""A search server that stalls or is gone: answers in time that say so, then none at once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from multirecall.core.errors import EngineUnavailable
from multirecall.engines.opening import open_engine
from multirecall.engines.servers import catalog
from multirecall.fusion import WeightedSum
from multirecall.recall import LexicalRoute
from multirecall.search import Searcher, understand
from multirecall.search.breaker import Breaker
from tests.support.engines import server_url
from tests.support.stall_proxy import StallProxy
from tests.support.stores import ServerStore
from tests.unit.search.serving.facet_promise import fill

pytestmark = pytest.mark.integration

BUDGET_S = 0.5
MARGIN_S = 0.5  # for machines that are busy; benchmarks/degradation.py measures against 20 ms


@pytest.fixture
def stalling(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[StallProxy, Searcher, Breaker]]:
    """A searcher over a proxy before Elasticsearch; the engine asks anew for its index with every search."""
    monkeypatch.setattr(catalog, "_KNOWN_FOR_S", 0.0)
    url = server_url("elasticsearch")
    store = ServerStore(url)
    name = store.unique_name()
    scheme, _, address = url.partition("+")
    breaker = Breaker("the engine", open_s=60.0)
    try:
        with store.open(name) as engine:
            fill(engine)
        with StallProxy(address) as proxy, ExitStack() as stack:
            engine = stack.enter_context(open_engine(f"{scheme}+{proxy.url}/{name}"))
            searcher = stack.enter_context(
                Searcher(
                    engine,
                    routes=[LexicalRoute()],
                    fusion=WeightedSum(),
                    encoders={},
                    timeout_s=BUDGET_S,
                    breaker=breaker,
                )
            )
            assert searcher.search(understand("printer"), timeout_s=60.0).hits
            yield proxy, searcher, breaker
    finally:
        store.clear()


def test_a_server_that_stalls_costs_no_more_than_the_budget(stalling: tuple[StallProxy, Searcher, Breaker]) -> None:
    proxy, searcher, breaker = stalling
    proxy.delay_s = 60.0
    for _ in range(5):
        started = time.perf_counter()
        page = searcher.search(understand("printer"))
        assert time.perf_counter() - started < BUDGET_S + MARGIN_S
        assert dict(page.degraded) == {"lexical": "timed_out"}
        assert page.hits == ()
    assert breaker.state == "open"
    started = time.perf_counter()
    with pytest.raises(EngineUnavailable, match="not asked"):
        searcher.search(understand("printer"))
    assert time.perf_counter() - started < MARGIN_S


def test_a_server_that_is_gone_is_an_error_at_once(stalling: tuple[StallProxy, Searcher, Breaker]) -> None:
    proxy, searcher, breaker = stalling
    with proxy.refusing():
        for _ in range(5):
            with pytest.raises(EngineUnavailable):
                searcher.search(understand("printer"))
        assert breaker.state == "open"
