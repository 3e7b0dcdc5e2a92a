"""The Celery app: its tasks say which batch or job to work on, nothing else. Made by `make_app`, never at import."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from celery import Celery, signals

from multirecall.core.errors import StoreUnavailable
from multirecall.wiring.settings import Settings
from multirecall.workers.broker import use_lasting_transport
from multirecall.workers.deaths import watched_request
from multirecall.workers.deployment import Deployment
from multirecall.workers.driving import JobDriver
from multirecall.workers.evaluating import Evaluation
from multirecall.workers.gating import gate_of
from multirecall.workers.housekeeping import prune
from multirecall.workers.logs import configure_logs
from multirecall.workers.processing import BatchProcessor, holder_of
from multirecall.workers.rewriting import Precomputation
from multirecall.workers.store.job import JobKind
from multirecall.workers.submitting import Submitter
from multirecall.workers.sweeping import Sweeper
from multirecall.workers.training import BlenderTraining
from multirecall.workers.wiring import make_deployment, new_index_schema

__all__ = ["WORKER_QUEUES", "deployment_in_use", "make_app", "make_worker_app", "opened_deployment"]

WORKER_QUEUES = ("index", "changes", "jobs")

_LONGEST_BATCH_S = 900
_LONGEST_JOB_S = 7 * 86_400
_STOPPING_TTL_S = 600

_log = logging.getLogger("multirecall.workers")


def make_app(settings: Settings) -> Celery:
    """An app by the settings, with its tasks.

    Messages are acknowledged late and rejected when a worker process is lost; even so they only wake workers, the work
    itself stands in the store (`workers/store/batches.py`).
    """
    broker = settings.broker.get_secret_value() or settings.redis.get_secret_value()
    use_lasting_transport()
    app = Celery("multirecall", broker=broker, set_as_current=False)
    app.conf.update(
        broker_connection_retry_on_startup=True,
        broker_transport_options={
            "visibility_timeout": _LONGEST_JOB_S + 3_600,  # longer than the longest task, or it would be given twice
            "global_keyprefix": f"{settings.namespace}:celery:",
            "socket_timeout": 30,
            "socket_keepalive": True,
        },
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_ignore_result=True,
        task_default_queue="index",
        task_serializer="json",
        accept_content=["json"],
        worker_prefetch_multiplier=1,
        worker_cancel_long_running_tasks_on_connection_loss=False,  # a batch has its lease; it ends as it should
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_send_task_events=True,
        beat_schedule=_schedule(settings),
    )
    _add_tasks(app, settings, _Here(settings, app))
    return app


def _schedule(settings: Settings) -> dict[str, Any]:
    """What beat sends, and how often."""
    every_h = {
        "prune": settings.prune_every_h,
        "evaluate": settings.evaluate_every_h,
        "train_blender": settings.train_blender_every_h,
    }
    return {
        name: {"task": f"multirecall.{name}", "schedule": hours * 3_600.0, "options": {"queue": "jobs"}}
        for name, hours in every_h.items()
        if hours
    }


def make_worker_app(settings: Settings) -> Celery:
    """The same for a process that is to be a worker: its logs, and the sweep."""
    app = make_app(settings)
    _connect_signals(app, settings, _Here(settings, app))
    return app


@contextmanager
def opened_deployment(settings: Settings, engine_url: str | None = None) -> Iterator[Deployment]:
    """The deployment for a process that submits and looks; closed at the end. Raises StoreUnavailable at once."""
    deployment = make_deployment(settings, make_app(settings), engine_url=engine_url)
    try:
        deployment.connection.time_s()
        yield deployment
    finally:
        deployment.close()


@contextmanager
def deployment_in_use(settings: Settings, engine_url: str | None = None) -> Iterator[Deployment | None]:
    """The deployment if its store answers, else None: for what works without workers too."""
    deployment = make_deployment(settings, make_app(settings), engine_url=engine_url)
    try:
        try:
            deployment.connection.time_s()
        except StoreUnavailable:
            yield None
        else:
            yield deployment
    finally:
        deployment.close()


class _Here:
    """The deployment of this process: a forked one makes its own, since connections do not survive a fork."""

    def __init__(self, settings: Settings, app: Celery) -> None:
        self._settings, self._app = settings, app
        self._made: tuple[int, Deployment] | None = None
        self._processor: BatchProcessor | None = None

    @property
    def deployment(self) -> Deployment:
        if self._made is None or self._made[0] != os.getpid():
            self._made = (os.getpid(), make_deployment(self._settings, self._app))
            self._processor = None
        return self._made[1]

    @property
    def processor(self) -> BatchProcessor:
        deployment = self.deployment
        if self._processor is None:
            self._processor = BatchProcessor(deployment)
        return self._processor


def _add_tasks(app: Celery, settings: Settings, here: _Here) -> None:
    def batch(batch_id: str) -> None:
        """Does one batch of items."""
        try:
            here.processor.process(batch_id)
        except StoreUnavailable as error:
            _log.warning("the store does not answer; the batch waits in it: %s", error, extra={"batch": batch_id})

    def job(self: Any, job_id: str) -> None:
        """Drives one job to its end, or until this worker is to stop."""
        deployment = here.deployment
        stopping = _stop_sign(deployment, self.request.hostname or "")
        try:
            match deployment.jobs.get(job_id).kind:
                case JobKind.EVALUATE:
                    Evaluation(deployment, settings, stopping=stopping).drive(job_id)
                case JobKind.TRAIN_BLENDER:
                    BlenderTraining(deployment, settings, stopping=stopping).drive(job_id)
                case JobKind.SYNTHESIZE:
                    from multirecall.workers.synthesizing import PairSynthesis  # what it needs is for it alone

                    PairSynthesis(deployment, settings, stopping=stopping).drive(job_id)
                case JobKind.REWRITES:
                    Precomputation(deployment, settings, stopping=stopping).drive(job_id)
                case _:
                    JobDriver(
                        deployment,
                        new_index=new_index_schema(settings),
                        gate_of=gate_of(settings),
                        stopping=stopping,
                    ).drive(job_id)
        except StoreUnavailable as error:
            _log.warning("the store does not answer; the job goes on later: %s", error, extra={"job": job_id})

    def prune_task() -> None:
        """Forgets old tombstones."""
        prune(here.deployment)

    def died(batch_id: str, pid: int) -> None:
        deployment = here.deployment
        if deployment.batches.crashed(batch_id, holder_of(pid), delay_s=deployment.options.backoff(0)):
            _log.error("a process died on the batch", extra={"batch": batch_id, "died": pid})

    app.task(batch, name="multirecall.batch", time_limit=_LONGEST_BATCH_S, Request=watched_request(died))
    app.task(job, name="multirecall.job", bind=True, time_limit=_LONGEST_JOB_S)

    def evaluate() -> None:
        """Starts an evaluation of the live index."""
        Submitter(here.deployment).start(JobKind.EVALUATE, {})

    def train_blender() -> None:
        """Starts a training of the blender, whose model is kept only if it is worth it."""
        Submitter(here.deployment).start(JobKind.TRAIN_BLENDER, {"only_if_better": True})

    app.task(evaluate, name="multirecall.evaluate", time_limit=_LONGEST_BATCH_S)
    app.task(train_blender, name="multirecall.train_blender", time_limit=_LONGEST_BATCH_S)
    app.task(prune_task, name="multirecall.prune", time_limit=_LONGEST_BATCH_S)


def _stop_sign(deployment: Deployment, hostname: str) -> Callable[[], bool]:
    """Whether the worker of this name is to stop; asks the store twice a second at most."""
    seen = [0.0, False]

    def stopping() -> bool:
        if time.monotonic() - seen[0] > 0.5:
            with deployment.connection.client() as client:
                seen[:] = [time.monotonic(), bool(client.exists(deployment.connection.key("stopping", hostname)))]
        return bool(seen[1])

    return stopping


def _connect_signals(app: Celery, settings: Settings, here: _Here) -> None:
    """The sweep runs in the worker's main process; a worker that is to stop tells its own driver."""
    sweepers: list[Sweeper] = []

    def of_this_app(sender: Any) -> bool:
        return getattr(sender, "app", None) is app

    def configure(**_: Any) -> None:
        configure_logs(settings.log_level)

    def start(sender: Any, **_: Any) -> None:
        if of_this_app(sender):
            sweepers.append(Sweeper(here.deployment))
            sweepers[-1].start()
            with here.deployment.connection.client() as client:
                client.delete(here.deployment.connection.key("stopping", sender.hostname))

    def stop(sender: Any, **_: Any) -> None:
        key = here.deployment.connection.key("stopping", str(sender))
        try:
            with here.deployment.connection.client() as client:
                client.set(key, 1, ex=_STOPPING_TTL_S)
        except StoreUnavailable as error:
            _log.warning("the store does not answer; a job here goes on until it is killed: %s", error)
        for sweeper in sweepers:
            sweeper.stop()

    signals.setup_logging.connect(configure, weak=False)
    signals.worker_ready.connect(start, weak=False)
    signals.worker_shutting_down.connect(stop, weak=False)
