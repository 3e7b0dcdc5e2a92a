"""A deployment of real processes: workers, Redis and a search server, with one namespace and one index of its own."""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from multirecall.core.errors import Backpressure, EngineUnavailable, StoreUnavailable
from multirecall.engines.base import Engine
from multirecall.engines.opening import open_engine
from multirecall.wiring.settings import Settings, load_settings
from multirecall.workers.app import make_app
from multirecall.workers.deployment import Deployment
from multirecall.workers.store.batches import QUEUES
from multirecall.workers.store.job import Job, JobKind, JobState
from multirecall.workers.submitting import Submitter
from multirecall.workers.wiring import make_deployment
from tests.chaos.workers.checking import assert_content
from tests.chaos.workers.expected import Expected
from tests.chaos.workers.processes import Command
from tests.chaos.workers.shop import MAPPING, write_catalogue
from tests.chaos.workers.waiting import wait_for
from tests.support.engines import RUN, delete_indices

__all__ = ["Cluster", "Started"]

_OPTIONS = {
    "encoder": "hashing", "lease_s": "2", "sweep_s": "0.2", "announce_again_s": "1", "max_backoff_s": "2",
    "batch_rows": "40", "max_waiting_batches": "6", "engine_timeout_s": "5",
}  # fmt: skip
"""Short leases, so that what dies is found soon; small batches and a short queue, so that much is under way at once."""


class Cluster:
    """Workers are started by name and found under it in `workers`. `options` are settings, as texts."""

    def __init__(self, folder: Path, engine_url: str, redis_url: str, **options: str) -> None:
        self.folder = folder
        self.index = f"t_{RUN}_{uuid.uuid4().hex[:8]}"
        self.engine_url = f"{engine_url}/{self.index}"
        self.workers: dict[str, Command] = {}
        self._closed = False
        self._numbers = itertools.count(1)
        values = {"engine": self.engine_url, "redis": redis_url, "namespace": self.index, **_OPTIONS, **options}
        self.environment = {f"MULTIRECALL_{name.upper()}": value for name, value in values.items()}
        self.settings: Settings = load_settings(**values)
        self.deployment: Deployment = make_deployment(self.settings, make_app(self.settings))
        self.engine: Engine = open_engine(self.engine_url)
        self.mapping = folder / "mapping.toml"
        self.mapping.write_text(MAPPING, encoding="utf-8")

    # ---------------------------------------------------------------- processes

    def start(
        self,
        name: str,
        *,
        queues: str = "index,changes,jobs",
        concurrency: int = 2,
        module: str = "multirecall.cli.main",
        **options: str,
    ) -> Command:
        """Starts a worker; `options` are settings that only it has."""
        number = next(self._numbers)
        arguments = [
            "worker",
            "run",
            "--queues",
            queues,
            "--concurrency",
            str(concurrency),
            "--name",
            f"{name}@{number}",
        ]
        own = {f"MULTIRECALL_{option.upper()}": value for option, value in options.items()}
        log = self.folder / f"{name}.log"
        self.workers[name] = Command(arguments, environment=self.environment | own, log=log, module=module)
        return self.workers[name]

    def ready(self, *names: str) -> None:
        """Waits until these workers (none named: all of them) take messages."""
        for name in names or tuple(self.workers):
            worker = self.workers[name]
            wait_for(lambda: " ready." in worker.text() or not worker.runs, f"worker {name}", told=worker.tail)  # noqa: B023
            assert worker.runs, worker.tail()

    def kill(self, name: str) -> None:
        """kill -9 for a worker and its children."""
        self.workers.pop(name).kill()

    def stop_all(self) -> None:
        """Stops all workers as a deployment does; each ends by itself and in time."""
        for worker in self.workers.values():
            assert worker.stop() == 0, worker.tail()
        self.workers.clear()

    def command(self, *arguments: str) -> Command:
        """Another command of multirecall, in the background."""
        log = self.folder / f"command-{next(self._numbers)}.log"
        return Command([*arguments], environment=self.environment, log=log)

    def told(self, *arguments: str) -> Any:
        """What a command prints as JSON."""
        command = self.command(*arguments, "--json")
        command.process.wait(timeout=60)
        body = command.text()
        return json.loads(body[body.index("{") :])

    # ---------------------------------------------------------------- work

    @property
    def submitter(self) -> Submitter:
        return Submitter(self.deployment)

    def build(self, rows: Iterable[dict[str, Any]], *, kind: JobKind = JobKind.INDEX, **spec: Any) -> Job:
        """Starts a build of these rows."""
        path = write_catalogue(self.folder / f"catalogue-{next(self._numbers)}.jsonl", rows)
        return self.start_job(kind, sources=[str(path)], **spec)

    def start_job(self, kind: JobKind, **spec: Any) -> Job:
        """Starts a build of any kind, by the mapping of the shop."""
        from multirecall.indexer.mapping import read_mapping

        mapping = read_mapping(self.mapping)
        assert mapping is not None
        given = {"encoder": self.settings.encoder, "mapping": mapping.to_dict(), **spec}
        return self.submitter.start(kind, given)

    def send(self, changes: Iterable[dict[str, Any]], *, wait_s: float = 90.0) -> Job:
        """Sends changes as one job."""
        try:
            # the first request after an outage finds its connection cut
            with suppress(EngineUnavailable), self.deployment.engine() as engine:
                engine.info()
            return self.submitter.send(changes, wait_s=wait_s)
        except Backpressure as full:
            raise AssertionError(f"the queue stayed full for {wait_s} s: {full}\n{self.logs()}") from full

    def job(self, id: str) -> Job:
        return self.deployment.jobs.get(id)

    def wait(self, *jobs: Job, within_s: float = 120.0, state: JobState = JobState.DONE) -> list[Job]:
        """Waits until the jobs are over, and makes sure how they ended and that their counts add up."""
        ended = []
        for job in jobs:

            def over(id: str = job.id) -> Job | None:
                found = self.job(id)
                return found if found.state.over else None

            found = wait_for(over, f"job {job.id}", within_s=within_s, told=self.logs, every_s=0.1)
            assert found is not None
            assert found.state is state, f"{found.to_dict()}\n{self.logs()}"
            if state is JobState.DONE:
                assert found.settled == found.counts["planned"], found.to_dict()
                if found.kind is not JobKind.CHANGES:
                    read = found.counts
                    assert read["read"] - read["rejected"] - read["duplicates"] in (0, read["planned"]), found.to_dict()
            ended.append(found)
        return ended

    def settled(self, job: Job, least: int) -> Job:
        """Waits until so many items of a job are settled: the middle of it."""

        def far_enough() -> Job | None:
            found = self.job(job.id)
            return found if found.settled >= least or found.state.over else None

        return wait_for(far_enough, f"{least} items of {job.id}", told=self.logs) or job

    # ---------------------------------------------------------------- the end

    def assert_all_is_in(self, expected: Expected, *, dead: Iterable[str] = (), index: str | None = None) -> None:
        """The index holds what is expected, the dead letters are those of the products `dead`, and nothing is left
        in the store that waits for anybody."""
        letters = sorted(letter.item.id for letter in self.deployment.dead_letters.all())
        assert letters == sorted(dead), [letter.to_dict() for letter in self.deployment.dead_letters.page(size=5)]
        with open_engine(self.engine_url) as engine:  # a new one: the connections of the old may have been cut
            assert_content(engine, expected, index=index)
        self.assert_nothing_waits()

    def assert_nothing_waits(self) -> None:
        """No batch is left, neither in a set nor by itself."""
        wait_for(lambda: not self._waiting(), "empty queues", within_s=5, told=lambda: str(self._waiting()))

    def _waiting(self) -> dict[str, Any]:
        key = self.deployment.connection.key
        with self.deployment.connection.client() as client:
            sets = {
                f"{state}/{queue}": client.zrange(key(state, queue), 0, 3)
                for queue in QUEUES
                for state in ("waiting", "leased", "delayed", "parked")
            }
            orphans = list(itertools.islice(client.scan_iter(key("batch", "*"), count=1000), 3))
        return {name: ids for name, ids in {**sets, "batches": orphans}.items() if ids}

    def logs(self) -> str:
        """The state of the store and the ends of all workers' logs, for a failure's message."""
        try:
            state = {queue: self.deployment.batches.sizes(queue) for queue in QUEUES}
            jobs = [job.to_dict() | {"spec": None, "report": None} for job in self.deployment.jobs.latest(size=3)]
            store = f"queues {state}, trouble {self.deployment.trouble.now()}, jobs {jobs}"
        except Exception as error:  # noqa: BLE001 - part of another failure's message
            store = f"the store does not answer: {error}"
        ends = [f"--- {name} ({worker.process.poll()})\n{worker.tail()}" for name, worker in self.workers.items()]
        return "\n".join([store, *ends])

    def close(self) -> None:
        """Kills what runs, and removes all that it has in the two servers; once.

        A Redis that a failed scenario left dead takes what it holds with it, and must not hide why the scenario failed.
        """
        if self._closed:
            return
        self._closed = True
        for worker in self.workers.values():
            worker.kill()
        self.engine.close()
        delete_indices(self.engine_url, self.index)
        with suppress(StoreUnavailable), self.deployment.connection.client() as client:
            for found in client.scan_iter(f"{self.index}:*", count=1000):
                client.delete(found)
        self.deployment.close()


Started = Callable[..., Cluster]
"""(engine URL, Redis URL, settings) to a cluster that is cleared away after the test."""
