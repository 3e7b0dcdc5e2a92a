"""Stores: where tests put indexes, one kind per engine. Each removes what was made through it, and nothing else."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import Protocol

import httpx
import pytest

from multirecall.engines.base import Engine
from multirecall.engines.opening import open_engine

__all__ = ["EmbeddedStore", "ExactStore", "ServerStore", "Store", "engine_store"]


class Store(Protocol):
    """A place for indexes. Opening one name twice gives two engines on the same stored indexes."""

    def open(self, name: str) -> Engine: ...

    def url(self, name: str) -> str: ...

    def unique_name(self) -> str:
        """An alias name that no other run has."""
        ...

    def clear(self) -> None:
        """Removes all indexes made under the names given out."""
        ...


class _Store:
    def __init__(self) -> None:
        self.names: list[str] = []

    def url(self, name: str) -> str:
        raise NotImplementedError

    def open(self, name: str) -> Engine:
        return open_engine(self.url(name), create=True)

    def unique_name(self) -> str:
        name = f"t-{uuid.uuid4().hex[:12]}"
        self.names.append(name)
        return name


class ExactStore(_Store):
    """Nothing is stored: every engine starts empty, and closing it frees the memory."""

    def url(self, name: str) -> str:
        return f"exact:{name}"

    def clear(self) -> None:
        self.names.clear()


class EmbeddedStore(_Store):
    """One folder per name, below a temporary folder that pytest removes."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def url(self, name: str) -> str:
        return f"embedded:{self.folder / name}"

    def clear(self) -> None:
        self.names.clear()


class ServerStore(_Store):
    """A real server at `base_url`, e.g. `elasticsearch+http://127.0.0.1:9200`."""

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self.base_url = base_url.rstrip("/")

    def url(self, name: str) -> str:
        return f"{self.base_url}/{name}"

    def clear(self) -> None:
        address = self.base_url.partition("+")[2]
        with httpx.Client(base_url=address, timeout=30.0) as client:
            for name in self.names:
                listed = client.get(f"/_cat/indices/{name}-*", params={"format": "json", "expand_wildcards": "all"})
                listed.raise_for_status()
                for row in listed.json():
                    client.delete(f"/{row['index']}").raise_for_status()
        self.names.clear()


def engine_store(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The store for an engine of that name; skips where its server is not there."""
    match engine:
        case "exact":
            return ExactStore()
        case "embedded":
            return EmbeddedStore(tmp_path_factory.mktemp("embedded"))
        case _:
            url = os.environ.get(f"MULTIRECALL_TEST_{engine.upper()}")
            if not url:
                pytest.skip(f"no {engine} server")
            return ServerStore(url)
