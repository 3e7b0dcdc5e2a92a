"""Deployment: one engine, one store, and all that workers, the command line and the service need of the two."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from multirecall.engines.base import Engine
from multirecall.indexer.applying import Applier, EncoderOf
from multirecall.recall.labelling import LabellerOf, no_labeller
from multirecall.workers.options import WorkerOptions
from multirecall.workers.store.batches import BatchStore
from multirecall.workers.store.connection import Connection
from multirecall.workers.store.dead_letters import DeadLetters
from multirecall.workers.store.jobs import JobStore
from multirecall.workers.store.late import LateUpdates
from multirecall.workers.store.targets import Targets, Trouble
from multirecall.workers.store.unrefreshed import Unrefreshed
from multirecall.workers.store.vectors import RedisVectors

__all__ = ["Announce", "Backlog", "Deployment"]

Announce = Callable[[str, str], None]
"""(what, id): tells the workers of a batch (`batch`) or of a job that needs a driver (`job`)."""


Backlog = Callable[[str], int | None]
"""How many messages lie in a queue that no worker has taken; None if the broker cannot tell."""


@dataclass(slots=True, kw_only=True)
class Deployment:
    """Everything is opened lazily or cheap to make, so that a process may fork after it was made."""

    connection: Connection
    options: WorkerOptions
    open_engine: Callable[[], Engine]
    encoder_of: EncoderOf
    announce: Announce
    labeller_of: LabellerOf = no_labeller
    backlog: Backlog = lambda queue: None
    vector_ttl_s: int = 0
    _engine: Engine | None = None

    def applier(self, engine: Engine, *, cached: bool = False) -> Applier:
        """What writes items into the engine's indexes; `cached` also takes and leaves vectors in the store."""
        return Applier(
            engine,
            encoder_of=self.encoder_of,
            labeller_of=self.labeller_of,
            cache=self.vectors if cached else None,
        )

    @property
    def jobs(self) -> JobStore:
        return JobStore(self.connection)

    @property
    def batches(self) -> BatchStore:
        return BatchStore(self.connection, max_waiting=self.options.max_waiting_batches, lease_s=self.options.lease_s)

    @property
    def dead_letters(self) -> DeadLetters:
        return DeadLetters(self.connection)

    @property
    def targets(self) -> Targets:
        return Targets(self.connection)

    @property
    def trouble(self) -> Trouble:
        return Trouble(self.connection, forget_after_s=max(60.0, 4 * self.options.max_backoff_s))

    @property
    def late(self) -> LateUpdates:
        return LateUpdates(self.connection)

    @property
    def unrefreshed(self) -> Unrefreshed:
        return Unrefreshed(self.connection)

    @property
    def vectors(self) -> RedisVectors:
        return RedisVectors(self.connection, ttl_s=self.vector_ttl_s)

    @contextmanager
    def engine(self) -> Iterator[Engine]:
        """The engine, kept open; one that lets a single process write is closed after each use, to let others in."""
        if self._engine is None:
            self._engine = self.open_engine()
        try:
            yield self._engine
        finally:
            if not self._engine.capabilities.concurrent_writers:
                self._engine.close()
                self._engine = None

    def close(self) -> None:
        """Closes the engine and the connection."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None
        self.connection.close()

    def counters(self) -> dict[str, float]:
        """What all jobs of this deployment did so far, by name."""
        with self.connection.client() as client:
            values: dict[bytes, Any] = client.hgetall(self.connection.key("counters"))
        return {name.decode(): float(value) for name, value in values.items()}
