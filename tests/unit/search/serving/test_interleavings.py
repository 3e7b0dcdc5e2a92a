"""The cache never answers from the past: searches, swaps, writes and time in any order, also inside a search."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor

from multirecall.core.deadline import Deadline
from multirecall.fusion import RRF, WeightedSum
from multirecall.recall import LexicalRoute
from multirecall.search import understand
from multirecall.search.serving import SearchRequest, Served
from multirecall.search.serving.cache import ListCache
from multirecall.search.serving.lifetimes import Lifetime, Lifetimes
from tests.support.shop_front import Item, Shop, opened_shop

WORDS = ("lamp", "chair", "table")
LIFETIMES = Lifetimes(settled=Lifetime(fresh_s=10.0, stale_s=20.0), empty=Lifetime(fresh_s=3.0, stale_s=0.0))


class Clock:
    """Time that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class World:
    """What a right answer looks like: the generation that is live here, and the price of its products now."""

    def __init__(self, shop: Shop, clock: Clock, rng: random.Random) -> None:
        self.shop, self.clock, self.rng = shop, clock, rng
        self.number = 0
        self.swaps = self.swaps_inside = 0
        self.indexes: list[str] = []
        self.prices: dict[str, int] = {}
        self.swap()

    def items(self) -> list[Item]:
        return [Item(f"{word}", f"{word} of generation{self.number}", price_minor=self.prices[word]) for word in WORDS]

    def swap(self) -> None:
        """A new index goes live; the one before the last is dropped."""
        self.number += 1
        self.swaps += 1
        self.prices = {word: self.rng.randrange(1_000_000) for word in WORDS}
        self.indexes.append(self.shop.build(self.items()))
        self.shop.go_live(self.indexes[-1])
        if len(self.indexes) > 2:
            self.shop.engine.drop(self.indexes.pop(0))

    def write(self) -> None:
        """One price changes in the live index."""
        word = self.rng.choice(WORDS)
        self.prices[word] = self.rng.randrange(1_000_000)
        self.shop.put([item for item in self.items() if item.id == word])

    def search(self) -> None:
        """One search, which must not know the past; sometimes the world moves on while the engine is at it."""
        word = self.rng.choice((*WORDS, "nothing"))
        before = self.number
        if self.rng.random() < 0.05:
            self.shop.engine.before_search = self._swap_once
        served = self.shop.frontend.search(
            SearchRequest(query=understand(word), fusion=self.rng.choice((None, RRF())), use_cache=True)
        )
        self.shop.engine.before_search = lambda deadline: None
        number = self.indexes.index(served.page.generation) - len(self.indexes) + 1 + self.number
        assert number >= before, "answered from a generation that was over when the search began"
        if served.cache.status != "miss":
            assert served.cache.age_ms <= 1000.0 * LIFETIMES.settled.all_s
        for hit in served.page.hits:
            assert hit.product["title"] == f"{word} of generation{number}"
            if number == self.number:
                assert hit.product["price_minor"] == self.prices[word]
        assert bool(served.page.hits) == (word != "nothing")

    def _swap_once(self, deadline: Deadline) -> None:
        if threading.current_thread() is not threading.main_thread():  # a list that is made anew in the background
            return
        self.shop.engine.before_search = lambda deadline: None
        self.swaps_inside += 1
        self.swap()

    def step(self) -> None:
        match self.rng.random():
            case draw if draw < 0.90:
                self.search()
            case draw if draw < 0.95:
                self.clock.now += self.rng.expovariate(1 / 6.0)
            case draw if draw < 0.985:
                self.write()
            case _:
                self.swap()


def test_ten_thousand_interleavings_never_show_the_past() -> None:
    clock = Clock()
    cache = ListCache(max_bytes=1_000_000, lifetimes=LIFETIMES, clock=clock)
    with opened_shop(cache=cache, routes=[LexicalRoute(fuzzy_below=0)], fusion=WeightedSum()) as shop:
        world = World(shop, clock, random.Random(6))
        for _ in range(10_000):
            world.step()
        counts = cache.counters.snapshot()
    # all that could go wrong was there to go wrong
    assert world.swaps > 150
    assert world.swaps_inside > 50
    assert counts["hit_memory"] > 2_000
    assert counts["stale_memory"] > 50
    assert counts["miss"] > 1_000


def test_threads_that_search_through_swaps_never_see_an_older_generation() -> None:
    cache = ListCache(max_bytes=1_000_000)
    swapping_ended = threading.Event()
    with opened_shop(cache=cache, routes=[LexicalRoute(fuzzy_below=0)]) as shop:
        generations = [shop.build([Item(word, f"{word} of generation{n}") for word in WORDS]) for n in range(40)]
        shop.go_live(generations[0])

        def search(seed: int) -> int:
            rng, searches = random.Random(seed), 0
            while not swapping_ended.is_set() or searches < 100:
                word = rng.choice(WORDS)
                before = generations.index(shop.live.generation)
                served: Served = shop.frontend.search(SearchRequest(query=understand(word)))
                number = generations.index(served.page.generation)
                assert number >= before
                assert [hit.product["title"] for hit in served.page.hits] == [f"{word} of generation{number}"]
                searches += 1
            return searches

        with ThreadPoolExecutor(4) as pool:
            searching = [pool.submit(search, seed) for seed in range(4)]
            for generation in generations[1:]:
                shop.go_live(generation)
                shop.frontend.search(SearchRequest(query=understand(WORDS[0])))
            swapping_ended.set()
            assert sum(one.result() for one in searching) >= 400
