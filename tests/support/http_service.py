"""The HTTP API as users meet it: the whole service behind a real server on a free port, in a thread of this process."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

from multirecall.service.keys import Role, key_line, new_key
from multirecall.service.serving import opened_service
from multirecall.wiring.settings import Settings, load_settings
from tests.e2e.command import multirecall

__all__ = ["index_products", "make_keys", "running_app", "running_service", "service_settings"]

_NO_REDIS = "redis://127.0.0.1:1/0"


class _Server(uvicorn.Server):
    """Says when it takes connections."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listens.set()


@contextmanager
def running_app(app: FastAPI) -> Iterator[str]:
    """The address of an app that is served until the end of the block."""
    # With its protocol named, asyncio turns off the delay of small packets, as it does for addresses it binds itself.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.bind(("127.0.0.1", 0))
        server = _Server(uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=2))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="http service")
        thread.start()
        try:
            assert server.listens.wait(20), "the service did not start"
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(20)


@contextmanager
def running_service(settings: Settings) -> Iterator[str]:
    """The address of the service that these settings make."""
    with opened_service(settings) as app, running_app(app) as url:
        yield url


def index_products(products: Iterable[Mapping[str, Any]], folder: Path, *, encoder: str = "hashing?dim=32") -> str:
    """Indexes products as a user does, into an embedded engine in the folder; gives its URL."""
    catalogue, engine = folder / "catalogue.jsonl", f"embedded:{folder / 'index'}"
    catalogue.write_text("".join(json.dumps(product) + "\n" for product in products))
    outcome = multirecall("index", str(catalogue), "--engine", engine, "--encoder", encoder)
    assert outcome.code == 0, outcome.err
    return engine


def make_keys() -> tuple[dict[Role, str], str]:
    """A key for every role, and the setting that makes the service know them."""
    keys = {role: new_key() for role in Role}
    return keys, ",".join(key_line(role.name.lower(), role, key) for role, key in keys.items())


def service_settings(engine: str, folder: Path, **others: Any) -> Settings:
    """Settings of a service over this engine that needs nothing else: no Redis, no workers, no limits of rate."""
    given = {
        "engine": engine,
        "redis": _NO_REDIS,
        "products_by": "straight",
        "rate_per_s": 0,
        "events_dir": folder / "events",
        "cache_dir": folder / "cache",
        "access_log": False,
    }
    return load_settings(**{**given, **others})
