"""Searches, pages, suggestions, explanations and state, from the real service by both clients."""

from __future__ import annotations

from typing import Any

import pytest

from multirecall.service.keys import Role
from multirecall_client import (
    Field,
    Forbidden,
    InvalidRequest,
    NotFound,
    Problem,
    Search,
    SearchResult,
    Unauthorized,
)
from tests.integration.client.conftest import N_PRODUCTS, MakeClient, RunningService

brand, price = Field("brand"), Field("price")


def test_a_search_gives_products_their_sources_and_how_it_came_about(client: Any) -> None:
    page = client.search("black toner", size=5, route_hits=2)
    assert len(page) == 5
    assert all(hit.product.title for hit in page)
    assert [hit.rank for hit in page] == [1, 2, 3, 4, 5]
    assert {source.route for hit in page for source in hit.sources} == {"lexical", "dense"}
    assert {name: route.status for name, route in page.routes.items()} == {"lexical": "ok", "dense": "ok"}
    assert page.routes["lexical"].top is not None
    assert [hit.rank for hit in page.routes["lexical"].top] == [1, 2]
    assert (page.degraded, page.page.has_more, bool(page.page.token)) == ({}, True, True)
    assert page.generation.startswith("products-")


def test_filters_facets_and_sort_do_what_the_builder_says(client: Any) -> None:
    page = client.search(
        "toner", filters=[brand == "HP", price <= 40], sort=price.descending(), facets=[brand.counts()]
    )
    prices = [hit.product.price_minor for hit in page]
    assert prices == sorted(prices, reverse=True)
    assert max(prices) <= 4_000
    assert {hit.product.brand for hit in page} == {"HP"}
    [bucket] = page.aggregations["brand"].buckets
    assert (bucket.key, bucket.count) == ("HP", len(page))


def test_a_bucket_that_is_chosen_gives_the_products_it_counted(client: Any) -> None:
    page = client.search("toner", facets=[brand.counts(), price.ranges(20, 50)], routes="lexical")
    for field, facet in page.aggregations.items():
        for bucket in facet.buckets:
            chosen = client.search("toner", filters=bucket.filters(field), routes="lexical")
            assert chosen.total.value == bucket.count


def test_options_of_a_search_reach_the_service(client: Any) -> None:
    page = client.search("black toner", routes="lexical", fusion="rrf?k=7", explain=True, use_cache=False, size=2)
    assert {source.route for hit in page for source in hit.sources} == {"lexical"}
    assert "7" in page.fusion
    assert page.cache.status in ("bypass", "off")
    for hit in page:
        assert hit.explanation is not None
        total = hit.explanation.base + sum(share.contribution for share in hit.explanation.shares)
        assert total == pytest.approx(hit.score)


@pytest.mark.parametrize("size", [7, N_PRODUCTS, 200])
def test_all_hits_come_once_and_in_order(client: Any, size: int) -> None:
    hits = list(client.iter_hits("toner", size=size))
    assert [hit.rank for hit in hits] == list(range(1, N_PRODUCTS + 1))
    assert len({hit.id for hit in hits}) == N_PRODUCTS


def test_pages_come_from_one_list_and_can_be_had_singly(client: Any) -> None:
    pages = list(client.iter_pages("toner", size=25))
    assert [len(page) for page in pages] == [25, 25, 10]
    assert len({page.generation for page in pages}) == 1
    second = client.search(page_token=pages[0].page.token, offset=25, size=25)
    assert second.ids == pages[1].ids


@pytest.mark.parametrize("limit", [0, 1, 10, 11, 1000])
def test_a_limit_is_kept_and_no_page_is_asked_for_beyond_it(client: Any, limit: int) -> None:
    assert len(list(client.iter_hits("toner", limit=limit, size=10))) == min(limit, N_PRODUCTS)


def test_a_batch_answers_each_search_by_itself(client: Any) -> None:
    batch = client.batch(["toner", Search(query="toner", filters="nosuch=1"), Search(query="cyan", size=2)])
    assert [type(result) for result in batch.results] == [SearchResult, Problem, SearchResult]
    with pytest.raises(InvalidRequest, match="nosuch"):
        batch.pages()
    assert [len(page) for page in client.batch(["toner", Search(query="cyan", size=2)]).pages()] == [10, 2]


def test_suggestions_go_on_with_what_was_typed(client: Any) -> None:
    found = client.suggest("bla", size=3)
    assert len(found) == 3
    assert all("bla" in one.text.lower() for one in found)


def test_a_score_is_explained_and_so_is_a_difference(client: Any) -> None:
    first, second = client.search("black toner", size=2).ids
    alone = client.explain("black toner", first)
    assert alone.explanation is not None
    assert alone.explanation.product_id == first
    why = client.why(Search(query="black toner"), first, second)
    assert why.difference == pytest.approx(why.a.score - why.b.score)
    assert sum(one.difference for one in why.differences) == pytest.approx(why.difference)


def test_a_product_is_found_by_its_id_or_not_at_all(client: Any) -> None:
    assert client.product("p001").title == "Cyan toner cartridge 1"
    for name in ("nosuch", "a/b", "?x=1", "ä ö"):
        with pytest.raises(NotFound) as caught:
            client.product(name)
        assert name in caught.value.title


def test_the_deployment_says_how_it_stands(client: Any) -> None:
    assert client.health().status == "ok"
    ready = client.ready()
    assert ready
    assert ready.parts["engine"] == "ok"
    [generation] = [one for one in client.generations().generations if one.live]
    assert generation.products >= N_PRODUCTS


@pytest.mark.parametrize(
    ("options", "field"),
    [({"size": 0}, "size"), ({"filters": "nosuch=1"}, "nosuch"), ({"fusion": "blender:/etc"}, "fusion")],
)
def test_what_the_service_refuses_is_an_error_with_the_field(client: Any, options: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        client.options(request_id="check-1").search("toner", **options)
    assert caught.value.field == field
    assert caught.value.request_id == "check-1"
    assert caught.value.status == 422


def test_a_page_token_that_was_not_made_there_is_refused(client: Any) -> None:
    with pytest.raises(InvalidRequest) as caught:
        client.search(page_token="made-up")
    assert caught.value.field == "page_token"


def test_the_request_id_goes_there_and_back(client: Any) -> None:
    assert client.options(request_id="shop-1:7").search("toner").request_id == "shop-1:7"
    assert client.search("toner").request_id != client.search("toner").request_id


def test_keys_are_asked_for_and_have_roles(service: RunningService, connect: MakeClient) -> None:
    with pytest.raises(Unauthorized):
        connect(service.url).search("toner")
    with pytest.raises(Unauthorized) as caught:
        connect(service.url, api_key="mr_wrong").search("toner")
    assert "mr_wrong" not in str(caught.value)
    reader = connect(service.url, api_key=service.keys[Role.SEARCH], headers={"Authorization": "Basic cHJveHk="})
    assert len(reader.search("toner", size=1)) == 1
    with pytest.raises(Forbidden):
        reader.jobs()
