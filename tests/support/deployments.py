"""Deployments of workers for tests: a real Redis under a namespace of their own, any engine, no Celery.

What would be a Celery message is noted in `announced`; `work` does the batches in the calling thread.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import redis

from multirecall.encoders.base import Encoder
from multirecall.encoders.hashing import HashingEncoder
from multirecall.engines.base import Engine
from multirecall.engines.schema import Schema, VectorField
from multirecall.workers.deployment import Deployment
from multirecall.workers.options import WorkerOptions
from multirecall.workers.processing import BatchProcessor
from multirecall.workers.store.batches import QUEUES
from multirecall.workers.store.connection import Connection
from tests.support.engines import RUN

__all__ = ["QUICK", "Bench", "eventually", "opened_bench", "opened_connection"]

WAIT_S = 60.0

QUICK = WorkerOptions(
    batch_rows=8, lease_s=30.0, sweep_s=0.05, announce_again_s=0.0, backoff_s=0.002, max_backoff_s=0.005, max_tries=3
)


def eventually(reached: Callable[[], object], wait_s: float = WAIT_S) -> None:
    """Fails unless it becomes true in time."""
    until = time.monotonic() + wait_s
    pause = threading.Event()
    while not reached():
        assert time.monotonic() < until, "it did not happen in time"
        pause.wait(0.005)


@contextmanager
def opened_connection(redis_url: str) -> Iterator[Connection]:
    """A connection under a namespace that no other test has; its keys are deleted afterwards, and no others."""
    namespace = f"t_{RUN}_{uuid.uuid4().hex[:8]}"
    connection = Connection(redis_url, namespace=namespace, name="shop")
    try:
        yield connection
    finally:
        connection.close()
        with redis.Redis.from_url(redis_url) as client:
            for key in client.scan_iter(match=f"{namespace}:*", count=1000):
                client.delete(key)


@dataclass(kw_only=True)
class Bench:
    """A deployment, and what it would have told Celery."""

    deployment: Deployment
    announced: list[tuple[str, str]] = field(default_factory=list)

    def with_options(self, **options: object) -> Deployment:
        """The deployment with other limits from now on."""
        self.deployment.options = replace(self.deployment.options, **options)  # type: ignore[arg-type]
        return self.deployment

    def busy(self) -> int:
        """Batches that are not done."""
        return sum(sum(self.deployment.batches.sizes(queue).values()) for queue in QUEUES)

    def work_once(self) -> None:
        """Does each batch that is due once."""
        processor = BatchProcessor(self.deployment)
        for queue in QUEUES:
            for batch in self.deployment.batches.sweep(queue, announce_again_s=0.0):
                processor.process(batch)

    def work(self) -> None:
        """Does all batches, with what follows from them."""

        def done() -> bool:
            self.work_once()
            return not self.busy()

        eventually(done)

    @contextmanager
    def working(self) -> Iterator[None]:
        """A thread does batches meanwhile, with an engine of its own; what it raises is raised at the end."""
        ended, problems = threading.Event(), []
        other = Bench(deployment=replace(self.deployment, _engine=None), announced=self.announced)

        def run() -> None:
            try:
                while not ended.is_set():
                    other.work_once()
                    ended.wait(0.005)
            except BaseException as error:  # noqa: BLE001 - raised again by the main thread
                problems.append(error)

        thread = threading.Thread(target=run, name="worker")
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
        if problems:
            raise problems[0]


@contextmanager
def opened_bench(
    redis_url: str,
    open_engine: Callable[[], Engine],
    *,
    encoder: Encoder | None = None,
    options: WorkerOptions = QUICK,
    vector_ttl_s: int = 0,
) -> Iterator[Bench]:
    """A bench whose deployment opens its engine by `open_engine` and makes vectors by `encoder`."""
    chosen = encoder or HashingEncoder(dim=32)
    announced: list[tuple[str, str]] = []

    def encoder_of(field: VectorField, schema: Schema) -> Encoder:
        return chosen

    with opened_connection(redis_url) as connection:
        deployment = Deployment(
            connection=connection,
            options=options,
            open_engine=open_engine,
            encoder_of=encoder_of,
            announce=lambda what, one: announced.append((what, one)),
            vector_ttl_s=vector_ttl_s,
        )
        try:
            yield Bench(deployment=deployment, announced=announced)
        finally:
            deployment.close()
