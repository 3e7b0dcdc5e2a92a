"""Each route and each dependency slow, hanging, failing or gone, in turn: answers come in time and name what they lack.

The margins are wide, for machines that are busy; `benchmarks/degradation.py` measures against 20 ms.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from multirecall.core.deadline import Deadline
from multirecall.core.errors import EncoderError, EngineUnavailable, InvalidInput
from multirecall.encoders.base import Float32Array
from multirecall.encoders.opening import open_encoder
from multirecall.fusion import RRF
from multirecall.search import understand
from multirecall.search.breaker import Breaker
from multirecall.search.serving import SearchRequest, Served
from multirecall.search.serving.cache import ListCache
from tests.support.shop_front import HookedEngine, Item, Shop, opened_shop

ITEMS = [Item(f"p{n}", f"red lamp {n}") for n in range(20)]
BUDGET_S = 0.6
MARGIN_S = 0.6
SEARCHES = 12


class Model:
    """A real encoder that does first what it is told."""

    def __init__(self) -> None:
        self._encoder = open_encoder("hashing?dim=64")
        self.first: Callable[[], None] = lambda: None
        self.released = threading.Event()
        self.calls = 0

    def encode_queries(self, texts: Sequence[str]) -> Float32Array:
        self.calls += 1
        self.first()
        return self._encoder.encode_queries(texts)

    def hang(self) -> None:
        self.released.wait(30.0)

    def slow(self) -> None:
        self.released.wait(BUDGET_S)

    def fail(self) -> None:
        raise EncoderError("The model is broken.")

    def __getattr__(self, name: str) -> object:
        return getattr(self._encoder, name)


@pytest.fixture
def model() -> Iterator[Model]:
    model = Model()
    yield model
    model.released.set()


@pytest.fixture
def shop(model: Model) -> Iterator[Shop]:
    with opened_shop(ITEMS, encoder=model, timeout_s=BUDGET_S, breaker=Breaker("the engine", open_s=60.0)) as shop:
        yield shop


def timed(shop: Shop, n: int = SEARCHES, **options: object) -> tuple[list[Served], list[float]]:
    served, took_s = [], []
    for number in range(n):
        started = time.perf_counter()
        query = understand(f"red lamp {number}")
        served.append(shop.frontend.search(SearchRequest(query=query, **options)))  # type: ignore[arg-type]
        took_s.append(time.perf_counter() - started)
    return served, took_s


@pytest.mark.parametrize(
    ("how", "status"), [("slow", "timed_out"), ("hang", "timed_out"), ("fail", "failed")], ids=["slow", "hang", "fail"]
)
def test_a_model_in_trouble_costs_its_route_and_soon_no_time(shop: Shop, model: Model, how: str, status: str) -> None:
    model.first = getattr(model, how)
    served, took_s = timed(shop)
    assert max(took_s) < BUDGET_S + MARGIN_S
    assert all(one.page.hits for one in served)
    assert dict(served[0].page.degraded) == {"dense": status}
    assert dict(served[-1].page.degraded) == {"dense": "skipped"}
    [lexical, dense] = served[-1].page.routes
    assert lexical.error == ""
    assert "failed too often" in dense.error or "threads" in dense.error
    assert model.calls < SEARCHES, "the breaker is open"
    assert sorted(took_s)[0] < BUDGET_S / 2


def test_a_model_that_recovers_is_used_again(model: Model) -> None:
    with opened_shop(ITEMS, encoder=model, timeout_s=BUDGET_S, breaker=Breaker("the engine")) as shop:
        model.first = model.fail
        timed(shop, 6)
        [breaker] = shop.live.ask(lambda searcher: list(searcher.breakers.values()))
        assert breaker.state == "open"
        model.first = lambda: None
        breaker._clock = lambda: time.monotonic() + 60.0
        [served], _ = timed(shop, 1)
        assert dict(served.page.degraded) == {}
        assert breaker.state == "closed"


def test_a_caller_in_a_hurry_opens_no_breaker_for_others(shop: Shop, model: Model) -> None:
    model.first = lambda: model.released.wait(0.02) and None  # type: ignore[func-returns-value]
    served, _ = timed(shop, 10, timeout_s=0.001)
    assert all("dense" in one.page.degraded for one in served)
    model.first = lambda: None
    [after], _ = timed(shop, 1, timeout_s=20.0)
    assert dict(after.page.degraded) == {}


def test_a_route_that_was_asked_for_alone_and_cannot_be_is_an_error(shop: Shop, model: Model) -> None:
    model.first = model.fail
    timed(shop, 6)
    with pytest.raises(EngineUnavailable, match="alone") as caught:
        timed(shop, 1, routes=("dense",))
    assert caught.value.data["retry_after_s"] >= 1.0


@pytest.fixture
def remote(model: Model) -> Iterator[Shop]:
    """A shop whose engine is as if behind a network."""
    engine = HookedEngine()
    engine.in_process = False
    breaker = Breaker("the engine", open_s=60.0)
    with opened_shop(ITEMS, encoder=model, engine=engine, timeout_s=BUDGET_S, breaker=breaker) as shop:
        yield shop


def slow(deadline: Deadline) -> None:
    threading.Event().wait(deadline.remaining_s() + 0.001)


def test_an_engine_that_is_late_gives_an_empty_answer_that_names_all_routes_and_then_none_at_once(remote: Shop) -> None:
    shop = remote
    shop.engine.before_search = slow
    served, took_s = timed(shop, 5)
    assert max(took_s) < BUDGET_S + MARGIN_S
    assert dict(served[0].page.degraded) == {"lexical": "timed_out", "dense": "timed_out"}
    started = time.perf_counter()
    with pytest.raises(EngineUnavailable, match="not asked") as caught:
        timed(shop, 1)
    assert time.perf_counter() - started < MARGIN_S
    assert 1.0 <= caught.value.data["retry_after_s"] <= 60.0


def test_an_engine_that_is_gone_is_an_error_and_then_not_asked(shop: Shop) -> None:
    def gone(deadline: Deadline) -> None:
        raise EngineUnavailable("Cannot reach it.")

    shop.engine.before_search = gone
    for _ in range(5):
        with pytest.raises(EngineUnavailable, match="reach"):
            timed(shop, 1)
    asked = shop.engine.searches
    with pytest.raises(EngineUnavailable, match="not asked"):
        timed(shop, 1)
    assert shop.engine.searches == asked


def test_bodies_that_are_late_are_named_and_their_products_too(remote: Shop) -> None:
    shop = remote

    def late(timeout_s: float | None) -> None:
        assert timeout_s is not None
        threading.Event().wait(timeout_s)
        raise EngineUnavailable("No answer in time.")

    shop.engine.before_fetch = late
    served, took_s = timed(shop, 3)
    assert max(took_s) < BUDGET_S + MARGIN_S
    for one in served:
        assert dict(one.page.degraded) == {"products": "timed_out"}
        assert len(one.page.hits) == 10
        assert {len(hit.product) for hit in one.page.hits} == {0}
        assert one.gone == ()


def test_a_degraded_list_is_not_cached_but_its_pages_hold_still(model: Model) -> None:
    cache = ListCache(max_bytes=1_000_000)
    with opened_shop(ITEMS, encoder=model, timeout_s=20.0, cache=cache) as shop:
        model.first = model.fail
        degraded = shop.frontend.search(SearchRequest(query=understand("red lamp")))
        assert dict(degraded.page.degraded) == {"dense": "failed"}
        model.first = lambda: None
        whole = shop.frontend.search(SearchRequest(query=understand("red lamp")))
        assert (whole.cache.status, dict(whole.page.degraded)) == ("miss", {})
        turned = shop.frontend.search(SearchRequest(query=understand(""), page_token=degraded.page_token))
        assert [hit.id for hit in turned.page.hits] == [hit.id for hit in degraded.page.hits]
        assert dict(turned.page.degraded) == {"dense": "failed"}


def test_routes_and_fusion_of_one_request() -> None:
    with opened_shop(ITEMS, engine=HookedEngine()) as shop:
        both, _ = timed(shop, 1)
        [lexical], _ = timed(shop, 1, routes=("lexical",))
        [fused], _ = timed(shop, 1, fusion=RRF(k=20))
        assert {source.route for hit in both[0].page.hits for source in hit.sources} == {"lexical", "dense"}
        assert {source.route for hit in lexical.page.hits for source in hit.sources} == {"lexical"}
        assert lexical.page.total.relation == "exact"
        assert dict(lexical.page.degraded) == {}
        assert [(one.name, one.status.value, one.error) for one in lexical.page.routes][1] == (
            "dense", "skipped", "not asked for",
        )  # fmt: skip
        assert (both[0].page.fusion, fused.page.fusion) == ("WeightedSum()", "RRF(k=20)")
        assert list(lexical.route_lists) == ["lexical"]
        assert len(both[0].route_lists["dense"].ids) == 20
        for wrong in ((), ("lexikal",)):
            with pytest.raises(InvalidInput, match="oute") as caught:
                timed(shop, 1, routes=wrong)
            assert caught.value.data["field"] == "routes"


def test_explanations_of_any_page_add_up_to_the_scores() -> None:
    with opened_shop(ITEMS, cache=ListCache(max_bytes=1_000_000)) as shop:
        for _ in range(2):
            [served], _ = timed(shop, 1, explain=True)
            for hit in served.page.hits:
                assert hit.explanation is not None
                assert sum(share.contribution for share in hit.explanation.shares) == pytest.approx(hit.score)
        asked = SearchRequest(query=understand("", offset=10, size=5), page_token=served.page_token, explain=True)
        assert all(hit.explanation for hit in shop.frontend.search(asked).page.hits)
    with opened_shop(ITEMS) as other:  # here nobody keeps the list, and its token holds no sources
        turned = other.frontend.search(asked)
        assert [hit.explanation for hit in turned.page.hits] == [None] * 5
        assert "have no explanation" in turned.page.notes[0]
