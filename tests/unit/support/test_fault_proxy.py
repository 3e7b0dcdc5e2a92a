"""The proxy itself, before a server of a few lines."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from tests.support.fault_proxy import Fault, FaultProxy


@pytest.fixture
def upstream() -> Iterator[tuple[str, list[str]]]:
    done: list[str] = []

    class Echo(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            done.append(f"{self.command} {self.path}")
            answer = json.dumps({"path": self.path, "body": body.decode(), "auth": self.headers.get("Authorization")})
            self.send_response(201)
            self.send_header("X-Made-By", "upstream")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.encode())

        do_GET = do_HEAD = do_POST

    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", done
    server.shutdown()
    server.server_close()
    thread.join()


def test_proxy_when_no_fault_then_passes_all_on_over_one_connection(upstream: tuple[str, list[str]]) -> None:
    with FaultProxy(upstream[0]) as proxy:
        connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=5)
        connection.connect()
        first_socket = connection.sock
        for number in range(3):
            connection.request("POST", f"/a?n={number}", body=b"x" * number)
            answer = connection.getresponse()
            assert (answer.status, answer.headers["X-Made-By"]) == (201, "upstream")
            assert json.loads(answer.read()) == {"path": f"/a?n={number}", "body": "x" * number, "auth": None}
        assert connection.sock is first_socket
        connection.request("HEAD", "/a")
        assert connection.getresponse().read() == b""
        connection.close()
        assert [(r.method, r.path, r.status) for r in proxy.seen[2:]] == [("POST", "/a?n=2", 201), ("HEAD", "/a", 201)]


def test_proxy_when_a_password_is_set_then_only_the_right_one_passes(upstream: tuple[str, list[str]]) -> None:
    with FaultProxy(upstream[0], user="elastic", password="s:ä") as proxy:
        assert httpx.get(proxy.url).status_code == 401
        assert httpx.get(proxy.url, auth=("elastic", "wrong")).status_code == 401
        allowed = httpx.get(proxy.url, auth=httpx.BasicAuth("elastic", "s:ä"))
        assert allowed.status_code == 201
        assert allowed.json()["auth"] is None
        assert len(upstream[1]) == 1


def test_proxy_when_a_fault_has_a_count_then_later_requests_pass(upstream: tuple[str, list[str]]) -> None:
    fault = Fault(path="_bulk", after=1, times=2, status=429, retry_after_s=3)
    with FaultProxy(upstream[0], faults=[fault]) as proxy, httpx.Client(base_url=proxy.url) as client:
        assert client.get("/_search").status_code == 201
        answers = [client.post("/_bulk") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [201, 429, 429, 201]
        assert answers[1].headers["Retry-After"] == "3"
        proxy.inject()
        assert client.post("/_bulk").status_code == 201


@pytest.mark.parametrize(("drop", "reached"), [("request", 0), ("answer", 1)])
def test_proxy_when_it_drops_then_the_server_saw_it_or_not(
    upstream: tuple[str, list[str]], drop: str, reached: int
) -> None:
    with FaultProxy(upstream[0], faults=[Fault(drop=drop, times=1)]) as proxy:  # type: ignore[arg-type]
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.post(proxy.url, content=b"x")
        assert len(upstream[1]) == reached
        assert proxy.seen[0].status is None
        assert httpx.post(proxy.url).status_code == 201


def test_proxy_when_slow_then_takes_that_long(upstream: tuple[str, list[str]]) -> None:
    with FaultProxy(upstream[0], faults=[Fault(method="GET", latency_s=0.2)]) as proxy:
        started = time.monotonic()
        httpx.get(proxy.url)
        assert time.monotonic() - started >= 0.2


def test_proxy_when_the_client_ends_in_mid_request_then_nothing_is_passed_on(upstream: tuple[str, list[str]]) -> None:
    with FaultProxy(upstream[0]) as proxy, socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as client:
        client.sendall(b"POST /half HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
        assert upstream[1] == []


def test_proxy_when_the_server_is_down_then_502() -> None:
    with FaultProxy("http://127.0.0.1:1") as proxy:
        assert httpx.get(proxy.url).status_code == 502


def test_proxy_when_left_with_an_idle_connection_then_ends_at_once(upstream: tuple[str, list[str]]) -> None:
    with httpx.Client() as client:
        with FaultProxy(upstream[0]) as proxy:
            client.get(proxy.url)
            started = time.monotonic()
        assert time.monotonic() - started < 2.0
