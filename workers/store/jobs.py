"""JobStore: the jobs in Redis, and who drives each."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from multirecall.core.errors import InvalidInput, NotFound, StoreUnavailable
from multirecall.indexer.report import BuildWarning
from multirecall.workers.store.batches import jobs_with_batches
from multirecall.workers.store.connection import Connection
from multirecall.workers.store.job import Job, JobKind, JobState

__all__ = ["JobStore"]

_log = logging.getLogger("multirecall.workers")

_QUIET_S = 3_600.0
"""Changes whose sender said no end are over when all that it sent is settled and nothing came for so long."""

_FORGET_AT_ONCE = 200


_COUNTS = (
    "planned", "done", "stale", "failed", "retried", "read", "rejected", "duplicates", "encoded", "reused",
    "without_vector", "created", "deleted", "bytes_read", "bytes_total", "batches",
)  # fmt: skip
_SECONDS = ("encoding_s", "writing_s")
_WARNED, _WARNED_FIRST = b"warned:", b"warned_first:"
"""What the fields of a kind of warning begin with: its count, its first example (scripts.FINISH)."""


_SET_IF_DRIVER = """
-- KEYS driver job   ARGV token field value …   -> 1 if the token's owner drives the job
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
for i = 2, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
return 1
"""

_END = """
-- KEYS job driven driver   ARGV id token field value …   -> 1 if it ended by this, 0 if it is over or another's
local state = redis.call('HGET', KEYS[1], 'state')
if state == 'cancelled' or state == 'failed' or state == 'done' then return 0 end
if ARGV[2] ~= '' and redis.call('GET', KEYS[3]) ~= ARGV[2] then return 0 end
for i = 3, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('SREM', KEYS[2], ARGV[1])
return 1
"""

_RENEW_DRIVER = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
"""

_LET_GO = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
return 1
"""


_RESUME = """
-- KEYS job driven   ARGV id   -> 1 queued again, 0 neither failed nor cancelled, -1 changes passed it by
local state = redis.call('HGET', KEYS[1], 'state')
if state ~= 'failed' and state ~= 'cancelled' then return 0 end
if redis.call('HEXISTS', KEYS[1], 'passed_by') == 1 then return -1 end
redis.call('HSET', KEYS[1], 'state', 'queued', 'stage', '')
redis.call('HDEL', KEYS[1], 'error', 'ended_at')
if redis.call('HGET', KEYS[1], 'kind') ~= 'changes' then redis.call('SADD', KEYS[2], ARGV[1]) end
return 1
"""

_FORGET = """
-- KEYS job jobs driven   ARGV id state   -> 1 if it was forgotten: nobody resumed it meanwhile
if (redis.call('HGET', KEYS[1], 'state') or '') ~= ARGV[2] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('SREM', KEYS[3], ARGV[1])
return 1
"""


class JobStore:
    """Jobs of one deployment. Raises StoreUnavailable; NotFound for a job that is not there."""

    def __init__(self, connection: Connection, *, keep: int = 200) -> None:
        self._connection = connection
        self._keep = keep

    def create(self, kind: JobKind, spec: Mapping[str, Any]) -> Job:
        """A new job, queued. Those that are over and beyond the `keep` latest are forgotten, but for those that may
        still be resumed: with batches that are not done, or with an index that changes are kept for."""
        now = self._connection.time_s()
        made = f"{kind.value}-{int(now)}-{secrets.token_hex(3)}"
        values = {"kind": kind.value, "state": JobState.QUEUED.value, "spec": orjson.dumps(spec), "made_at": now}
        with self._connection.client() as client, client.pipeline(transaction=True) as pipe:
            pipe.hset(self._key(made), mapping=values)
            pipe.zadd(self._connection.key("jobs"), {made: now})
            if kind is not JobKind.CHANGES:
                pipe.sadd(self._connection.key("driven"), made)
            pipe.execute()
        try:
            self._forget_old()
        except StoreUnavailable as error:
            _log.warning("old jobs could not be forgotten, the next one does it: %s", error)
        return self.get(made)

    def get(self, id: str) -> Job:
        """Raises NotFound."""
        with self._connection.client() as client:
            values = client.hgetall(self._key(id))
        if b"kind" not in values:
            raise NotFound(f"There is no job {id!r}.", hint="`multirecall jobs list` shows all.", id=id)
        return _job(id, values, self._connection.time_s)

    def latest(self, *, size: int = 20) -> list[Job]:
        """The latest jobs, newest first."""
        with self._connection.client() as client:
            ids = [one.decode() for one in client.zrevrange(self._connection.key("jobs"), 0, size - 1)]
        found = zip(ids, self._values(ids), strict=True)
        return [_job(one, values, self._connection.time_s) for one, values in found if b"kind" in values]

    def set(self, id: str, **values: Any) -> None:
        """Sets fields of a job; dicts and lists go in as JSON."""
        with self._connection.client() as client:
            client.hset(self._key(id), mapping={name: _plain(value) for name, value in values.items()})

    def add(self, id: str, **counts: float) -> None:
        """Adds to counts of a job, and to those of the deployment."""
        with self._connection.client() as client, client.pipeline(transaction=True) as pipe:
            for name, n in counts.items():
                pipe.hincrbyfloat(self._key(id), name, n)
                pipe.hincrbyfloat(self._connection.key("counters"), name, n)
            pipe.execute()

    def end(self, id: str, state: JobState, *, token: str = "", **values: Any) -> bool:
        """Ends a job in one step; nobody drives it any more. False if it is over already, or, with a token, if that
        token's owner does not drive it: then nothing is noted."""
        noted = {"state": state.value, "ended_at": self._connection.time_s(), **values}
        keys = [self._key(id), self._connection.key("driven"), self._driver(id)]
        args = [part for name, value in noted.items() for part in (name, _plain(value))]
        return bool(self._connection.run(_END, keys, [id, token, *args]))

    def cancel(self, id: str) -> Job:
        """Cancels a job; whoever works on it sees it at its next step. Raises InvalidInput for one that is over."""
        job = self.get(id)
        if job.state.over:
            raise InvalidInput(f"Job {id} is {job.state.value} already.", field="job")
        if not self.end(id, JobState.CANCELLED):
            raise InvalidInput(f"Job {id} has just ended.", field="job")
        return self.get(id)

    def resume(self, id: str) -> Job:
        """Queues a job again that failed or was cancelled; it goes on where it was. Raises NotFound, and InvalidInput
        for one in another state or one that changes passed by (`Targets.pass_by`)."""
        job = self.get(id)
        resumed = self._connection.run(_RESUME, [self._key(id), self._connection.key("driven")], [id])
        if resumed == -1:
            raise InvalidInput(
                f"Job {id} cannot go on: too many changes passed it by.",
                hint="Start a new job: it takes over all vectors whose texts are the same.",
                field="job",
            )
        if not resumed:
            raise InvalidInput(
                f"Job {id} is {job.state.value}; only a failed or cancelled one can be resumed.", field="job"
            )
        return self.get(id)

    # ---------------------------------------------------------------- driving

    def take(self, id: str, token: str, lease_s: float) -> bool:
        """Makes the token's owner the one who drives the job, until `lease_s` from now; False if another does."""
        with self._connection.client() as client:
            return bool(client.set(self._driver(id), token, nx=True, px=int(lease_s * 1000)))

    def keep_driving(self, id: str, token: str, lease_s: float) -> bool:
        """Prolongs that; False if it was lost."""
        return bool(self._connection.run(_RENEW_DRIVER, [self._driver(id)], [token, int(lease_s * 1000)]))

    def set_driven(self, id: str, token: str, **values: Any) -> bool:
        """`set`, if the token's owner still drives the job."""
        args = [part for name, value in values.items() for part in (name, _plain(value))]
        return bool(self._connection.run(_SET_IF_DRIVER, [self._driver(id), self._key(id)], [token, *args]))

    def let_go(self, id: str, token: str) -> None:
        """Gives the driving back; the next sweep finds another driver if the job is not over."""
        self._connection.run(_LET_GO, [self._driver(id)], [token])

    def without_driver(self) -> list[str]:
        """Jobs that need a driver and have none."""
        with self._connection.client() as client:
            ids = [one.decode() for one in client.smembers(self._connection.key("driven"))]
            return [one for one in ids if not client.exists(self._driver(one))]

    def _forget_old(self) -> None:
        jobs, driven = self._connection.key("jobs"), self._connection.key("driven")
        with self._connection.client() as client:
            ids = [one.decode() for one in client.zrange(jobs, 0, -(self._keep + 1))]
        if not ids:
            return
        kept = self._resumable()
        ids = [one for one in ids if one not in kept]
        for start in range(0, len(ids), _FORGET_AT_ONCE):
            part = ids[start : start + _FORGET_AT_ONCE]
            for one, values in zip(part, self._values(part), strict=True):
                if b"kind" not in values or _job(one, values, self._connection.time_s).state.over:
                    self._connection.run(_FORGET, [self._key(one), jobs, driven], [one, values.get(b"state", b"")])

    def _resumable(self) -> frozenset[str]:
        """Jobs that own batches, or an index that changes are kept for."""
        with self._connection.client() as client:
            owners = {why.decode() for why in client.hvals(self._connection.key("targets"))}
        return frozenset(owners | jobs_with_batches(self._connection))

    def _values(self, ids: Sequence[str]) -> list[dict[bytes, bytes]]:
        """All that is stored of these jobs."""
        with self._connection.client() as client, client.pipeline(transaction=False) as pipe:
            for one in ids:
                pipe.hgetall(self._key(one))
            found: list[dict[bytes, bytes]] = pipe.execute()
        return found

    def _key(self, id: str) -> str:
        return self._connection.key("job", id)

    def _driver(self, id: str) -> str:
        return self._connection.key("driver", id)


def _plain(value: Any) -> Any:
    return orjson.dumps(value) if isinstance(value, dict | list) else value


def _job(id: str, values: Mapping[bytes, bytes], time_s: Callable[[], float]) -> Job:
    def text(name: str) -> str:
        return values.get(name.encode(), b"").decode()

    def number(name: str) -> float:
        return float(values.get(name.encode(), b"0"))

    counts = {name: int(number(name)) for name in _COUNTS}
    state = JobState(text("state"))
    kind = JobKind(text("kind"))
    settled = counts["done"] + counts["stale"] + counts["failed"]
    ended_at = number("ended_at")
    if kind is JobKind.CHANGES and not state.over:
        # nobody drives such a job: it is over when all that was sent is settled
        over = settled >= counts["planned"] and (
            text("closed") == "1" or time_s() - (number("changed_at") or number("made_at")) > _QUIET_S
        )
        state = JobState.DONE if over else JobState.RUNNING
        ended_at = (number("changed_at") or number("made_at")) if over else 0.0
    return Job(
        id=id,
        kind=kind,
        state=state,
        stage=text("stage"),
        spec=orjson.loads(values.get(b"spec", b"{}")),
        counts=counts,
        seconds={name: number(name) for name in _SECONDS},
        made_at=number("made_at"),
        started_at=number("started_at"),
        changed_at=number("changed_at") or number("made_at"),
        ended_at=ended_at,
        index=text("index"),
        source=text("source"),
        filled=text("filled") == "1",
        unversioned=int(text("unversioned")) if text("unversioned") else None,
        changed_before=int(text("changed_before")) if text("changed_before") else None,
        previous=text("previous"),
        verdict=orjson.loads(values[b"verdict"]) if b"verdict" in values else None,
        error=orjson.loads(values[b"error"]) if b"error" in values else None,
        report=orjson.loads(values[b"report"]) if b"report" in values else None,
        warnings=_warnings(values),
    )


def _warnings(values: Mapping[bytes, bytes]) -> tuple[BuildWarning, ...]:
    kinds = [name.removeprefix(_WARNED) for name in values if name.startswith(_WARNED)]
    found = [
        BuildWarning(
            what=kind.decode(errors="replace"),
            count=int(values[_WARNED + kind]),
            example=values.get(_WARNED_FIRST + kind, b"").decode(errors="replace"),
        )
        for kind in kinds
    ]
    return tuple(sorted(found, key=lambda one: (-one.count, one.what)))
