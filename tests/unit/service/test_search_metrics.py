"""What Prometheus and `/readyz` are told of breakers and of the vectors of queries."""

from __future__ import annotations

import pytest

from multirecall.core.errors import StoreUnavailable
from multirecall.encoders.opening import open_encoder
from multirecall.search.breaker import Breaker
from multirecall.search.serving import SearchRequest
from multirecall.search.serving.cache import ListCache
from multirecall.search.serving.counters import Counters
from multirecall.search.serving.query_vectors import RememberingEncoder
from multirecall.search.serving.shared import SharedLists
from multirecall.search.understand import understand
from multirecall.service.metrics import ServiceMetrics
from multirecall.service.search_metrics import SearchCollector
from multirecall.service.serving import check_asked
from tests.support.shop_front import Item, opened_shop

AWAY = "redis://127.0.0.1:1/0"


def test_every_breaker_is_a_figure_and_one_that_is_open_says_so() -> None:
    engine = Breaker("the engine", failures=1)
    shared = SharedLists(AWAY, prefix="x", page_ttl_s=60.0, counters=Counters(), breaker=Breaker("Redis", failures=1))
    cache = ListCache(max_bytes=1 << 20, shared=shared)
    with opened_shop([Item("p1", "toner")], breaker=engine, cache=cache) as shop:
        metrics = ServiceMetrics([SearchCollector(shop.frontend)])
        for part in ("engine", "redis", "dense"):
            assert f'multirecall_breaker_open{{part="{part}"}} 0.0' in metrics.exposition().decode()
            check_asked(shop.frontend, part)
        shop.frontend.search(SearchRequest(query=understand("toner")))  # no Redis: its breaker opens
        engine.failed("it is gone")
        figures = metrics.exposition().decode()
        for part, is_open in (("engine", 1.0), ("redis", 1.0), ("dense", 0.0)):
            assert f'multirecall_breaker_open{{part="{part}"}} {is_open}' in figures
        for part in ("engine", "redis"):
            with pytest.raises(StoreUnavailable, match="failed too often"):
                check_asked(shop.frontend, part)


def test_remembered_vectors_are_counted() -> None:
    encoder = RememberingEncoder(open_encoder("hashing?dim=64"), max_bytes=1 << 20)
    with opened_shop([Item("p1", "toner")], encoder=encoder) as shop:
        metrics = ServiceMetrics([SearchCollector(shop.frontend)])
        for text in ("toner", "toner", "paper", "toner"):
            shop.frontend.search(SearchRequest(query=understand(text)))
        figures = metrics.exposition().decode()
    assert 'multirecall_query_vectors_total{field="dense",what="hit"} 2.0' in figures
    assert 'multirecall_query_vectors_total{field="dense",what="miss"} 2.0' in figures
    assert f'multirecall_query_vectors_bytes{{field="dense"}} {float(encoder.nbytes)}' in figures


def test_without_an_index_there_are_no_figures_of_one() -> None:
    with opened_shop() as shop:
        figures = ServiceMetrics([SearchCollector(shop.frontend)]).exposition().decode()
    assert "multirecall_breaker_open{" not in figures
    assert "multirecall_query_vectors_total{" not in figures
