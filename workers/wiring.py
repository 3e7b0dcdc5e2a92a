"""The composition root of the workers: settings become a Deployment and what works on it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from celery import Celery
from kombu.exceptions import OperationalError

from multirecall.core.errors import FingerprintMismatch, NotFound
from multirecall.encoders.base import Encoder
from multirecall.engines.base import Engine
from multirecall.engines.opening import engine_name
from multirecall.engines.schema import Schema, VectorField
from multirecall.indexer.generations import live_index
from multirecall.indexer.new_schema import IndexShape, new_schema
from multirecall.indexer.texts import vector_fingerprint
from multirecall.wiring.engines import index_encoders, opened_encoder, opened_engine
from multirecall.wiring.labellers import OpenedLabellers, index_labellers
from multirecall.wiring.settings import Settings
from multirecall.workers.building import BuildPlan
from multirecall.workers.deployment import Announce, Backlog, Deployment
from multirecall.workers.options import WorkerOptions
from multirecall.workers.store.connection import Connection

__all__ = [
    "absolute",
    "announcer",
    "backlog_of",
    "make_deployment",
    "new_index_schema",
    "worker_options",
]


_log = logging.getLogger("multirecall.workers")


def worker_options(settings: Settings) -> WorkerOptions:
    """The limits and times of the settings."""
    return WorkerOptions(
        batch_rows=settings.batch_rows,
        max_waiting_batches=settings.max_waiting_batches,
        lease_s=settings.lease_s,
        sweep_s=settings.sweep_s,
        announce_again_s=settings.announce_again_s,
        max_backoff_s=settings.max_backoff_s,
        max_tries=settings.max_tries,
        max_dead_letters=settings.max_dead_letters,
        keep_tombstones_s=settings.keep_tombstones_days * 86_400.0,
        keep_generations=settings.keep_generations,
    )


def announcer(app: Celery) -> Announce:
    """Sends Celery messages. A broker that does not answer costs nothing but time: the sweep tells again."""

    def announce(what: str, id: str) -> None:
        queue = "jobs" if what == "job" else id.partition("/")[0]
        try:
            app.send_task(f"multirecall.{what}", args=[id], queue=queue, ignore_result=True)
        except OperationalError as error:
            _log.warning("the broker took no message, the sweep will send it again: %s", error)

    return announce


def backlog_of(app: Celery) -> Backlog:
    """Asks the broker how long a queue is."""

    def backlog(queue: str) -> int | None:
        with app.pool.acquire(block=True) as connection:
            try:
                # declared as Celery does it: a passive question finds no queue on a Redis with a key prefix
                found = connection.default_channel.queue_declare(
                    queue=queue, durable=True, exclusive=False, auto_delete=False
                )
            except (OperationalError, *connection.connection_errors, *connection.channel_errors) as error:
                _log.debug("the broker does not tell how long queue %s is: %s", queue, error)
                return None
            return int(found.message_count)

    return backlog


def make_deployment(settings: Settings, app: Celery, *, engine_url: str | None = None) -> Deployment:
    """The deployment of the settings; nothing is connected yet.

    Raises InvalidSettings for an engine without a name to work under (`exact:`), or a Redis URL that is none.
    """
    url = engine_url or settings.engine
    opened: dict[str, Encoder] = {}

    def open_engine() -> Engine:
        return opened_engine(settings, url, create=True)

    def encoder_of(field: VectorField, schema: Schema) -> Encoder:
        if field.encoder not in opened:
            opened[field.encoder] = opened_encoder(settings, field.encoder)
        encoder = opened[field.encoder]
        found = vector_fingerprint(encoder, str(schema.metadata.get("text_template", "")))
        if found != field.fingerprint:
            raise FingerprintMismatch(
                f"The index was made by encoder {field.encoder!r} ({field.fingerprint}), which on this worker gives "
                f"{found}.",
                hint="Install the same model on every worker, or rebuild.",
                expected=field.fingerprint,
                found=found,
            )
        return encoder

    return Deployment(
        connection=Connection(settings.redis.get_secret_value(), namespace=settings.namespace, name=engine_name(url)),
        options=worker_options(settings),
        open_engine=open_engine,
        encoder_of=encoder_of,
        labeller_of=OpenedLabellers(),
        announce=announcer(app),
        backlog=backlog_of(app),
        vector_ttl_s=settings.vector_cache_ttl_s,
    )


def new_index_schema(settings: Settings) -> Any:
    """A NewIndex: the schema of a job's index, with the encoder and labellers that its spec or the settings name."""

    def schema_of(engine: Engine, plan: BuildPlan, job_id: str) -> Schema:
        spec = plan.encoder or settings.encoder
        encoders = index_encoders(settings, spec)
        live = live_index(engine)
        return new_schema(
            engine,
            plan.mapping,
            encoders,
            IndexShape(vector_index=settings.vector_index or None),
            labellers=index_labellers(plan.labels or settings.labels),
            suggested=plan.mapping_suggested,
            sources=plan.sources,
            mark={"job": job_id, "replaces": live.name if live else None},
        )

    return schema_of


def absolute(sources: list[str]) -> list[str]:
    """Paths that mean the same in another folder. Raises NotFound for one that is not there."""
    found = []
    for source in sources:
        path = Path(source).expanduser().absolute()
        if not path.exists() and not any(char in source for char in "*?["):
            raise NotFound(f"There is no file {source}.", hint="Check the path.", field="source")
        found.append(str(path))
    return found
