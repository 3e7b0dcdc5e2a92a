"""Bulk writes and events to the real service by both clients: every change has its result."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from multirecall.service.keys import Role
from multirecall_client import (
    AsyncClient,
    BulkStopped,
    Delete,
    Forbidden,
    InvalidArgument,
    NotFound,
    SearchResult,
    UbiEvent,
    UbiQuery,
    Update,
    Upsert,
)
from tests.integration.client.conftest import MakeClient, RunningService


def row(name: str, **others: Any) -> dict[str, Any]:
    return {"id": name, "title": f"Stapler {name}", "price": "9.90", "currency": "EUR", **others}


@pytest.fixture
def staplers(client: Any) -> Iterator[list[str]]:
    """Ids that are gone again after the test."""
    names = [f"s{n}" for n in range(7)]
    yield names
    client.bulk_delete(names).raise_for_problems()


def test_products_go_in_change_and_go_again(client: Any, staplers: list[str]) -> None:
    report = client.bulk_upsert((row(name) for name in staplers), wait="applied", chunk_items=3)
    assert (report.ok, dict(report.counts)) == (True, {"applied": 7})
    assert client.product("s3").price_minor == 990
    assert client.search("stapler", routes="lexical", use_cache=False).total.value == 7
    client.bulk_update([Update("s3", {"price": "5.00", "currency": "EUR", "in_stock": True})]).raise_for_problems()
    assert (client.product("s3").price_minor, client.product("s3").in_stock) == (500, True)
    client.bulk_delete(["s3"]).raise_for_problems()
    with pytest.raises(NotFound):
        client.product("s3")


def test_each_change_has_its_result_in_order_whatever_becomes_of_the_others(client: Any, staplers: list[str]) -> None:
    changes = [
        Upsert(row("s0")),
        Upsert({"id": "s1"}),
        Upsert({"title": "no id"}),
        Upsert({"id": "s3", "title": object()}),
        Update("s0", {"price": "1.00", "currency": "EUR"}),
        Update("", {"price": "1.00", "currency": "EUR"}),
        Update("s0", {"title": "no"}),
        Update("nosuch", {"in_stock": True}),
        Delete("s0"),
    ]
    results = list(client.iter_bulk(changes, wait="applied"))
    assert [one.index for one in results] == list(range(9))
    assert [one.kind for one in results] == ["upsert"] * 4 + ["update"] * 4 + ["delete"]
    assert [one.status for one in results] == [
        "applied",
        "refused",
        "refused",
        "refused",
        "applied",
        "refused",
        "refused",
        "missing",
        "applied",
    ]
    assert all(one.error for one in results if one.status == "refused")
    assert results[1].field == "title"
    assert [one.ok for one in results].count(False) == 6


def test_the_last_change_of_a_product_wins(client: Any, staplers: list[str]) -> None:
    changes: list[Any] = [Upsert(row("s0", price=f"{n}.00")) for n in range(1, 6)]
    changes += [Delete("s0"), Upsert(row("s0", price="6.00")), Update("s0", {"price": "7.00", "currency": "EUR"})]
    assert all(one.ok for one in client.iter_bulk(changes, wait="applied", chunk_items=2))
    assert client.product("s0").price_minor == 700


def test_a_change_beyond_the_services_limit_is_refused_alone(client: Any, staplers: list[str]) -> None:
    big = row("s1", description="x" * (8 << 20))
    report = client.bulk_upsert([row("s0"), big, row("s2")], chunk_bytes=64 << 20)
    assert dict(report.counts) == {"applied": 2, "refused": 1}
    [problem] = report.problems
    assert (problem.index, problem.id) == (1, "s1")


def test_the_source_is_drawn_chunk_by_chunk(client: Any, staplers: list[str]) -> None:
    drawn = []

    def source() -> Iterator[Upsert]:
        for name in staplers:
            drawn.append(name)
            yield Upsert(row(name))

    results = client.iter_bulk(source(), chunk_items=2)
    assert drawn == []
    assert next(results).id == "s0"
    assert len(drawn) == 3
    assert len(list(results)) == 6


def test_the_async_client_takes_async_sources_too(service: RunningService) -> None:
    async def source() -> AsyncIterator[dict[str, Any]]:
        for n in range(7):
            yield row(f"s{n}")

    async def names() -> AsyncIterator[str]:
        async for product in source():
            yield product["id"]

    async def updates() -> AsyncIterator[Update]:
        async for name in names():
            yield Update(name, {"in_stock": False})

    async def work() -> list[int]:
        async with AsyncClient(service.url, api_key=service.keys[Role.WRITE]) as client:
            done = [await client.bulk_upsert(source()), await client.bulk_update(updates())]
            done.append(await client.bulk_delete(names(), wait="applied"))
        return [report.counts["applied"] for report in done]

    assert asyncio.run(work()) == [7, 7, 7]


def test_a_job_that_is_stopped_says_how_far_it_came(client: Any, staplers: list[str]) -> None:
    changes = [Upsert(row("s0")), Upsert(row("s1")), {"id": "s2"}]
    with pytest.raises(BulkStopped, match="Change 2 is no") as caught:
        list(client.iter_bulk(changes, chunk_items=1))
    assert caught.value.settled == 1
    assert client.product("s0").id == "s0"


def test_who_may_not_write_is_told_so(service: RunningService, connect: MakeClient) -> None:
    reader = connect(service.url, api_key=service.keys[Role.SEARCH])
    with pytest.raises(BulkStopped) as caught:
        reader.bulk_delete(["p000"])
    assert isinstance(caught.value.reason, Forbidden)
    assert caught.value.settled == 0
    assert caught.value.report is not None
    assert caught.value.report.total == 0
    with pytest.raises(InvalidArgument, match="ids"):
        reader.bulk_delete("p000")


def test_nothing_to_write_is_no_request(connect: MakeClient) -> None:
    nobody = connect("http://127.0.0.1:1", retries=0)
    assert nobody.bulk_upsert([]).total == 0


def test_events_are_on_the_disk(client: Any, service: RunningService) -> None:
    page: SearchResult = client.search("black toner", size=2)
    told = client.events(
        queries=[UbiQuery.of(page, "black toner", client_id="c1")],
        events=[UbiEvent.of(page, page[1]), UbiEvent.of(page, page[1], "purchase")],
    )
    assert told.stored == 3
    lines = [json.loads(line) for path in service.events.iterdir() for line in path.read_text().splitlines()]
    mine = [line for line in lines if line["query_id"] == page.request_id]
    assert [line.get("action_name") for line in mine] == [None, "click", "purchase"]
    assert mine[0]["query_response_hit_ids"] == page.ids
    assert mine[1]["event_attributes"] == {"object": {"object_id": page.ids[1]}, "position": {"ordinal": 2}}
