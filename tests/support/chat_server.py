"""A chat endpoint on a free loopback port that answers, or misbehaves, as a test wants it."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

__all__ = ["Behaviour", "ChatServer", "completion", "echo"]

Behaviour = Callable[[BaseHTTPRequestHandler, dict[str, Any], threading.Event], None]
"""(the request's handler, its JSON body, set when the server ends): writes the answer."""


def completion(content: str | None, *, logprobs: list[float] | None = None) -> dict[str, Any]:
    """The body of an answer, as OpenAI's protocol has it."""
    choice: dict[str, Any] = {"index": 0, "message": {"role": "assistant", "content": content}}
    if logprobs is not None:
        choice["logprobs"] = {"content": [{"token": "t", "logprob": one} for one in logprobs]}
    return {"object": "chat.completion", "choices": [choice]}


def answer(content: str | None, *, status: int = 200, body: bytes | None = None, **headers: str) -> Behaviour:
    """Answers every request with that content, or with that very body."""

    def behave(handler: BaseHTTPRequestHandler, request: dict[str, Any], ended: threading.Event) -> None:
        data = json.dumps(completion(content)).encode() if body is None else body
        handler.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(data)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(data)

    return behave


def echo(handler: BaseHTTPRequestHandler, request: dict[str, Any], ended: threading.Event) -> None:
    """Rewrites `X` to `X adapter` and `X cable`."""
    query = json.loads(request["messages"][-1]["content"])
    answer(json.dumps([f"{query} adapter", f"{query} cable"]))(handler, request, ended)


def hang(handler: BaseHTTPRequestHandler, request: dict[str, Any], ended: threading.Event) -> None:
    """Takes the request and says nothing."""
    ended.wait(30.0)


def drip(handler: BaseHTTPRequestHandler, request: dict[str, Any], ended: threading.Event) -> None:
    """Sends one byte of its head after the other, and never comes to an end."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Drip: ")
    while not ended.wait(0.01):
        handler.wfile.write(b"x")


def flood(handler: BaseHTTPRequestHandler, request: dict[str, Any], ended: threading.Event) -> None:
    """Sends a body without an end."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    while not ended.is_set():
        handler.wfile.write(b"word " * 10_000)


class ChatServer:
    """Serves from `with` to its end. `behave` may be changed at any time; `seen` holds path, headers and body of each
    request. With `tls` it speaks HTTPS by that certificate."""

    def __init__(self, behave: Behaviour = echo, *, tls: ssl.SSLContext | None = None) -> None:
        self.behave = behave
        self.seen: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self._ended = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.chat = self
        self._scheme = "http" if tls is None else "https"
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="chat-server")

    @property
    def url(self) -> str:
        """The base that a client is given."""
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> ChatServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    chat: ChatServer
    daemon_threads = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Stays silent: clients that hang up are what these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 5.0

    def log_message(self, format: str, *args: object) -> None:
        """Writes nothing: the requests are kept in `seen`."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        chat = self.server.chat
        chat.seen.append((self.path, dict(self.headers.items()), body))
        chat.behave(self, body, chat._ended)
