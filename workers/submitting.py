"""Submitter: takes work for the workers. What it has taken stands in the store, whatever happens to the submitter."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from multirecall.core.errors import Backpressure, EngineUnavailable, InvalidInput, NotFound
from multirecall.engines.schema import Schema
from multirecall.indexer.changes import ChangeReader
from multirecall.indexer.items import CopyItem, Item, RowItem
from multirecall.workers.deployment import Deployment
from multirecall.workers.pausing import Pause
from multirecall.workers.store.batches import Batch
from multirecall.workers.store.dead_letters import DeadLetter
from multirecall.workers.store.job import Job, JobKind, JobState
from multirecall.workers.store.schema import SeenSchema

__all__ = ["Submitter"]

_log = logging.getLogger("multirecall.workers")

OnRefused = Callable[[InvalidInput, object], None]
"""(why, the change): a change that cannot be read."""


class Submitter:
    """Starts jobs and sends changes. Raises StoreUnavailable."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._options = deployment.options
        self._batches = deployment.batches

    def start(self, kind: JobKind, spec: Mapping[str, Any]) -> Job:
        """Starts a build: `sources` (absolute paths, as the workers see them; none: the live index), `encoder`,
        `labels`, `mapping`, `force`, `allow_shrink`, `rejects_path`."""
        version_at = self._batches.next_versions(1)[0]
        job = self._deployment.jobs.create(kind, {**spec, "version_at": version_at})
        self._deployment.announce("job", job.id)
        return job

    def resume(self, job_id: str, *, force: bool = False) -> Job:
        """Lets a failed or cancelled job go on; `force` passes the gate. Raises NotFound, InvalidInput.

        A job that goes on already is told again of what was laid aside: whoever resumed it may have died half-way.
        Only if there is nothing of that, it raises InvalidInput.
        """
        job = self._deployment.jobs.get(job_id)
        if not job.state.over and self._batches.unpark(job_id):
            return job
        if force and job.state in (JobState.CANCELLED, JobState.FAILED):
            self._deployment.jobs.set(job_id, spec={**job.spec, "force": True})
        job = self._deployment.jobs.resume(job_id)
        self._batches.unpark(job_id)
        if job.kind is not JobKind.CHANGES:
            self._deployment.announce("job", job_id)
        return job

    def send(
        self,
        changes: Iterable[object],
        *,
        wait_s: float = 60.0,
        on_refused: OnRefused | None = None,
        place: str = "change",
    ) -> Job:
        """Sends changes (see `indexer/changes.py`) as one job; returns when the store has taken all of them.

        An empty text among them is passed over: it is a blank line of a file, and counts for the place of the others.
        A change that cannot be read is told to `on_refused`, and the others go on; without `on_refused` it raises
        InvalidInput and what came before it stays sent. While the queue is full this waits, up to `wait_s` for each
        batch; then it raises Backpressure, and `data["taken"]` changes were taken. Raises NotFound without an index.
        """
        reader = ChangeReader(self._live_schema())
        job = self._deployment.jobs.create(JobKind.CHANGES, {})
        pending = _Pending()
        taken = 0

        def put(queue: str) -> int:
            if not reader.source_versions:
                pending.number(self._batches.next_versions)
            return self._put(job, pending.items[queue], wait_s)

        try:
            for number, change in enumerate(changes, start=1):
                if change == "":
                    continue
                try:
                    item = reader.read(change, f"{place} {number}")
                except InvalidInput as error:
                    if on_refused is None:
                        raise
                    self._deployment.jobs.add(job.id, rejected=1)
                    on_refused(error, change)
                    continue
                queue = pending.add(item)
                if len(pending.items[queue]) >= self._options.batch_rows:
                    if queue == "changes" and pending.items["index"]:
                        # an update that is sent long before its product would be given up
                        taken += put("index")
                    taken += put(queue)
            for queue, items in pending.items.items():
                if items:
                    taken += put(queue)
        except Backpressure as error:
            raise Backpressure(error.message, hint=error.hint, **error.data, taken=taken, job=job.id) from error
        finally:
            self._deployment.jobs.set(job.id, closed=1, read=taken)
        return self._deployment.jobs.get(job.id)

    def _live_schema(self) -> Schema:
        """That of the live index, or, while the engine is away, the one last seen: changes wait in the store then."""
        seen = SeenSchema(self._deployment.connection)
        try:
            with self._deployment.engine() as engine:
                schema = engine.info().schema
        except EngineUnavailable as error:
            kept = seen.get()
            if kept is None:
                raise
            _log.warning("the engine does not answer; changes are read by the schema last seen: %s", error)
            return kept
        seen.put(schema)
        return schema

    def replay(self, letters: Sequence[DeadLetter], *, wait_s: float = 60.0) -> Job:
        """Sends dead letters again, as one job, and forgets them once they are taken.

        A row that carries no version counts as older than all there is. Raises NotFound for no letters, and
        Backpressure as `send` does: the letters that were not taken stay.
        """
        if not letters:
            raise NotFound("There is no dead letter to replay.")
        job = self._deployment.jobs.create(JobKind.CHANGES, {"replay": len(letters)})
        taken = 0
        try:
            self._deployment.jobs.set(job.id, unversioned=0)  # not in the items: it would hide what their rows carry
            for start in range(0, len(letters), self._options.batch_rows):
                part = letters[start : start + self._options.batch_rows]
                taken += self._put(job, [letter.item for letter in part], wait_s)
                self._deployment.dead_letters.drop([letter.id for letter in part])
        except Backpressure as error:
            raise Backpressure(error.message, hint=error.hint, **error.data, taken=taken, job=job.id) from error
        finally:
            self._deployment.jobs.set(job.id, closed=1, read=taken)
        return self._deployment.jobs.get(job.id)

    def _put(self, job: Job, items: list[Item], wait_s: float) -> int:
        """Puts items as one batch, in the queue of the first, and empties the list."""
        queue = "index" if any(isinstance(item, RowItem) for item in items) else "changes"
        batch = Batch(
            id=f"{queue}/{job.id}/{secrets.token_hex(6)}", job=job.id, queue=queue, index="", items=tuple(items)
        )
        until = time.monotonic() + wait_s
        while True:
            try:
                self._batches.put(batch)
                break
            except Backpressure:
                if time.monotonic() >= until:
                    raise
                Pause.wait(0.1)
        self._deployment.announce("batch", batch.id)
        taken = len(items)
        items.clear()
        return taken


class _Pending:
    """Changes that were read and not put yet, by their queue; the clock numbers them in the order of reading.

    The queues fill up unevenly: numbers drawn for one alone would turn a `delete` and the `upsert` after it round.
    """

    def __init__(self) -> None:
        self.items: dict[str, list[Item]] = {"index": [], "changes": []}
        self._unnumbered: list[tuple[str, int]] = []

    def add(self, item: Item) -> str:
        """Takes one in; returns its queue."""
        queue = "index" if isinstance(item, RowItem) else "changes"
        self._unnumbered.append((queue, len(self.items[queue])))
        self.items[queue].append(item)
        return queue

    def number(self, next_versions: Callable[[int], range]) -> None:
        """Gives all that have no version of the clock's yet theirs, in both queues."""
        if not self._unnumbered:
            return
        versions = next_versions(len(self._unnumbered))
        for (queue, position), version in zip(self._unnumbered, versions, strict=True):
            self.items[queue][position] = _versioned(self.items[queue][position], version)
        self._unnumbered.clear()


def _versioned(item: Item, version: int) -> Item:
    """The item with a version of the clock's; a copy carries its own."""
    return item if isinstance(item, CopyItem) else replace(item, version=version)
