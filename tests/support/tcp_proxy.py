"""A proxy of bytes: forwards to the first of its upstreams that takes connections, and cuts answers in the middle."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Sequence
from types import TracebackType
from urllib.parse import urlsplit

__all__ = ["TcpProxy"]

_CHUNK = 16_384
_LOOK_EVERY_S = 0.05


class TcpProxy:
    """Listens on a free loopback port from `with` to its end. `upstreams` are tried in order (`http://host:port`).

    `cut(n, where)` lets the next n answers to requests that hold `where` break off in the middle: the server has done
    what was asked, and the client has half of the answer. `drop_all` ends all connections at once.
    """

    def __init__(self, upstreams: Sequence[str]) -> None:
        self._upstreams = [(str(urlsplit(url).hostname), int(urlsplit(url).port or 80)) for url in upstreams]
        self._lock = threading.Lock()
        self._to_cut, self._where = 0, b""
        self.cuts = 0
        self._open: set[socket.socket] = set()
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.settimeout(_LOOK_EVERY_S)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def cut(self, n: int, where: bytes) -> None:
        """The next `n` answers to requests that hold `where` break off."""
        with self._lock:
            self._to_cut, self._where = n, where

    def drop_all(self) -> int:
        """Ends all connections that are open now; returns how many."""
        with self._lock:
            dropped = list(self._open)
        for one in dropped:
            _end(one)
        return len(dropped)

    def __enter__(self) -> TcpProxy:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self.drop_all()
        for thread in self._threads:
            thread.join()
        self._listening.close()

    def _start(self, target: object, *args: object) -> None:
        thread = threading.Thread(target=target, args=args, name="tcp-proxy", daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                client, _ = self._listening.accept()
            except TimeoutError:
                continue
            self._start(self._serve, client)

    def _connected(self) -> socket.socket | None:
        for address in self._upstreams:
            try:
                return socket.create_connection(address, timeout=2.0)
            except OSError:  # that one is down: the next
                continue
        return None

    def _serve(self, client: socket.socket) -> None:
        server = self._connected()
        if server is None:
            client.close()
            return
        server.settimeout(None)
        with self._lock:
            self._open.add(client)
        try:
            self._pump(client, server)
        except OSError:  # either side is gone, and so is the other
            pass
        finally:
            with self._lock:
                self._open.discard(client)
            client.close()
            server.close()

    def _pump(self, client: socket.socket, server: socket.socket) -> None:
        asked = b""
        cutting = False
        while not self._ended.is_set():
            ready, _, _ = select.select([client, server], [], [], _LOOK_EVERY_S)
            for source in ready:
                data = source.recv(_CHUNK)
                if not data:
                    return
                if source is client:
                    asked = (asked + data)[-4 * _CHUNK :] if asked else data
                    cutting = cutting or self._is_to_cut(asked)
                    server.sendall(data)
                elif cutting:
                    client.sendall(data[: max(1, len(data) // 2)])
                    _end(client)
                    return
                else:
                    asked = b""
                    client.sendall(data)

    def _is_to_cut(self, asked: bytes) -> bool:
        with self._lock:
            if self._to_cut < 1 or self._where not in asked:
                return False
            self._to_cut -= 1
            self.cuts += 1
            return True


def _end(one: socket.socket) -> None:
    try:
        one.shutdown(socket.SHUT_RDWR)
    except OSError:  # it has ended already
        return
