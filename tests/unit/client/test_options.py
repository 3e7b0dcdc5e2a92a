"""Options, addresses and keys: what may be said, and that no key ever shows."""

from __future__ import annotations

import asyncio
import logging
import math
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from multirecall_client import AsyncClient, Client, InvalidArgument
from multirecall_client.options import Options

KEY = "mr_0123456789-secret"


@pytest.mark.parametrize("timeout_s", [0, -1, math.inf, math.nan])
def test_a_time_out_is_a_number_of_seconds(timeout_s: float) -> None:
    with pytest.raises(InvalidArgument, match="timeout_s"):
        Client(timeout_s=timeout_s)


@pytest.mark.parametrize(
    "options",
    [
        {"retries": -1},
        {"request_id": ""},
        {"request_id": "a b"},
        {"request_id": "x" * 129},
        {"headers": {"X A": "b"}},
        {"headers": {"X-A": "b\r\nX-B: c"}},
        {"headers": {"X-A": "ü"}},
        {"headers": {"X-Request-Id": "mine"}},
        {"headers": {"Content-Type": "text/plain"}},
    ],
)
def test_what_no_request_could_carry_is_refused_by_name(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument, match=next(iter(options))):
        Client().options(**options)


@pytest.mark.parametrize(
    "url",
    ["", "localhost:8080", "ftp://host", "http://", "http://user:pw@host", "http://host?x=1", "http://host#x", None],
)
def test_an_address_that_cannot_be_used_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(InvalidArgument, match="base_url") as caught:
        Client(url)
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize("key", ["", " ", "a\nb", "ключ", f"{KEY}\n"])
def test_a_key_that_no_header_could_carry_is_refused_without_repeating_it(key: str) -> None:
    with pytest.raises(InvalidArgument, match="api_key") as caught:
        Client(api_key=key)
    assert not key.strip() or key.strip() not in str(caught.value)


def test_options_add_up_and_leave_the_client_as_it_was() -> None:
    client = Client(timeout_s=5, headers={"X-A": "1"})
    other = client.options(retries=0, headers={"X-B": "2"}).options(request_id="r1")
    assert repr(other) == (
        "Client('http://127.0.0.1:8080', options=Options(timeout_s=5, retries=0, request_id='r1', "
        "headers=['X-A', 'X-B']))"
    )
    assert repr(client) == "Client('http://127.0.0.1:8080', options=Options(timeout_s=5, headers=['X-A']))"


def seen(request: httpx.Request) -> httpx.Response:
    """Tells what it was sent. A real service does not: that is why this is no real one."""
    return httpx.Response(200, json={"status": "ok", "headers": dict(request.headers), "url": str(request.url)})


def asked(headers: dict[str, str] | None = None, key: Any = KEY, url: str = "https://shop.example/api/") -> Any:
    with Client(url, api_key=key, transport=httpx.MockTransport(seen), headers=headers) as client:
        answer: Any = client.health()
    return answer


def test_the_key_goes_as_a_bearer_and_beside_a_proxys_own_authorization() -> None:
    assert asked().headers["authorization"] == f"Bearer {KEY}"
    assert "x-api-key" not in asked().headers
    both = asked({"Authorization": "Basic cHJveHk="}, SecretStr(KEY)).headers
    assert (both["authorization"], both["x-api-key"]) == ("Basic cHJveHk=", KEY)
    assert {"authorization", "x-api-key"}.isdisjoint(asked(key=None).headers)
    assert asked().headers["user-agent"].startswith("multirecall-client/")


def test_a_path_before_the_service_stays() -> None:
    assert asked().url == "https://shop.example/api/healthz"


def test_the_key_shows_neither_in_logs_nor_in_what_is_printed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    client = Client(api_key=KEY, headers={"X-Token": "hidden"}, transport=httpx.MockTransport(seen))
    client.health()
    shown = [repr(client), str(vars(client)), repr(client._pools.__dict__), caplog.text]
    shown.append(repr(AsyncClient(api_key=KEY, headers={"X-Token": "hidden"})))
    assert "HTTP Request" in caplog.text
    for text in shown:
        assert KEY not in text
        assert "hidden" not in text
    client.close()


def test_options_share_the_connections_and_do_not_close_them() -> None:
    closed = []

    class Transport(httpx.MockTransport):
        def close(self) -> None:
            closed.append(self)

    client = Client(transport=Transport(seen))
    with client.options(timeout_s=1) as quick:
        assert quick.health().status == "ok"
    assert closed == []
    client.close()
    assert len(closed) == 1


def test_an_async_client_opens_connections_per_event_loop() -> None:
    client = AsyncClient(transport=httpx.MockTransport(seen))

    async def ask_twice() -> None:
        for _ in range(2):
            assert (await client.health()).status == "ok"
        assert len(client._pools._by_loop) == 1

    asyncio.run(ask_twice())
    asyncio.run(ask_twice())


def test_options_are_values() -> None:
    assert Options(timeout_s=1) == Options(timeout_s=1) != Options()
