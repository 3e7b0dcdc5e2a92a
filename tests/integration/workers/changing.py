"""Changes and batches of tests, briefly, and what became of them."""

from __future__ import annotations

from typing import Any

from multirecall.indexer.items import Item
from multirecall.workers.store.batches import Batch
from multirecall.workers.store.dead_letters import DeadLetter
from multirecall.workers.store.job import Job, JobKind
from multirecall.workers.submitting import Submitter
from tests.support.deployments import Bench

__all__ = ["counts", "delete", "job_of", "letters", "put", "send", "update", "upsert"]


def update(id: str, **fields: Any) -> dict[str, Any]:
    return {"op": "update", "id": id, "fields": fields}


def upsert(id: str, title: str, **fields: Any) -> dict[str, Any]:
    return {"op": "upsert", "product": {"id": id, "title": title, **fields}}


def delete(id: str) -> dict[str, Any]:
    return {"op": "delete", "id": id}


def send(bench: Bench, *changes: object, **options: Any) -> Job:
    return Submitter(bench.deployment).send(changes, **options)


def job_of(bench: Bench, job: Job) -> Job:
    return bench.deployment.jobs.get(job.id)


def counts(bench: Bench, job: Job, *names: str) -> dict[str, int]:
    found = job_of(bench, job).counts
    return {name: found[name] for name in names or ("planned", "done", "stale", "failed")}


def letters(bench: Bench) -> list[DeadLetter]:
    return list(bench.deployment.dead_letters.all())


def put(bench: Bench, *items: Item, index: str = "", job: Job | None = None) -> tuple[Job, str]:
    """One batch of a job; returns the job and the batch's id."""
    job = job or bench.deployment.jobs.create(JobKind.CHANGES, {})
    batch = Batch(id=f"changes/{job.id}/a", job=job.id, queue="changes", index=index, items=items)
    bench.deployment.batches.put(batch)
    bench.deployment.jobs.set(job.id, closed=1)
    return job, batch.id
