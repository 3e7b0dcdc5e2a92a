"""The service, and an app that returns a constant, each served by a process of its own on a free port."""

from __future__ import annotations

import multiprocessing
import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import uvicorn

__all__ = ["Served", "constant_process", "search_process"]

_START_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A server that answers. Its figures are the kernel's (Linux)."""

    host: str
    port: int
    pid: int

    def cpu_s(self) -> float:
        """Processor time that it has used, all threads, in user and kernel mode."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_mb(self) -> float:
        """Memory that is its own: without pages of files, which the kernel takes back when it needs them."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return int(status.partition("RssAnon:")[2].split()[0]) / 1024


class _Told(uvicorn.Server):
    """Tells its port once it listens."""

    def __init__(self, config: uvicorn.Config, told: Connection) -> None:
        super().__init__(config)
        self._told = told

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._told.send(self.servers[0].sockets[0].getsockname()[1])


def _serve(app: Any, told: Connection) -> None:
    from multirecall.service.serving import SERVER_OPTIONS, take_short_turns

    take_short_turns()
    _Told(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", **SERVER_OPTIONS), told).run()


def _constant(told: Connection, n_bytes: int) -> None:
    from fastapi import FastAPI
    from fastapi.responses import Response

    from multirecall.service.bodies import SearchBody

    body, app = b'"' + b"x" * (n_bytes - 2) + b'"', FastAPI()

    @app.get("/constant")
    async def constant() -> Response:
        return Response(body, media_type="application/json")

    async def constant_for_a_search(search: SearchBody) -> Response:
        return Response(body, media_type="application/json")

    constant_for_a_search.__annotations__["search"] = SearchBody  # the name is local, and FastAPI reads it globally
    app.post("/constant", response_model=None)(constant_for_a_search)
    _serve(app, told)


def _search(told: Connection, given: dict[str, Any]) -> None:
    import logging
    import sys

    from multirecall.service.serving import opened_service
    from multirecall.wiring.settings import load_settings

    logging.basicConfig(level="ERROR")
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(events_dir=Path(folder), **given)
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - the access log, written and thrown away
        with opened_service(settings) as app:
            _serve(app, told)


@contextmanager
def _running(target: Callable[..., None], *args: Any) -> Iterator[Served]:
    context = multiprocessing.get_context("spawn")
    hears, told = context.Pipe(duplex=False)
    process = context.Process(target=target, args=(told, *args), daemon=True)
    process.start()
    try:
        if not hears.poll(_START_S) or process.pid is None:
            raise SystemExit("the server did not start")
        yield Served(host="127.0.0.1", port=hears.recv(), pid=process.pid)
    finally:
        process.terminate()
        process.join(20)


def constant_process(n_bytes: int) -> Any:
    """An app of FastAPI alone that answers `/constant` with so many bytes, by GET and by POST of a search's body."""
    return _running(_constant, n_bytes)


def search_process(*, engine: str, blender: Path | None, keep_vectors: bool, **settings: Any) -> Any:
    """The service as it is by default, without Redis. `keep_vectors` False: an uncached search runs its model too."""
    given: dict[str, Any] = {"engine": engine, "products_by": "straight", **settings}
    if blender is not None:
        given["fusion"] = f"blender:{blender}"
    if not keep_vectors:
        given["cache_vectors_mb"] = 0
    return _running(_search, given)
