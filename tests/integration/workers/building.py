"""Builds of tests, driven in this process with a thread that does their batches."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from multirecall.engines.base import Engine
from multirecall.engines.schema import Schema
from multirecall.indexer.generations import live_index
from multirecall.indexer.new_schema import IndexShape, new_schema
from multirecall.workers.building import BuildPlan
from multirecall.workers.driving import JobDriver
from multirecall.workers.finishing import GateOf
from multirecall.workers.store.job import Job, JobKind, JobState
from multirecall.workers.submitting import Submitter
from tests.integration.workers.shop import ENCODER, MAPPING
from tests.support.deployments import Bench

__all__ = [
    "PASSED",
    "STAGES",
    "STOPPED",
    "catalogue",
    "drive",
    "during",
    "indexes",
    "live",
    "new_index",
    "passes",
    "rebuild",
    "start",
    "why",
]

PASSED = {"passed": True, "outcome": "passed", "reason": "no fall"}
STOPPED = {"passed": False, "outcome": "stopped", "reason": "nDCG fell by 0.5"}


def new_index(engine: Engine, plan: BuildPlan, job_id: str) -> Schema:
    """As `workers.wiring.new_index_schema` makes it."""
    encoders = {} if plan.encoder == "none" else {"dense": ENCODER}
    before = live_index(engine)
    mark = {"job": job_id, "replaces": before.name if before else None}
    return new_schema(engine, plan.mapping, encoders, IndexShape(), suggested=False, sources=plan.sources, mark=mark)


def passes(old: str, new: str) -> dict[str, Any] | None:
    return None


def drive(
    bench: Bench, job: Job, gate: GateOf = passes, stopping: Callable[[], bool] = lambda: False, *, worker: bool = True
) -> Job:
    """One drive, with a worker unless nothing of it is to be done; returns the job after it."""
    driver = JobDriver(bench.deployment, new_index=new_index, gate_of=gate, stopping=stopping)
    if worker:
        with bench.working():
            driver.drive(job.id)
    else:
        driver.drive(job.id)
    return bench.deployment.jobs.get(job.id)


def catalogue(folder: Path, records: list[dict[str, Any]], name: str = "catalogue.jsonl") -> str:
    path = folder / name
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return str(path)


def start(bench: Bench, *sources: str, kind: JobKind = JobKind.INDEX, mapping: Any = MAPPING, **spec: Any) -> Job:
    return Submitter(bench.deployment).start(
        kind, {"sources": list(sources), "mapping": mapping.to_dict() if mapping else None, "encoder": "", **spec}
    )


def rebuild(bench: Bench, **spec: Any) -> Job:
    """A rebuild from the live index."""
    mapping = spec.pop("mapping", None)
    return start(bench, kind=JobKind.REBUILD, mapping=mapping, **spec)


def indexes(bench: Bench) -> list[tuple[str, bool]]:
    with bench.deployment.engine() as engine:
        return [(info.name.rpartition("-")[2], info.live) for info in engine.indexes()]


def live(bench: Bench) -> str:
    with bench.deployment.engine() as engine:
        return engine.info().name


def why(job: Job) -> str:
    assert job.state is JobState.FAILED
    assert job.error is not None
    return f"{job.error['message']} {job.error['hint']}"


@contextmanager
def during(bench: Bench, stage: str, act: Callable[[], None]) -> Iterator[None]:
    """Calls `act` once, when a job reaches the stage."""
    jobs = bench.deployment.jobs
    kind, called = type(jobs), []
    original = kind.set_driven

    def set_driven(self: Any, id: str, token: str, **values: Any) -> bool:
        found = original(self, id, token, **values)
        if values.get("stage") == stage and not called:
            called.append(1)
            act()
        return found

    kind.set_driven = set_driven  # type: ignore[method-assign]
    try:
        yield
    finally:
        kind.set_driven = original  # type: ignore[method-assign]
    assert called


STAGES = ("preparing", "filling", "writing", "verifying", "judging", "swapping")
