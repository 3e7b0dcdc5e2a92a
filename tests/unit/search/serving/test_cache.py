"""The cache in one process: how long, what, for whom, and how much."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from multirecall.core.deadline import Deadline
from multirecall.core.errors import EngineUnavailable
from multirecall.core.filters import And, Exists, Not, Or, Range, Term, Terms
from multirecall.core.query import Facet, Query, Sort
from multirecall.fusion import RRF, WeightedSum
from multirecall.recall import LexicalRoute
from multirecall.search import understand
from multirecall.search.serving import SearchRequest, Served
from multirecall.search.serving.cache import ListCache
from multirecall.search.serving.key import cache_key, canonical
from multirecall.search.serving.lifetimes import Lifetime, Lifetimes
from multirecall.search.serving.memory import ByteLru
from tests.support.shop_front import HookedEngine, Item, opened_shop

ITEMS = [Item("p1", "red lamp", price_minor=100), Item("p2", "blue lamp", price_minor=200), Item("p3", "chair")]
ROUTES = [LexicalRoute(fuzzy_below=0)]
WAIT_S = 20.0


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def request(text: str = "lamp", **options: object) -> SearchRequest:
    return SearchRequest(query=understand(text), **options)  # type: ignore[arg-type]


def eventually(reached: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(int(WAIT_S / 0.005)):
        if reached():
            return
        pause.wait(0.005)
    raise AssertionError("it did not happen")


def test_the_second_search_asks_for_bodies_alone_and_any_page_comes_from_the_same_list() -> None:
    with opened_shop(ITEMS, cache=ListCache(max_bytes=1_000_000), routes=ROUTES) as shop:
        first = shop.frontend.search(request())
        assert (first.cache.status, first.cache.level) == ("miss", "")
        asked = shop.engine.searches
        second = shop.frontend.search(request())
        assert (second.cache.status, second.cache.level) == ("hit", "memory")
        assert second.page.hits == first.page.hits
        [hit] = shop.frontend.search(SearchRequest(query=understand("  lamp", offset=1, size=1))).page.hits
        assert (hit.id, hit.rank) == (first.page.hits[1].id, 2)
        assert shop.engine.searches == asked
        assert second.page.timings_ms.keys() == {"cache", "fetch"}


def test_a_changed_price_is_seen_at_once_and_a_deleted_product_leaves_its_place_empty() -> None:
    with opened_shop(ITEMS, cache=ListCache(max_bytes=1_000_000), routes=ROUTES) as shop:
        before = shop.frontend.search(request())
        shop.put([replace(ITEMS[0], price_minor=9)])
        after = shop.frontend.search(request())
        assert after.cache.status == "hit"
        assert {hit.id: hit.product["price_minor"] for hit in after.page.hits} == {"p1": 9, "p2": 200}
        shop.go_live(shop.build(ITEMS[1:]))
        turned = shop.frontend.search(SearchRequest(query=understand(""), page_token=before.page_token))
        assert (turned.gone, [hit.id for hit in turned.page.hits]) == (("p1",), ["p2"])
        assert turned.page.total == before.page.total


def test_a_list_is_fresh_then_stale_then_gone() -> None:
    clock = Clock()
    lifetimes = Lifetimes(settled=Lifetime(fresh_s=10.0, stale_s=20.0))
    cache = ListCache(max_bytes=1_000_000, lifetimes=lifetimes, clock=clock)
    with opened_shop(ITEMS, cache=cache, routes=ROUTES) as shop:
        shop.frontend.search(request())
        shop.put([Item("p4", "lamp lamp")])
        clock.now = 9.9
        assert shop.frontend.search(request()).cache.status == "hit"
        clock.now = 10.1
        stale = shop.frontend.search(request())
        assert (stale.cache.status, stale.cache.age_ms) == ("stale", pytest.approx(10_100.0))
        assert [hit.id for hit in stale.page.hits] == ["p1", "p2"]
        eventually(lambda: cache.counters["refreshed"] == 1)
        renewed = shop.frontend.search(request())
        assert (renewed.cache.status, len(renewed.page.hits)) == ("hit", 3)
        clock.now = 10.1 + 30.1
        assert shop.frontend.search(request()).cache.status == "miss"


def test_a_stale_list_that_cannot_be_made_anew_is_answered_until_its_time_is_over() -> None:
    clock = Clock()
    cache = ListCache(max_bytes=1_000_000, lifetimes=Lifetimes(settled=Lifetime(fresh_s=1, stale_s=9)), clock=clock)
    with opened_shop(ITEMS, cache=cache, routes=ROUTES) as shop:
        shop.frontend.search(request())

        def down(deadline: Deadline) -> None:
            raise EngineUnavailable("The engine does not answer.")

        shop.engine.before_search = down
        clock.now = 5.0
        assert shop.frontend.search(request()).cache.status == "stale"
        eventually(lambda: cache.counters["refresh_failed"] == 1)
        clock.now = 9.0
        assert shop.frontend.search(request()).cache.status == "stale"
        clock.now = 11.0
        with pytest.raises(EngineUnavailable):
            shop.frontend.search(request())


@pytest.mark.parametrize(
    ("query", "lifetime"),
    [
        (understand("lamp"), "settled"),
        (understand("lamp", filter=Term(field="brand", value="HP")), "settled"),
        (understand("lamp", facets=(Facet(field="brand"),)), "settled"),
        (understand(""), "changing"),
        (understand("lamp", sort=(Sort(field="price_minor"),)), "changing"),
        (understand("lamp", facets=(Facet(field="in_stock"),)), "changing"),
        (understand("lamp", filter=Not(part=Range(field="price_minor", lte=5.0))), "changing"),
        (
            understand("lamp", filter=Or(parts=(Term(field="id", value="p1"), Exists(field="popularity")))),
            "changing",
        ),
    ],
)
def test_what_may_change_any_moment_is_kept_for_seconds_only(query: Query, lifetime: str) -> None:
    lifetimes = Lifetimes()
    assert lifetimes.of_query(query) is getattr(lifetimes, lifetime)
    assert lifetimes.changing.all_s <= 5.0


def test_that_nothing_was_found_is_kept_for_a_short_time() -> None:
    clock = Clock()
    cache = ListCache(max_bytes=1_000_000, clock=clock)
    with opened_shop(ITEMS, cache=cache, routes=ROUTES) as shop:
        assert shop.frontend.search(request("nothing")).page.hits == ()
        assert shop.frontend.search(request("nothing")).cache.status == "hit"
        shop.put([Item("p9", "nothing")])
        clock.now = Lifetimes().empty.all_s + 0.1
        assert len(shop.frontend.search(request("nothing")).page.hits) == 1


def test_two_hundred_equal_requests_at_once_ask_the_engine_once() -> None:
    cache = ListCache(max_bytes=1_000_000)
    all_here = threading.Barrier(201)
    engine = HookedEngine()
    with opened_shop(ITEMS, cache=cache, engine=engine, routes=ROUTES) as shop:
        shop.frontend.search(request("chair"))
        engine.searches = 0
        per_search = 2  # the lexical route's count and its ranking
        engine.before_search = lambda deadline: eventually(lambda: cache.counters["joined"] == 199)

        def ask() -> Served:
            all_here.wait()
            return shop.frontend.search(request())

        with ThreadPoolExecutor(200) as pool:
            asked = [pool.submit(ask) for _ in range(200)]
            all_here.wait()
            served = [one.result() for one in asked]
        assert engine.searches == per_search
    assert {tuple(hit.id for hit in one.page.hits) for one in served} == {("p1", "p2")}
    assert len({one.page.timings_ms["engine"] for one in served}) == 1, "one list for all"


def test_an_error_is_told_to_all_who_waited_and_the_next_request_tries_again() -> None:
    cache = ListCache(max_bytes=1_000_000)
    with opened_shop(ITEMS, cache=cache, routes=ROUTES) as shop:

        def down(deadline: Deadline) -> None:
            eventually(lambda: cache.counters["joined"] == 4)
            raise EngineUnavailable("The engine does not answer.")

        shop.engine.before_search = down
        with ThreadPoolExecutor(5) as pool:
            asked = [pool.submit(shop.frontend.search, request()) for _ in range(5)]
            assert {type(one.exception()) for one in asked} == {EngineUnavailable}
        shop.engine.before_search = lambda deadline: None
        assert shop.frontend.search(request()).cache.status == "miss"


def test_another_route_fusion_filter_or_window_is_another_entry_and_the_order_of_a_filter_is_not() -> None:
    hp, dear = Term(field="brand", value="HP"), Range(field="price_minor", gte=5.0)
    with opened_shop(ITEMS) as shop:
        asked = [
            request(),
            request("lamps"),
            request(routes=("lexical",)),
            request(routes=("dense",)),
            request(fusion=RRF()),
            request(fusion=RRF(k=20)),
            request(fusion=WeightedSum(weights={"dense": 2.0})),
            SearchRequest(query=understand("lamp", filter=hp)),
            SearchRequest(query=understand("lamp", filter=And(parts=(hp, dear)))),
            SearchRequest(query=understand("lamp", sort=(Sort(field="price_minor"),))),
            SearchRequest(query=understand("lamp", facets=(Facet(field="brand"),))),
            request(""),
            request("!!!"),
        ]
        keys = [shop.live.ask(lambda searcher, one=one: cache_key(one, searcher, 200)) for one in asked]  # type: ignore[misc]
        keys += [shop.live.ask(lambda searcher: cache_key(asked[0], searcher, 1_000))]
        assert len(set(keys)) == len(asked) + 1
        shop.go_live(shop.build(ITEMS))
        assert shop.live.ask(lambda searcher: cache_key(asked[0], searcher, 200)) not in keys
    assert canonical(And(parts=(dear, hp, hp))) == canonical(And(parts=(hp, dear)))
    assert canonical(Terms(field="brand", values=("b", "a"))) == Terms(field="brand", values=("a", "b"))
    assert canonical(Not(part=Or(parts=(dear, hp)))) == canonical(Not(part=Or(parts=(hp, dear))))
    assert canonical(And(parts=(hp,))) != canonical(Or(parts=(hp,)))


def test_a_request_that_wants_no_cache_gets_a_new_list_that_pages_can_follow() -> None:
    cache = ListCache(max_bytes=1_000_000)
    with opened_shop(ITEMS, cache=cache, routes=ROUTES) as shop:
        shop.frontend.search(request())
        shop.put([Item("p4", "lamp lamp")])
        served = shop.frontend.search(request(use_cache=False))
        assert (served.cache.status, len(served.page.hits)) == ("bypass", 3)
        turned = shop.frontend.search(SearchRequest(query=understand(""), page_token=served.page_token))
        assert len(turned.page.hits) == 3
        assert len(shop.frontend.search(request()).page.hits) == 2


def test_at_hand_is_what_takes_no_waiting() -> None:
    with opened_shop(ITEMS, cache=ListCache(max_bytes=1_000_000), routes=ROUTES) as shop:
        assert shop.frontend.at_hand(request()) is None
        made = shop.frontend.search(request())
        found = shop.frontend.at_hand(request())
        assert found is not None
        assert (found.cache.status, found.page.hits) == ("hit", made.page.hits)
        assert shop.frontend.at_hand(request(use_cache=False)) is None
        assert shop.frontend.at_hand(request(explain=True)) is None


def test_nothing_is_at_hand_where_bodies_come_over_a_network() -> None:
    engine = HookedEngine()
    engine.in_process = False
    with opened_shop(ITEMS, cache=ListCache(max_bytes=1_000_000), engine=engine, routes=ROUTES) as shop:
        shop.frontend.search(request())
        assert shop.frontend.at_hand(request()) is None


def test_memory_is_bounded_by_bytes_and_the_longest_unused_goes_first() -> None:
    lru: ByteLru[int] = ByteLru(100)
    for n in range(10):
        lru.put(f"k{n}", n, 20)
        lru.get("k0")
    assert (len(lru), lru.nbytes, lru.evicted) == (5, 100, 5)
    assert [n for n in range(10) if lru.get(f"k{n}") is not None] == [0, 6, 7, 8, 9]
    lru.put("k0", 0, 101)
    assert (lru.get("k0"), lru.nbytes) == (None, 80)
    lru.put("k9", 9, 1)
    lru.drop("k8")
    assert (len(lru), lru.nbytes) == (3, 41)


def test_many_different_searches_stay_within_the_memory_given() -> None:
    cache = ListCache(max_bytes=100_000)
    with opened_shop(ITEMS, cache=cache, routes=ROUTES) as shop:
        for n in range(100):
            shop.frontend.search(request(f"lamp {n}"))
        assert 50_000 < cache.nbytes <= 100_000
        assert cache.evicted > 50
        assert shop.frontend.search(request("lamp 99")).cache.status == "hit"
        assert shop.frontend.search(request("lamp 0")).cache.status == "miss"
