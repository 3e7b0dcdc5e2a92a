"""The cache and the pages with a real Redis: shared by processes, and gone, hung or slow without anybody waiting."""

from __future__ import annotations

import multiprocessing
import statistics
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from multiprocessing.synchronize import Barrier, Event
from typing import Any

import pytest
import redis

from multirecall.core.errors import PageExpired, StoreUnavailable
from multirecall.recall import LexicalRoute
from multirecall.search import understand
from multirecall.search.breaker import Breaker
from multirecall.search.serving import SearchRequest
from multirecall.search.serving.cache import ListCache
from multirecall.search.serving.counters import Counters
from multirecall.search.serving.lifetimes import Lifetime, Lifetimes
from multirecall.search.serving.shared import SharedLists
from tests.support.engines import server_url
from tests.support.own_redis import OwnRedis
from tests.support.shop_front import HookedEngine, Item, Shop, opened_shop
from tests.unit.search.serving.turning_pages import catalogue, turn_pages

pytestmark = pytest.mark.integration

ITEMS = [Item(f"p{n}", f"lamp {n}") for n in range(30)]
PATIENT_S = 5.0  # machines that run tests are busy; what is tested for its quickness gets the real limit


@pytest.fixture(scope="module")
def redis_url() -> str:
    return server_url("redis")


@pytest.fixture
def prefix(redis_url: str) -> Iterator[str]:
    prefix = f"t{uuid.uuid4().hex}"
    yield prefix
    with redis.Redis.from_url(redis_url) as client:
        for key in client.scan_iter(f"{prefix}:*"):
            client.delete(key)


def shared_cache(
    url: str, prefix: str, *, timeout_s: float = PATIENT_S, lifetimes: Lifetimes | None = None, max_bytes: int = 10**7
) -> ListCache:
    counters = Counters()
    breaker = Breaker("Redis", failures=3, open_s=0.2)
    shared = SharedLists(url, prefix=prefix, page_ttl_s=900.0, counters=counters, breaker=breaker, timeout_s=timeout_s)
    return ListCache(
        max_bytes=max_bytes, lifetimes=lifetimes, shared=shared, counters=counters, budget_s=2.5 * timeout_s
    )


def test_twenty_pages_hold_still_across_processes(redis_url: str, prefix: str) -> None:
    """`other` stands for a second process: it shares the engine and Redis, and no memory."""
    items = catalogue()
    with opened_shop(items, cache=shared_cache(redis_url, prefix)) as shop, ExitStack() as stack:
        other = Shop(engine=shop.engine, cache=shared_cache(redis_url, prefix))
        stack.callback(other.live.close)
        stack.callback(other.frontend.close)
        served = turn_pages(shop, items, other=other)
    assert len({one.page_token for one in served}) == 1
    assert len(served[0].page_token) < 50
    assert {one.cache.level for one in served} >= {"redis", "memory"}


def test_a_second_process_finds_what_the_first_has_made(redis_url: str, prefix: str) -> None:
    with opened_shop(ITEMS, cache=shared_cache(redis_url, prefix)) as shop:
        other = Shop(engine=shop.engine, cache=shared_cache(redis_url, prefix))
        made = shop.frontend.search(SearchRequest(query=understand("lamp")))
        asked = shop.engine.searches
        found = other.frontend.search(SearchRequest(query=understand("lamp")))
        assert (found.cache.status, found.cache.level) == ("hit", "redis")
        assert found.page.hits == made.page.hits
        assert found.page.total == made.page.total
        assert shop.engine.searches == asked
        assert other.frontend.search(SearchRequest(query=understand("lamp"))).cache.level == "memory"
        with redis.Redis.from_url(redis_url) as client:
            keys = {key.decode().split(":")[1]: client.pttl(key) for key in client.scan_iter(f"{prefix}:*")}
        assert set(keys) == {"key", "list"}, "the lock is gone"
        assert 0 < keys["key"] <= 300_000
        assert 0 < keys["list"] <= 900_000
        other.frontend.close()
        other.live.close()


def test_a_list_is_no_older_in_a_second_process_and_is_made_anew_by_one_of_them(redis_url: str, prefix: str) -> None:
    lifetimes = Lifetimes(settled=Lifetime(fresh_s=0.0, stale_s=60.0))
    with opened_shop(ITEMS, cache=shared_cache(redis_url, prefix, lifetimes=lifetimes)) as shop:
        cache = shared_cache(redis_url, prefix, lifetimes=lifetimes)
        other = Shop(engine=shop.engine, cache=cache)
        shop.frontend.search(SearchRequest(query=understand("lamp")))
        stale = other.frontend.search(SearchRequest(query=understand("lamp")))
        assert (stale.cache.status, stale.cache.level) == ("stale", "redis")
        other.frontend.close()  # waits for what is made anew
        assert cache.counters["refreshed"] == 1
        other.live.close()


def _ask_at_once(url: str, prefix: str, ready: Barrier, asked: Any, releasing: Event, results: Any) -> None:
    """A process of its own: 100 equal requests at once."""
    engine = HookedEngine()

    def wait(deadline: object) -> None:
        with asked.get_lock():
            asked.value += 1
        releasing.wait(20.0)

    with opened_shop(
        ITEMS, cache=shared_cache(url, prefix), engine=engine, routes=[LexicalRoute(fuzzy_below=0)]
    ) as shop:
        engine.before_search = wait
        with ThreadPoolExecutor(100) as pool:
            ready.wait(60.0)
            answers = [pool.submit(shop.frontend.search, SearchRequest(query=understand("lamp"))) for _ in range(100)]
            releasing.wait(0.5)  # the one who makes the list holds it for so long, and all others wait for it
            releasing.set()
            results.put({tuple(hit.id for hit in one.result().page.hits) for one in answers})


def test_two_hundred_equal_requests_in_two_processes_ask_the_engine_once(redis_url: str, prefix: str) -> None:
    context = multiprocessing.get_context("spawn")
    ready, releasing = context.Barrier(2), context.Event()
    asked, results = context.Value("i", 0), context.Queue()
    processes = [
        context.Process(target=_ask_at_once, args=(redis_url, prefix, ready, asked, releasing, results))
        for _ in range(2)
    ]
    for process in processes:
        process.start()
    found = [results.get(timeout=120.0) for _ in processes]
    for process in processes:
        process.join(60.0)
        assert process.exitcode == 0
    assert found[0] == found[1]
    assert len(found[0]) == 1
    assert asked.value == 2, "one search: the lexical route's count and its ranking"


@pytest.fixture
def own_redis() -> Iterator[OwnRedis]:
    with OwnRedis() as server:
        yield server


def took_s(shop: Shop, texts: list[str]) -> list[float]:
    times = []
    for text in texts:
        started = time.perf_counter()
        assert shop.frontend.search(SearchRequest(query=understand(text))).page.hits
        times.append(time.perf_counter() - started)
    return times


def test_searches_go_on_while_redis_is_killed_hung_or_slow(own_redis: OwnRedis) -> None:
    cache = shared_cache(own_redis.url, "t", timeout_s=0.02)
    with opened_shop(ITEMS, cache=cache, routes=[LexicalRoute(fuzzy_below=0)]) as shop:
        assert cache.shared is not None
        breaker = cache.shared.breaker
        usual_s = statistics.median(took_s(shop, [f"lamp {n}" for n in range(15)]))
        for number, trouble in enumerate((own_redis.hung(), own_redis.slow(0.015), own_redis.hung())):
            with trouble:
                times = took_s(shop, [f"lamp {number} x{n}" for n in range(15)])
                # one request waits for 20 ms, and its 50 ms are never spent; then the breaker remembers
                assert statistics.quantiles(times, n=20)[-1] < usual_s + 0.05 + 0.25
                assert statistics.median(times) < usual_s + 0.05 + 0.1
        assert breaker.times_opened >= 1
        own_redis.kill()
        times = took_s(shop, [f"lamp killed {n}" for n in range(15)])
        assert statistics.median(times) < usual_s + 0.05 + 0.1
        own_redis.start()
        for n in range(2_000):  # it is found again by itself
            shop.frontend.search(SearchRequest(query=understand(f"lamp again {n}"), use_cache=True))
            if breaker.state == "closed":
                break
        assert breaker.state == "closed"


@pytest.mark.parametrize(("policy", "stored"), [("noeviction", False), ("allkeys-lru", True)])
def test_lists_leave_room_for_the_workers_in_a_redis_that_does_not_evict(
    own_redis: OwnRedis, policy: str, stored: bool
) -> None:
    with redis.Redis.from_url(own_redis.url) as client:
        client.set("work", b"x" * 8_000_000)
        client.config_set("maxmemory-policy", policy)
        client.config_set("maxmemory", int(client.info("memory")["used_memory"] / 0.7))  # more than 0.6 is taken
        cache = shared_cache(own_redis.url, "t")
        with opened_shop(ITEMS, cache=cache) as shop:
            served = shop.frontend.search(SearchRequest(query=understand("lamp")))
        assert bool(client.keys("t:list:*")) == stored
        assert not client.keys("t:lock:*")
        assert client.exists("work")
    assert (len(served.page_token) < 50) == stored
    assert cache.counters["redis_full"] == (not stored)


def test_tokens_while_redis_is_gone(own_redis: OwnRedis) -> None:
    with opened_shop(ITEMS, cache=shared_cache(own_redis.url, "t")) as shop:
        other = Shop(engine=shop.engine, cache=shared_cache(own_redis.url, "t", timeout_s=0.05))
        named = shop.frontend.search(SearchRequest(query=understand("lamp"))).page_token
        turn = SearchRequest(query=understand("", offset=10), page_token=named)
        assert other.frontend.search(turn).page.hits == shop.frontend.search(turn).page.hits
        third = Shop(engine=shop.engine, cache=shared_cache(own_redis.url, "t", timeout_s=0.05))
        own_redis.kill()
        assert shop.frontend.search(turn).page.hits, "this process remembers it"
        with pytest.raises(StoreUnavailable, match="Redis"):
            third.frontend.search(turn)
        whole = shop.frontend.search(SearchRequest(query=understand("lamp 1"))).page_token
        assert len(whole) > len(named), "without Redis a token holds the list"
        assert third.frontend.search(SearchRequest(query=understand("", offset=10), page_token=whole)).page.hits
        own_redis.start()  # empty
        third.frontend.close()
        third = Shop(engine=shop.engine, cache=shared_cache(own_redis.url, "t"))
        with pytest.raises(PageExpired, match="no longer kept"):
            third.frontend.search(turn)
        for one in (other, third):
            one.frontend.close()
            one.live.close()
