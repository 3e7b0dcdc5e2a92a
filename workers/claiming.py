"""The claim on building: one job of a deployment builds at a time, and clears away what given-up builds left."""

from __future__ import annotations

from multirecall.core.errors import InvalidInput, NotFound
from multirecall.engines.base import Engine, IndexInfo
from multirecall.workers.deployment import Deployment
from multirecall.workers.store.job import JobState

__all__ = ["BuildClaim", "job_of"]

_CLAIM = """
-- KEYS building   ARGV job over   -> '' if the job has the claim now, else the job that has it
-- `over`: a job that is over, whose claim may be taken.
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] and holder ~= ARGV[2] then return holder end
redis.call('SET', KEYS[1], ARGV[1])
return ''
"""

_RELEASE = """
-- KEYS building   ARGV job
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
"""


class BuildClaim:
    """Held by one job. One that is over, or forgotten, holds it no more, so that a kill leaves nothing locked. Raises
    StoreUnavailable."""

    def __init__(self, deployment: Deployment, job_id: str) -> None:
        self._deployment = deployment
        self._job_id = job_id
        self._key = deployment.connection.key("building")

    def take(self) -> None:
        """Makes the job the one that builds. Raises InvalidInput while another does that is not over."""
        over = ""
        while holder := self._deployment.connection.run(_CLAIM, [self._key], [self._job_id, over]):
            over = holder.decode()
            if not self._over(over):
                raise InvalidInput(
                    f"Job {over} builds an index already.",
                    hint=f"Wait for it, or `multirecall jobs cancel {over}`.",
                    field="job",
                )

    def release(self) -> None:
        """Another job may build."""
        self._deployment.connection.run(_RELEASE, [self._key], [self._job_id])

    def clear(self, engine: Engine) -> None:
        """Drops the indexes of builds that failed, were cancelled or are forgotten, and their batches: this one takes
        their place. Called once this one has an index: a name that is in use again could get a dead build's rows."""
        targets, late = self._deployment.targets, self._deployment.late
        forgotten = set()
        for name, why in targets.all().items():
            if why in ("standby", self._job_id):
                continue
            state = self._state(why)
            if state is None or state.over:
                targets.remove(name)
                late.drop(name)
            if state is None:
                forgotten.add(name)
        kept = targets.all()
        for info in engine.indexes():
            owner = job_of(info)
            if owner in ("", self._job_id) or info.live or info.name in kept:
                continue
            # of a forgotten job only what it was still to fill: any other may have served
            if info.name in forgotten or self._state(owner) in (JobState.FAILED, JobState.CANCELLED):
                engine.drop(info.name)
                self._deployment.batches.drop_job(owner)

    def _over(self, job_id: str) -> bool:
        state = self._state(job_id)
        return state is None or state.over

    def _state(self, job_id: str) -> JobState | None:
        """None for a job that is forgotten."""
        try:
            return self._deployment.jobs.get(job_id).state
        except NotFound:
            return None


def job_of(info: IndexInfo) -> str:
    """The job that made the index; empty if none did."""
    mark = info.schema.metadata.get("build")
    return str(mark.get("job", "")) if isinstance(mark, dict) else ""
