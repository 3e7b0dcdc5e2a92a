"""Batches: pieces of work that exist in Redis until their effect is in the engine, whatever dies meanwhile.

Celery tells a worker that there is something to do; what there is to do stands here. A message lost, sent twice or
late changes nothing: a batch is leased to one worker at a time, the lease ends unless the worker renews it, and the
sweep (which every worker runs) tells the workers again of what waits too long.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from multirecall.core.errors import Backpressure, InvalidInput
from multirecall.indexer.items import Item, from_json, to_json
from multirecall.indexer.report import BuildWarning
from multirecall.workers.store import scripts
from multirecall.workers.store.connection import Connection
from multirecall.workers.store.dead_letters import DeadLetter, packed_letter
from multirecall.workers.store.packing import packed, unpacked

__all__ = ["QUEUES", "Batch", "BatchStore", "Lease", "Settlement", "Successor", "jobs_with_batches"]

QUEUES = ("index", "changes")
"""`index`: products to read, encode and write. `changes`: updates and deletes, which need no model."""

_MOST_WARNINGS = 100
"""So many kinds of warnings a job keeps, each with its count and its first example; no source can name more."""

_OTHER_WARNINGS = "other warnings"
_MOST_WARNING_CHARS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """How often a process failed or died on it (`crashes`), a lease ended without a word (`losses`), and the engine
    could not take it (`troubles`). `broken` says why its items cannot be read; then it has none."""

    id: str
    job: str
    queue: str
    index: str
    items: tuple[Item, ...]
    crashes: int = 0
    losses: int = 0
    troubles: int = 0
    broken: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    batch: Batch
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Successor:
    """A batch that takes over some items of one that ends, not before `delay_s` from now."""

    id: str
    items: Sequence[Item]
    delay_s: float
    crashes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What a batch's end brings with it, in one step: counts of its job, dead letters, batches that follow, and what
    could not be used of its rows."""

    counts: Mapping[str, float] = field(default_factory=dict)
    dead: Sequence[DeadLetter] = ()
    successors: Sequence[Successor] = ()
    warnings: Sequence[BuildWarning] = ()


class BatchStore:
    """Batches of one deployment. Raises StoreUnavailable where Redis does not do its part."""

    def __init__(self, connection: Connection, *, max_waiting: int, lease_s: float) -> None:
        self._connection = connection
        self.max_waiting = max_waiting
        self.lease_s = lease_s

    def put(self, batch: Batch, *, driver: str = "", number: int = 0) -> bool:
        """Takes a batch, durably as Redis is set up; False if there was one of this id.

        A `driver` (its token) puts the batch of this `number` of its job, the first being 0. That gives False too if
        the job has it already, or has fewer (the store lost some), or another one drives it now.

        Raises Backpressure while `max_waiting` batches of the queue are not done: then nothing was taken.
        """
        key = self._connection.key
        values = {
            "job": batch.job, "queue": batch.queue, "index": batch.index, "count": len(batch.items),
            "payload": _packed(batch.items),
        }  # fmt: skip
        taken = self._connection.run(
            scripts.PUT,
            [self._key(batch.id), *self._sets(batch.queue), key("job", batch.job), key("driver", batch.job)],
            [
                *(batch.id, self.max_waiting, len(batch.items), driver, number),
                *(part for pair in values.items() for part in pair),
            ],
        )
        if taken == 0:
            raise Backpressure(
                f"{self.max_waiting} batches wait in queue {batch.queue!r}: the workers do not keep up.",
                hint="Send again a little later, or start more workers.",
                queue=batch.queue,
                retry_after_s=1.0,
            )
        return bool(taken == 1)

    def lease(self, id: str, token: str) -> Lease | None:
        """The batch, ours until `lease_s` from now; None if it is done, or another worker has it. One that cannot be
        read is given as `broken`: somebody must see to it that it is not leased for ever."""
        queue = self._queue(id)
        waiting, leased, _ = self._sets(queue)
        found = self._connection.run(scripts.LEASE, [self._key(id), waiting, leased], [id, token, self.lease_s])
        if found is None:
            return None
        values = dict(zip(found[::2], found[1::2], strict=True))
        try:
            batch = _batch(id, values)
        except (InvalidInput, LookupError, TypeError, ValueError, zlib.error) as error:
            batch = Batch(
                id=id,
                job=_job_of(id),
                queue=queue,
                index=values.get(b"index", b"").decode(errors="replace"),
                items=(),
                crashes=int(values.get(b"crashes", 0)),
                broken=f"{type(error).__name__}: {error}",
            )
        return Lease(batch=batch, token=token)

    def renew(self, lease: Lease) -> bool:
        """Prolongs the lease; False if it was lost."""
        _, leased, _ = self._sets(lease.batch.queue)
        args = [lease.batch.id, lease.token, self.lease_s]
        return bool(self._connection.run(scripts.RENEW, [self._key(lease.batch.id), leased], args))

    def release(self, lease: Lease, *, delay_s: float, trouble: bool) -> bool:
        """Gives the batch back, to be tried again after `delay_s`; False if the lease was lost."""
        _, leased, delayed = self._sets(lease.batch.queue)
        args = [lease.batch.id, lease.token, delay_s, int(trouble)]
        return bool(self._connection.run(scripts.RELEASE, [self._key(lease.batch.id), leased, delayed], args))

    def crashed(self, id: str, holder: str, *, delay_s: float) -> bool:
        """Notes that a process died on a batch, which may be tried again after `delay_s`. `holder` is what the token of
        that process's lease begins with; False if it held none of this batch."""
        _, leased, delayed = self._sets(self._queue(id))
        args = [id, holder, delay_s]
        return bool(self._connection.run(scripts.CRASH, [self._key(id), leased, delayed], args))

    def park(self, lease: Lease) -> bool:
        """Lays the batch aside until its job is resumed, or, if that is so already, puts it back; False if the lease
        was lost."""
        waiting, leased, _ = self._sets(lease.batch.queue)
        job = self._connection.key("job", lease.batch.job)
        keys = [self._key(lease.batch.id), leased, self._parked(lease.batch.queue), waiting, job]
        return bool(self._connection.run(scripts.PARK, keys, [lease.batch.id, lease.token]))

    def unpark(self, job: str) -> int:
        """Lets a job's parked batches go on; returns how many."""
        moved = 0
        with self._connection.client() as client:
            for queue in QUEUES:
                waiting, _, _ = self._sets(queue)
                ids = [one for one in client.zrange(self._parked(queue), 0, -1) if _job_of(one.decode()) == job]
                with client.pipeline(transaction=True) as pipe:
                    for one in ids:
                        pipe.zrem(self._parked(queue), one)
                        pipe.zadd(waiting, {one: 0})
                    pipe.execute()
                moved += len(ids)
        return moved

    def finish(self, lease: Lease, settlement: Settlement) -> bool:
        """Ends the batch with all that comes of it, or (False) nothing of it, if the lease was lost."""
        batch, key = lease.batch, self._connection.key
        _, leased, delayed = self._sets(batch.queue)
        args: list[Any] = [batch.id, lease.token, len(settlement.counts)]
        for name, n in settlement.counts.items():
            args += [name, n]
        args.append(len(settlement.dead))
        for letter in settlement.dead:
            args += [letter.id, packed_letter(letter)]
        args.append(len(settlement.successors))
        for one in settlement.successors:
            args += [one.id, self._key(one.id), one.delay_s, _packed(one.items), len(one.items), one.crashes]
        args += [len(settlement.warnings), _MOST_WARNINGS, _OTHER_WARNINGS]
        for warning in settlement.warnings:
            args += [warning.what[:_MOST_WARNING_CHARS], warning.count, warning.example[:_MOST_WARNING_CHARS]]
        keys = [
            self._key(batch.id), leased, key("job", batch.job), key("counters"), key("dead"), key("dead-order"), delayed
        ]  # fmt: skip
        return bool(self._connection.run(scripts.FINISH, keys, args))

    def sweep(self, queue: str, *, announce_again_s: float, limit: int = 100) -> list[str]:
        """Takes back leases that ended and delays that are over; returns the ids that a worker must be told of."""
        found = self._connection.run(scripts.SWEEP, list(self._sets(queue)), [announce_again_s, limit])
        return [one.decode() for one in found]

    def sizes(self, queue: str) -> dict[str, int]:
        """How many batches are waiting, leased and delayed."""
        with self._connection.client() as client, client.pipeline(transaction=True) as pipe:
            for name in self._sets(queue):
                pipe.zcard(name)
            counts = pipe.execute()
        return dict(zip(("waiting", "leased", "delayed"), counts, strict=True))

    def of_job(self, job: str) -> list[str]:
        """The ids of a job's batches that are not done, over all queues."""
        ids: list[str] = []
        with self._connection.client() as client:
            for queue in QUEUES:
                for name in (*self._sets(queue), self._parked(queue)):
                    ids += [one.decode() for one in client.zrange(name, 0, -1) if _job_of(one.decode()) == job]
        return ids

    def drop_job(self, job: str) -> int:
        """Takes all batches of a job away, leased ones too (their end then changes nothing); returns how many."""
        dropped = 0
        while ids := self.of_job(job):  # again, for what followed from a batch that ended meanwhile
            with self._connection.client() as client, client.pipeline(transaction=True) as pipe:
                for one in ids:
                    pipe.delete(self._key(one))
                    for queue in QUEUES:
                        for name in (*self._sets(queue), self._parked(queue)):
                            pipe.zrem(name, one)
                pipe.execute()
            dropped += len(ids)
        return dropped

    def changes_under_way(self) -> int:
        """How many items of changes (batches of no index of their own) wait or are worked on."""
        with self._connection.client() as client:
            ids = [one for queue in QUEUES for name in self._sets(queue) for one in client.zrange(name, 0, -1)]
            with client.pipeline(transaction=False) as pipe:
                for one in ids:
                    pipe.hmget(self._key(one.decode()), "index", "count")
                found = pipe.execute()
        return sum(int(count or 0) for index, count in found if not index)

    def upserts_before(self, job: str) -> bool:
        """Whether products sent as changes still wait or are worked on that may have been sent before those of `job`.

        The ids of jobs of changes tell when they were made.
        """
        made_at = int(job.split("-")[1])
        with self._connection.client() as client:
            jobs = {_job_of(one.decode()) for name in self._sets("index") for one in client.zrange(name, 0, -1)}
        return any(one.startswith("changes-") and int(one.split("-")[1]) <= made_at for one in jobs)

    def next_versions(self, n: int) -> range:
        """`n` versions higher than all given before, in microseconds since 1970."""
        first = int(self._connection.run(scripts.TICK, [self._connection.key("clock")], [n]))
        return range(first, first + n)

    def _key(self, id: str) -> str:
        return self._connection.key("batch", id)

    def _sets(self, queue: str) -> tuple[str, str, str]:
        key = self._connection.key
        return key("waiting", queue), key("leased", queue), key("delayed", queue)

    def _parked(self, queue: str) -> str:
        return self._connection.key("parked", queue)

    @staticmethod
    def _queue(id: str) -> str:
        """Ids are `<queue>/<job>/<what is one's own>`, so that a message needs nothing but the id."""
        queue = id.partition("/")[0]
        if queue not in QUEUES:
            raise InvalidInput(f"No batch id: {id[:80]!r}.", field="batch")
        return queue


def jobs_with_batches(connection: Connection) -> set[str]:
    """The jobs of all batches that are not done, those laid aside included."""
    with connection.client() as client, client.pipeline(transaction=False) as pipe:
        for queue in QUEUES:
            for name in ("waiting", "leased", "delayed", "parked"):
                pipe.zrange(connection.key(name, queue), 0, -1)
        return {_job_of(one.decode()) for ids in pipe.execute() for one in ids}


def _job_of(id: str) -> str:
    return id.split("/", 2)[1]


def _packed(items: Sequence[Item]) -> bytes:
    """Small: catalogues' texts shrink to a quarter."""
    return zlib.compress(packed(to_json(items)), level=1)


def _unpacked(body: bytes) -> tuple[Item, ...]:
    return tuple(from_json(unpacked(zlib.decompress(body))))


def _batch(id: str, values: Mapping[bytes, bytes]) -> Batch:
    return Batch(
        id=id,
        job=values[b"job"].decode(),
        queue=values[b"queue"].decode(),
        index=values[b"index"].decode(),
        items=_unpacked(values[b"payload"]),
        crashes=int(values[b"crashes"]),
        losses=int(values[b"losses"]) - 1,  # the present lease is none yet
        troubles=int(values[b"troubles"]),
    )
