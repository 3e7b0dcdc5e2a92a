"""Turning the pages of a list while everything changes underneath."""

from __future__ import annotations

import random

from multirecall.engines.base import Delete
from multirecall.search import understand
from multirecall.search.serving import SearchRequest, Served
from tests.support.shop_front import Item, Shop

__all__ = ["N_PRODUCTS", "catalogue", "turn_pages"]

N_PRODUCTS = 600
N_PAGES, SIZE, CHANGES = 20, 10, 1_000
WORDS = ("desk", "floor", "wall", "led", "brass", "green", "old", "tall")


def catalogue(seed: int = 6) -> list[Item]:
    """Lamps of all kinds, so that one word finds them all in an order that depends on the rest."""
    rng = random.Random(seed)
    return [
        Item(f"p{n:04d}", f"{' '.join(rng.sample(WORDS, rng.randrange(1, 6)))} lamp", price_minor=rng.randrange(10_000))
        for n in range(N_PRODUCTS)
    ]


def turn_pages(shop: Shop, items: list[Item], *, other: Shop | None = None) -> list[Served]:
    """Reads 20 pages, between them 1,000 products are added, deleted and repriced, and another index goes live.

    `other` is a second process's frontend: it answers every other page. Asserts what a reader of pages relies on.
    """
    rng = random.Random(7)
    now = {item.id: item for item in items}
    whole = shop.frontend.search(SearchRequest(query=understand("lamp", size=N_PAGES * SIZE)))
    order = [hit.id for hit in whole.page.hits]
    assert len(order) == N_PAGES * SIZE
    first = shop.frontend.search(SearchRequest(query=understand("lamp", size=SIZE)))
    served, token = [first], first.page_token
    changed = 0
    for page in range(1, N_PAGES):
        added, deleted = [], []
        while len(added) + len(deleted) < CHANGES // (N_PAGES - 1) + 1:
            match rng.randrange(3):
                case 0:
                    added.append(Item(f"n{changed + len(added):05d}", "lamp", price_minor=1))  # the best lamp of all
                case 1 if len(now) > 100:
                    deleted.append(now.pop(rng.choice([*now])))
                case _:
                    old = now[rng.choice([*now])]
                    added.append(Item(old.id, old.title, price_minor=rng.randrange(10_000)))
        now |= {item.id: item for item in added}
        gone_now = [item.id for item in deleted if item.id not in now]
        shop.put(added)
        assert all(result.ok for result in shop.engine.write([Delete(id=one) for one in gone_now]))
        shop.engine.refresh()
        changed += len(added) + len(deleted)
        if page == N_PAGES // 2:
            index = shop.build(list(now.values()))
            shop.go_live(index)
            if other is not None:
                other.live.follow()
        asked = other if other is not None and page % 2 else shop
        query = understand("", offset=page * SIZE, size=SIZE)
        found = asked.frontend.search(SearchRequest(query=query, page_token=token))
        for hit in found.page.hits:
            assert hit.product["price_minor"] == now[hit.id].price_minor, "a price is never of the past"
        assert all(one not in now for one in found.gone)
        served.append(found)
    assert changed >= CHANGES
    told = [sorted([hit.id for hit in one.page.hits] + list(one.gone), key=order.index) for one in served]
    assert [one for page_ids in told for one in page_ids] == order, "no duplicate, none lost, none moved"
    for number, one in enumerate(served):
        assert [hit.rank for hit in one.page.hits] == [order.index(hit.id) + 1 for hit in one.page.hits]
        assert one.has_more == (number < N_PAGES - 1)
        assert (one.page.total, dict(one.page.totals)) == (first.page.total, dict(first.page.totals))
        assert one.page.generation == first.page.generation
    assert any(one.gone for one in served)
    return served
