"""Pages hold still: by the list in memory, and by tokens that hold the list."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256

import pytest

from multirecall.core.errors import InvalidInput, PageExpired
from multirecall.core.query import Query
from multirecall.search import understand
from multirecall.search.serving import SearchRequest
from multirecall.search.serving.cache import ListCache
from multirecall.search.serving.tokens import MAX_TOKEN_CHARS, PageTokens
from tests.support.shop_front import SECRET, Item, Shop, opened_shop
from tests.unit.search.serving.turning_pages import catalogue, turn_pages


@pytest.mark.parametrize("with_cache", [True, False], ids=["memory", "token"])
def test_twenty_pages_hold_still_while_everything_changes(with_cache: bool) -> None:
    items = catalogue()
    with opened_shop(items, cache=ListCache(max_bytes=10_000_000) if with_cache else None) as shop:
        searches = shop.engine.searches
        served = turn_pages(shop, items)
        assert shop.engine.searches - searches <= 8, "pages ask the engine for bodies alone"
    assert {one.cache.status for one in served[1:]} == {"hit"}
    assert all(len(one.page_token) <= MAX_TOKEN_CHARS for one in served)


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with opened_shop([Item(f"p{n}", f"lamp {n}") for n in range(30)]) as shop:
        yield shop


def page(shop: Shop, token: str, query: Query | None = None) -> list[str]:
    asked = SearchRequest(query=query or understand("", offset=10), page_token=token)
    return [hit.id for hit in shop.frontend.search(asked).page.hits]


def token_of(shop: Shop, query: Query | None = None) -> str:
    return shop.frontend.search(SearchRequest(query=query or understand("lamp"))).page_token


def forged(token: str) -> Iterator[str]:
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    for position in (0, 1, 16, 17, len(raw) // 2, len(raw) - 1):
        flipped = raw[:position] + bytes([raw[position] ^ 1]) + raw[position + 1 :]
        yield base64.urlsafe_b64encode(flipped).decode().rstrip("=")
    yield from (token[:-4], token[:10], token[4:], token + token, "", "n", "=", "é", "a" * 10_000, "\x00")
    yield PageTokens(b"another secret").named("00" * 16)


def test_a_token_that_was_not_made_here_is_an_input_error_that_names_the_field(shop: Shop) -> None:
    token = token_of(shop)
    assert page(shop, token)
    for wrong in forged(token):
        with pytest.raises(InvalidInput, match="page token") as caught:
            page(shop, wrong)
        assert caught.value.data["field"] == "page_token"


def test_an_old_token_has_expired() -> None:
    with opened_shop([Item("p1", "lamp")]) as shop:
        frozen_at = 1_000_000.0
        tokens = PageTokens(SECRET, ttl_s=900.0, clock=lambda: frozen_at)
        served = shop.frontend.search(SearchRequest(query=understand("lamp")))
        frozen = PageTokens(SECRET).read(served.page_token)
        assert not isinstance(frozen, str)
        token = tokens.whole(frozen)
        assert tokens.read(token) == frozen
        with pytest.raises(PageExpired, match="expired"):
            replace(tokens, clock=lambda: frozen_at + 901.0).read(token)


def test_a_named_list_that_nobody_keeps_has_expired(shop: Shop) -> None:
    with pytest.raises(PageExpired, match="no longer kept"):
        page(shop, PageTokens(SECRET).named("ab" * 16))


def test_a_list_too_long_for_a_token_is_cut_and_says_so() -> None:
    items = [Item(sha256(b"%d" % n).hexdigest(), "lamp") for n in range(200)]
    with opened_shop(items) as shop:
        served = shop.frontend.search(SearchRequest(query=understand("lamp")))
        assert len(served.page_token) <= MAX_TOKEN_CHARS
        [note] = shop.frontend.search(
            SearchRequest(query=understand("", offset=0), page_token=served.page_token)
        ).page.notes
        assert "Of 200 products only the first" in note


def test_a_page_by_a_token_has_the_words_the_filter_and_the_order_of_its_query(shop: Shop) -> None:
    whole = page(shop, token_of(shop), understand("ignored", offset=0, size=30))
    served = shop.frontend.search(
        SearchRequest(query=understand("ignored", offset=25, size=10), page_token=token_of(shop))
    )
    assert [hit.id for hit in served.page.hits] == whole[25:]
    assert served.page.query == replace(understand("lamp"), offset=25, size=10)
    assert not served.has_more
    beyond = shop.frontend.search(SearchRequest(query=understand("", offset=500), page_token=token_of(shop)))
    assert (beyond.page.hits, beyond.has_more, beyond.page.total.value) == ((), False, 30)
