"""Stores: where tests put indexes, one kind per engine. Each removes what was made through it, and nothing else."""

from __future__ import annotations

import shutil
import uuid
from abc import ABC, abstractmethod
from pathlib import Path

import pytest

from multirecall.engines.base import Engine
from multirecall.engines.embedded import EmbeddedEngine
from multirecall.engines.embedded.tuning import Tuning
from multirecall.engines.opening import open_engine
from tests.support.engines import RUN, delete_indices, server_url

__all__ = ["EmbeddedStore", "ExactStore", "ServerStore", "Store", "engine_store"]


class Store(ABC):
    """A place for indexes under names that no other run has. Opening one name twice gives two engines on it."""

    def __init__(self) -> None:
        self._names: list[str] = []

    def unique_name(self) -> str:
        """A new alias name; what is stored under it, and under names that begin with it, is removed by `clear`."""
        name = f"t_{RUN}_{uuid.uuid4().hex[:8]}"
        self._names.append(name)
        return name

    def open(self, name: str) -> Engine:
        return open_engine(self.url(name), create=True)

    def clear(self, name: str | None = None) -> None:
        """Removes the indexes of one name, or of all."""
        for stored in self._names if name is None else [name]:
            self._remove(stored)
        self._names = [] if name is None else [other for other in self._names if other != name]

    @abstractmethod
    def url(self, name: str) -> str: ...

    @abstractmethod
    def _remove(self, name: str) -> None: ...


class ExactStore(Store):
    """Nothing is stored: every engine starts empty, and closing it frees the memory."""

    def url(self, name: str) -> str:
        return f"exact:{name}"

    def _remove(self, name: str) -> None:
        pass


class EmbeddedStore(Store):
    """One folder per name, tuned so that a few hundred products already get a vector graph and are compacted."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def open(self, name: str) -> Engine:
        tuning = Tuning(min_graph_rows=200, min_dead_rows=100)
        return EmbeddedEngine.open(self.folder / name, name=name, create=True, tuning=tuning)

    def url(self, name: str) -> str:
        return f"embedded:{self.folder / name}"

    def _remove(self, name: str) -> None:
        for folder in self.folder.glob(f"{name}*"):
            shutil.rmtree(folder)


class ServerStore(Store):
    """A real server at `base_url`, e.g. `elasticsearch+http://127.0.0.1:9200`."""

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self.base_url = base_url

    def url(self, name: str) -> str:
        return f"{self.base_url}/{name}"

    def _remove(self, name: str) -> None:
        delete_indices(self.base_url, name)


def engine_store(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The store for the engine of that name; skips, or fails where it is required, if its server is not there."""
    match engine:
        case "exact":
            return ExactStore()
        case "embedded":
            return EmbeddedStore(tmp_path_factory.mktemp("embedded"))
        case _:
            return ServerStore(server_url(engine))
