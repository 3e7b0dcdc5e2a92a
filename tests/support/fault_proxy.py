"""A reverse proxy that asks for a password and misbehaves on request, for tests of what a client does then.

The servers that tests boot have no security and are never overloaded; this stands before one and pretends.
"""

from __future__ import annotations

import base64
import hmac
import http.client
import json
import re
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Literal
from urllib.parse import urlsplit

__all__ = ["Fault", "FaultProxy", "SeenRequest"]

_Answer = tuple[int, Sequence[tuple[str, str]], bytes]

# Meaningful for one connection only, so never passed on.
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "content-length"})
# The server behind has no security, and the host is another one for it.
_OURS = _HOP_BY_HOP | {"authorization", "host"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What happens to requests whose method and path match.

    The first `after` matching requests pass untouched; the next `times` (None: all) are hit. `drop="request"` closes
    the connection before the server sees the request, `drop="answer"` after it has done what was asked.
    """

    path: str = ".*"
    method: str | None = None
    after: int = 0
    times: int | None = None
    latency_s: float = 0.0
    status: int | None = None
    retry_after_s: int | None = None
    drop: Literal["request", "answer"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenRequest:
    """A request as it arrived; `status` is what was answered, None when the connection was dropped."""

    method: str
    path: str
    body: bytes
    status: int | None


class FaultProxy:
    """Listens on a free loopback port from `with` to its end, and forwards to `upstream` (`http://host:port`).

    With `user` given, requests without the right HTTP basic credentials get 401. Faults are tried in order; the first
    one that hits a request decides.
    """

    def __init__(
        self, upstream: str, *, user: str | None = None, password: str = "", faults: Sequence[Fault] = ()
    ) -> None:
        parts = urlsplit(upstream)
        if parts.hostname is None:
            raise ValueError(f"no host in {upstream!r}")
        self._upstream = (parts.hostname, parts.port or 80)
        self._expected = None if user is None else base64.b64encode(f"{user}:{password}".encode()).decode()
        self._lock = threading.Lock()
        self._faults: list[Fault] = list(faults)
        self._matched: list[int] = [0] * len(self._faults)
        self._seen: list[SeenRequest] = []
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="fault-proxy")

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """`http://127.0.0.1:PORT`, without credentials."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def seen(self) -> list[SeenRequest]:
        """Every request so far, in the order of their answers."""
        with self._lock:
            return list(self._seen)

    def inject(self, *faults: Fault) -> None:
        """Replaces the faults, from the next request on; their counts start anew. No argument: behave."""
        with self._lock:
            self._faults = list(faults)
            self._matched = [0] * len(faults)

    def __enter__(self) -> FaultProxy:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.close_connections()
        self._server.server_close()
        self._thread.join()

    def _fault_for(self, method: str, path: str) -> Fault | None:
        with self._lock:
            for number, fault in enumerate(self._faults):
                if fault.method not in (None, method) or not re.search(fault.path, path):
                    continue
                self._matched[number] += 1
                count = self._matched[number] - fault.after
                if count >= 1 and (fault.times is None or count <= fault.times):
                    return fault
        return None

    def _record(self, request: SeenRequest) -> None:
        with self._lock:
            self._seen.append(request)

    def _is_allowed(self, authorization: str | None) -> bool:
        if self._expected is None:
            return True
        scheme, _, given = (authorization or "").partition(" ")
        return scheme.lower() == "basic" and hmac.compare_digest(given.strip(), self._expected)


class _Server(ThreadingHTTPServer):
    # Threads are joined at the end: none outlives its test and warns about an open socket in a later one.
    daemon_threads = False

    def __init__(self, proxy: FaultProxy) -> None:
        self.proxy = proxy
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        if isinstance(request, socket.socket):
            with self._open_lock:
                self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        if isinstance(request, socket.socket):
            with self._open_lock:
                self._open.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        """Ends the idle keep-alive connections, whose threads would wait for a next request for ever."""
        with self._open_lock:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    # The client was faster.
                    continue

    def handle_error(self, request: object, client_address: object) -> None:
        """Stays silent: a client that hangs up is what these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    # Head and body go out in two writes; without this the second waits 40 ms for an acknowledgement.
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:
        """Writes nothing: the requests are kept in `seen`."""

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:  # who sent it was killed meanwhile: half a request is none
            self.close_connection = True
            return
        answer = self._answer(body)
        status = None if answer is None else answer[0]
        # Recorded before it is sent: who has the answer finds the request in `seen`.
        self.server.proxy._record(SeenRequest(method=self.command, path=self.path, body=body, status=status))
        if answer is None:
            self.close_connection = True
        else:
            self._send(*answer)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _serve

    def _answer(self, body: bytes) -> _Answer | None:
        if self.headers.get("Transfer-Encoding"):
            # The body was not read, so the next request on this connection could not be found.
            self.close_connection = True
            return HTTPStatus.LENGTH_REQUIRED, [], _error(411, "send a Content-Length")
        if not self.server.proxy._is_allowed(self.headers.get("Authorization")):
            challenge = [("WWW-Authenticate", 'Basic realm="test"'), ("X-Elastic-Product", "Elasticsearch")]
            return HTTPStatus.UNAUTHORIZED, challenge, _error(401, "security_exception")
        fault = self.server.proxy._fault_for(self.command, self.path)
        if fault is None:
            return self._forward(body)
        time.sleep(fault.latency_s)
        if fault.drop == "request":
            return None
        if fault.status is not None:
            wait = [] if fault.retry_after_s is None else [("Retry-After", str(fault.retry_after_s))]
            return fault.status, [*wait, ("X-Elastic-Product", "Elasticsearch")], _error(fault.status, "injected_fault")
        answer = self._forward(body)
        return None if fault.drop == "answer" else answer

    def _forward(self, body: bytes) -> _Answer:
        upstream = http.client.HTTPConnection(*self.server.proxy._upstream, timeout=60.0)
        try:
            passed = {name: value for name, value in self.headers.items() if name.lower() not in _OURS}
            upstream.request(self.command, self.path, body=body or None, headers=passed)
            answer = upstream.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        except OSError as down:
            return HTTPStatus.BAD_GATEWAY, [], _error(502, str(down))
        finally:
            upstream.close()

    def _send(self, status: int, headers: Sequence[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        if not any(name.lower() == "content-type" for name, _ in headers):
            self.send_header("Content-Type", "application/json")
        for name, value in headers:
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _error(status: int, kind: str) -> bytes:
    cause = {"type": kind, "reason": kind}
    return json.dumps({"error": {"root_cause": [cause], **cause}, "status": status}).encode()
