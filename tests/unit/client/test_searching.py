"""Search says what was asked for and nothing else."""

from __future__ import annotations

from dataclasses import fields

import pytest

from multirecall.service.bodies import SearchBody
from multirecall_client import InvalidArgument, Search, SearchOptions, SearchResult
from multirecall_client.searching import following

ALL = Search(
    query="toner",
    filters=["brand=HP"],
    facets=["brand"],
    sort=["price"],
    offset=10,
    size=5,
    timeout_ms=200,
    explain=True,
    routes=["lexical"],
    fusion="rrf?k=60",
    use_cache=False,
    route_hits=3,
)


def page(*, has_more: bool, token: str) -> SearchResult:
    found = {"hits": {"total": {"value": 0, "relation": "exact"}, "hits": []}}
    return SearchResult.model_validate({**found, "page": {"has_more": has_more, "token": token}})


def test_the_keywords_of_methods_are_the_fields_of_a_search() -> None:
    assert set(SearchOptions.__annotations__) == {field.name for field in fields(Search)} - {"query"}


def test_a_search_says_only_what_is_not_at_its_default() -> None:
    assert Search().to_body() == {}
    assert Search(query="x", offset=20).to_body() == {"query": "x", "from": 20}
    assert Search(page_token="t", offset=10).to_body() == {"page_token": "t", "from": 10}


def test_the_service_reads_every_field_and_has_the_same_defaults() -> None:
    read = SearchBody.model_validate(ALL.to_body())
    for field in fields(Search):
        given, got = getattr(ALL, field.name), getattr(read, field.name)
        assert (tuple(got) if isinstance(got, list) else got) == given, field.name
    plain = SearchBody.model_validate({})
    for field in fields(Search):
        assert (getattr(plain, field.name) or None) == (field.default or None), field.name


def test_one_text_stands_for_a_list_of_one() -> None:
    assert Search(filters="brand=HP", facets="brand").to_body() == {"filters": ("brand=HP",), "facets": ("brand",)}


def test_filters_that_are_no_texts_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="filters"):
        Search(filters=[True])  # type: ignore[list-item]


def test_options_change_a_search_and_unknown_ones_are_refused() -> None:
    assert Search.of(ALL, {"size": 7}).size == 7
    assert Search.of(ALL, {}) == ALL
    with pytest.raises(TypeError, match="sizes"):
        Search.of("toner", {"sizes": 7})  # type: ignore[typeddict-unknown-key]


def test_going_through_all_pages_takes_larger_ones_unless_told() -> None:
    assert Search.through("toner", {}) == Search(query="toner", size=100)
    assert Search.through("toner", {"size": 7}) == Search(query="toner", size=7)
    assert Search.through(ALL, {}) == ALL


def test_the_following_page_is_named_by_the_token_and_the_place_alone() -> None:
    after = following(ALL, page(has_more=True, token="t"))
    assert after is not None
    assert after.to_body() == {"page_token": "t", "from": 15, "size": 5, "explain": True, "timeout_ms": 200}
    SearchBody.model_validate(after.to_body())
    again = following(after, page(has_more=True, token="t"))
    assert again is not None
    assert again.offset == 20


def test_after_the_last_page_there_is_none_and_without_a_list_no_further_page() -> None:
    assert following(ALL, page(has_more=False, token="t")) is None
    with pytest.raises(InvalidArgument, match="kept no list"):
        following(ALL, page(has_more=True, token=""))
