"""What the wire does to requests: a read on a connection that was cut is sent once more, a write never."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from multirecall.core.errors import EngineUnavailable
from multirecall.engines.servers.transport import Transport

_ANSWER = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{"ok":true}'


@contextmanager
def server(cut: int) -> Iterator[tuple[str, list[bytes]]]:
    """Ends the first `cut` connections after their request; yields its address and the request lines it saw."""
    seen: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(30)

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:  # closed at the end of the test
                    return
                with connection:
                    head = b""
                    while b"\r\n\r\n" not in head:
                        head += connection.recv(65536)
                    seen.append(head.split(b" HTTP/")[0])
                    if len(seen) > cut:
                        connection.sendall(_ANSWER)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", seen
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(30)


@contextmanager
def transport(address: str) -> Iterator[Transport]:
    opened = Transport(address, scheme="elasticsearch", credentials=None, tls=None, timeout_s=10)
    try:
        yield opened
    finally:
        opened.close()


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/shop"), ("POST", "/shop/_msearch"), ("POST", "/shop/_mget"), ("POST", "/s/_count")]
)
def test_a_read_is_sent_once_more_when_its_connection_was_cut(method: str, path: str) -> None:
    with server(cut=1) as (address, seen), transport(address) as wire:
        assert wire.send(method, path) == {"ok": True}
    assert seen == [f"{method} {path}".encode()] * 2


def test_a_read_is_not_sent_a_third_time() -> None:
    with server(cut=9) as (address, seen), transport(address) as wire, pytest.raises(EngineUnavailable):
        wire.send("GET", "/shop")
    assert len(seen) == 2


def test_a_write_is_never_sent_again_here() -> None:
    with server(cut=1) as (address, seen), transport(address) as wire, pytest.raises(EngineUnavailable):
        wire.send("POST", "/shop/_bulk", body=b"{}\n")
    assert len(seen) == 1


def test_where_nobody_listens_nothing_is_tried_twice() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with transport(f"http://127.0.0.1:{port}") as wire, pytest.raises(EngineUnavailable, match="Cannot reach"):
        wire.send("GET", "/shop")
