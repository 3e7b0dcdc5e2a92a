"""What real sockets do: refused, silent, broken off, shared by a fork, left by an event loop; and too many requests."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from multirecall.service.keys import Role
from multirecall_client import AsyncClient, Client, ConnectionBroken, ConnectionFailed, RateLimited, TimedOut
from tests.integration.client.conftest import MakeClient, RunningService, catalogue
from tests.support.http_service import index_products, make_keys, running_service, service_settings

ANSWER = b'{"status":"ok"}'


@contextmanager
def listening(answers: list[bytes | None]) -> Iterator[str]:
    """A server that gives one answer per connection and closes it; None: it waits until the other side goes."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            for answer in answers:
                connection, _ = server.accept()
                with connection:
                    connection.recv(65_536)
                    if answer is None:
                        connection.recv(1)
                    elif answer:
                        connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            thread.join(10)


GARBLED = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 7\r\n\r\nno gzip"


def http(body: bytes, length: int | None = None) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body) if length is None else length, body)


def test_nobody_there_is_a_connection_that_failed(connect: MakeClient) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(ConnectionFailed) as caught:
            connect(url, retries=0).options(request_id="r1").health()
    assert caught.value.request_id == "r1"
    assert not caught.value.sent
    assert "GET /healthz" in str(caught.value)


def test_no_answer_is_over_when_the_time_is(connect: MakeClient) -> None:
    with listening([None]) as url:
        started = time.monotonic()
        client = connect(url, timeout_s=0.2)
        with pytest.raises(TimedOut) as caught:
            client.health()
        assert 0.2 <= time.monotonic() - started < 2.0
        assert caught.value.sent
        client.close()


@pytest.mark.parametrize(
    "broken", [b"", b"HTTP/1.1 200", http(ANSWER, length=99), GARBLED], ids=["none", "head", "body", "garbled"]
)
def test_a_connection_that_breaks_is_tried_again_and_then_told(connect: MakeClient, broken: bytes) -> None:
    with listening([broken, http(ANSWER)]) as url:
        assert connect(url).health().status == "ok"
    with listening([broken]) as url, pytest.raises(ConnectionBroken) as caught:
        connect(url, retries=0).health()
    assert caught.value.sent


def test_too_many_requests_wait_as_long_as_they_are_told(tmp_path: Path, connect: MakeClient) -> None:
    keys, setting = make_keys()
    engine = index_products(catalogue(), tmp_path)
    limited = service_settings(engine, tmp_path, api_keys=setting, rate_per_s=5.0, rate_burst=2)
    with running_service(limited) as url:
        client = connect(url, api_key=keys[Role.SEARCH])
        refused = []
        for _ in range(10):
            try:
                client.options(retries=0).search("toner")
            except RateLimited as error:
                refused.append(error)
        assert refused
        assert all(error.retry_after_s is not None and error.retry_after_s <= 1.0 for error in refused)
        assert len(client.options(timeout_s=20).search("toner", size=3)) == 3


def test_an_async_client_goes_from_loop_to_loop(service: RunningService) -> None:
    client = AsyncClient(service.url, api_key=service.keys[Role.SEARCH])

    async def ask() -> int:
        pages = await asyncio.gather(*(client.search("toner", size=n) for n in range(1, 6)))
        await client.close()
        return sum(len(page) for page in pages)

    assert [asyncio.run(ask()) for _ in range(2)] == [15, 15]


FORKING = """
import os, sys
from multirecall_client import Client
client = Client(sys.argv[1], api_key=sys.argv[2])
client.search("toner", size=1)
child = os.fork()
mine = 2 if child else 3
sizes = [len(client.search("toner", size=mine)) for _ in range(30)]
right = sizes == [mine] * 30 and len(client._pools._by_process) == (1 if child else 2)
if not child:
    os._exit(0 if right else 1)
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
sys.exit(0 if right and code == 0 and len(client.search("toner", size=4)) == 4 else 1)
"""


def test_a_fork_shares_no_connection_with_its_parent(service: RunningService) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORKING, service.url, service.keys[Role.SEARCH]],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


def test_threads_share_a_client(service: RunningService) -> None:
    sizes: list[int] = []
    with Client(service.url, api_key=service.keys[Role.SEARCH]) as client:

        def ask(size: int) -> None:
            sizes.extend(len(client.search("toner", size=size)) - size for _ in range(5))

        threads = [threading.Thread(target=ask, args=(n,)) for n in range(1, 9)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert sizes == [0] * 40
