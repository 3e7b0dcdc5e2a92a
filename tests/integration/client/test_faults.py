"""Something between the client and the real service fails: requests and answers are lost, others are told to wait."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from multirecall.service.keys import Role
from multirecall_client import BulkStopped, ConnectionBroken, RateLimited, UbiQuery, Unavailable
from tests.integration.client.conftest import MakeClient, RunningService
from tests.support.fault_proxy import Fault, FaultProxy

PRODUCTS = "/v1/products"


@pytest.fixture
def proxy(service: RunningService) -> Iterator[FaultProxy]:
    with FaultProxy(service.url) as proxy:
        yield proxy


@pytest.fixture
def through(proxy: FaultProxy, service: RunningService, connect: MakeClient) -> Any:
    """A client through the proxy, which keeps Authorization to itself: so the key goes beside one."""
    headers = {"Authorization": "Basic cHJveHk="}
    client = connect(proxy.url, api_key=service.keys[Role.ADMIN], headers=headers)
    yield client
    client.close()


def rows(n: int) -> list[dict[str, str]]:
    return [{"id": f"f{k}", "title": f"Funnel {k}"} for k in range(n)]


def test_bulk_writes_arrive_whole_whatever_is_lost_on_the_way(proxy: FaultProxy, through: Any) -> None:
    proxy.inject(
        Fault(path=PRODUCTS, after=1, times=1, status=503, retry_after_s=0),
        Fault(path=PRODUCTS, after=1, times=1, drop="answer"),
        Fault(path=PRODUCTS, after=2, times=1, drop="request"),
        Fault(path=PRODUCTS, after=3, times=1, status=429, retry_after_s=0),
    )
    report = through.bulk_upsert(rows(30), chunk_items=6, wait="applied")
    assert (report.ok, dict(report.counts)) == (True, {"applied": 30})
    assert [request.status for request in proxy.seen if request.status != 200] != []
    assert len([request for request in proxy.seen if request.path.startswith(PRODUCTS)]) == 5 + 4
    proxy.inject()
    assert through.search("funnel", routes="lexical", use_cache=False).total.value == 30
    through.bulk_delete([row["id"] for row in rows(30)]).raise_for_problems()


def test_a_job_that_stops_for_good_says_where_and_can_go_on_from_there(proxy: FaultProxy, through: Any) -> None:
    proxy.inject(Fault(path=PRODUCTS, after=2, status=503))
    with pytest.raises(BulkStopped) as caught:
        through.options(retries=1).bulk_upsert(rows(10), chunk_items=2, wait="applied")
    assert isinstance(caught.value.reason, Unavailable)
    assert caught.value.settled == 4
    assert caught.value.report is not None
    assert dict(caught.value.report.counts) == {"applied": 4}
    proxy.inject()
    rest = rows(10)[caught.value.settled :]
    through.bulk_upsert(rest, wait="applied").raise_for_problems()
    assert through.search("funnel", routes="lexical", use_cache=False).total.value == 10
    through.bulk_delete([row["id"] for row in rows(10)]).raise_for_problems()


@pytest.mark.parametrize("lost", ["answer", "request"])
def test_events_that_may_be_stored_are_not_told_twice(
    proxy: FaultProxy, through: Any, service: RunningService, lost: Any
) -> None:
    query = UbiQuery(query_id=f"once-{lost}-{uuid.uuid4()}", user_query="toner")
    proxy.inject(Fault(path="/v1/events", times=1, drop=lost))
    with pytest.raises(ConnectionBroken):
        through.events(queries=[query])
    stored = "".join(path.read_text() for path in service.events.iterdir()) if service.events.exists() else ""
    assert stored.count(query.query_id) == (1 if lost == "answer" else 0)


def test_events_that_were_not_taken_are_told_again(proxy: FaultProxy, through: Any, service: RunningService) -> None:
    query = UbiQuery(query_id=f"again-{uuid.uuid4()}", user_query="toner")
    proxy.inject(Fault(path="/v1/events", times=1, status=503, retry_after_s=0))
    assert through.events(queries=[query]).stored == 1
    stored = "".join(path.read_text() for path in service.events.iterdir())
    assert stored.count(query.query_id) == 1


def test_a_search_outlives_what_passes_and_tells_what_does_not(proxy: FaultProxy, through: Any) -> None:
    proxy.inject(Fault(path="/v1/search", times=1, drop="answer"), Fault(path="/v1/search", times=1, status=502))
    assert len(through.search("toner", size=3)) == 3
    proxy.inject(Fault(path="/v1/search", status=429, retry_after_s=3600))
    with pytest.raises(RateLimited) as caught:
        through.search("toner")
    assert caught.value.retry_after_s == 3600
    assert len(proxy.seen) == 4
