"""The client against the real service: both twins run the same test bodies."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from multirecall.service.keys import Role
from multirecall_client import AsyncClient, Client
from tests.support.http_service import index_products, make_keys, running_service, service_settings

COLOURS = ("Black", "Cyan", "Red", "Blue")
N_PRODUCTS = 60


def catalogue() -> list[dict[str, Any]]:
    return [
        {
            "id": f"p{n:03}",
            "title": f"{COLOURS[n % 4]} toner cartridge {n}",
            "brand": ("HP", "Brother", "Canon")[n % 3],
            "price": f"{10 + n}.50",
            "currency": "EUR",
            "category": "Printing > Toner",
        }
        for n in range(N_PRODUCTS)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningService:
    url: str
    keys: dict[Role, str]
    events: Path


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """The whole service over an embedded engine, with keys for every role, and no Redis."""
    folder = tmp_path_factory.mktemp("client")
    engine = index_products(catalogue(), folder)
    keys, setting = make_keys()
    with running_service(service_settings(engine, folder, api_keys=setting, timeout_s=10.0)) as url:
        yield RunningService(url=url, keys=keys, events=folder / "events")


class Blocking:
    """An AsyncClient for test bodies that block: what it awaits is run to its end on one event loop."""

    def __init__(self, client: AsyncClient, runner: asyncio.Runner) -> None:
        self._client, self._runner = client, runner

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        def call(*args: Any, **keywords: Any) -> Any:
            given = method(*args, **keywords)
            if isinstance(given, AsyncClient):
                return Blocking(given, self._runner)
            if inspect.isasyncgen(given):
                return self._drawn(given)
            return self._runner.run(given)

        return call

    def _drawn(self, source: Any) -> Iterator[Any]:
        async def following() -> Any:
            return await anext(source, self)

        while (item := self._runner.run(following())) is not self:
            yield item


MakeClient = Callable[..., Any]


@pytest.fixture(params=["sync", "async"])
def connect(request: pytest.FixtureRequest) -> Iterator[MakeClient]:
    """Makes a Client or an AsyncClient with these arguments; all are closed at the end."""
    made: list[Any] = []
    with asyncio.Runner() as runner:

        def make(*args: Any, **options: Any) -> Any:
            sync = request.param == "sync"
            made.append(Client(*args, **options) if sync else Blocking(AsyncClient(*args, **options), runner))
            return made[-1]

        yield make
        for client in made:
            client.close()


@pytest.fixture
def client(service: RunningService, connect: MakeClient) -> Any:
    """A client with the role admin."""
    return connect(service.url, api_key=service.keys[Role.ADMIN])
