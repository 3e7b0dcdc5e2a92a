"""The driver of a build: makes the new index, hands the source out in batches, waits, checks, judges, goes live.

It holds nothing that it could lose: how far the source was read, which index is filled and what the batches did stand
in the store. Another driver goes on where this one was killed.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from multirecall.core.errors import (
    Backpressure,
    EngineError,
    EngineUnavailable,
    InvalidInput,
    InvalidSource,
    MultirecallError,
    NotFound,
    StoreUnavailable,
)
from multirecall.engines.base import Engine, IndexInfo
from multirecall.indexer.applying import Applier, OutcomeKind
from multirecall.indexer.copying import copy_tombstones
from multirecall.indexer.generations import drop_old, line_of_generations, live_index
from multirecall.indexer.items import Item
from multirecall.workers.building import BuildPlan, NewIndex
from multirecall.workers.carrying import newer_products
from multirecall.workers.deployment import Deployment
from multirecall.workers.leases import Kept
from multirecall.workers.logs import logging_about
from multirecall.workers.pausing import Pause
from multirecall.workers.store.batches import Batch
from multirecall.workers.store.jobs import Job, JobState

__all__ = ["GateOf", "JobDriver"]

_log = logging.getLogger("multirecall.workers")

GateOf = Callable[[str, str], dict[str, Any] | None]
"""(old index, new index) to a verdict with `passed` and `reason`; None if there is nothing to judge by."""

_LOOK_EVERY_S = 0.2


class _Stopped(Exception):
    """The job is not ours to go on with: cancelled, another's, or this process is to end."""


class JobDriver:
    """Drives builds, one at a time, to their end. `stopping` says that the process should end soon."""

    def __init__(
        self, deployment: Deployment, *, new_index: NewIndex, gate_of: GateOf, stopping: Callable[[], bool]
    ) -> None:
        self._deployment = deployment
        self._jobs = deployment.jobs
        self._new_index = new_index
        self._gate_of = gate_of
        self._stopping = stopping

    def drive(self, job_id: str) -> bool:
        """Drives the job unless somebody else does; True if it came to its end here. Raises StoreUnavailable."""
        token = secrets.token_hex(8)
        lease_s = self._deployment.options.lease_s
        if self._jobs.get(job_id).state.over or not self._jobs.take(job_id, token, lease_s):
            return False
        try:
            with (
                logging_about(job=job_id),
                Kept(lambda: self._jobs.keep_driving(job_id, token, lease_s), lease_s) as kept,
            ):
                return self._drive(_Driving(self, job_id, token, kept))
        finally:
            self._jobs.let_go(job_id, token)

    def _drive(self, driving: _Driving) -> bool:
        try:
            with self._deployment.engine() as engine:
                report = driving.run(engine)
        except _Stopped:
            return False
        except StoreUnavailable:  # nothing is wrong with the job; whoever drives it next goes on
            raise
        except EngineError as error:
            if isinstance(error, EngineUnavailable) or "retry_after_s" in error.data:
                _log.warning("the engine does not answer; the job goes on when it does: %s", error)
                self._deployment.trouble.tell(error.to_dict())
                return False
            return driving.fail(error)
        except MultirecallError as error:
            return driving.fail(error)
        if self._deployment.trouble.now() is not None:
            self._deployment.trouble.over()
        _log.info("job done", extra={"report": report})
        self._jobs.end(driving.id, JobState.DONE, stage="done", report=report)
        return True


class _Driving:
    """One drive of one job."""

    def __init__(self, driver: JobDriver, job_id: str, token: str, kept: Kept) -> None:
        self.id = job_id
        self._token = token
        self._kept = kept
        self._driver = driver
        self._deployment = driver._deployment
        self._jobs = driver._jobs
        self._batches = driver._deployment.batches
        self._pause = Pause()

    def run(self, engine: Engine) -> dict[str, Any]:
        """From wherever the job stands to its end; returns the report."""
        job = self._here(state=JobState.RUNNING.value)
        if not job.started_at:
            self._here(started_at=self._deployment.connection.time_s())
        live = live_index(engine)
        if live is not None and _job_of(live) == self.id:  # a driver was killed right after the swap
            return self._go_live(engine, live, {})
        plan = BuildPlan.of(job, engine, live)
        index = self._index(engine, plan, live)
        self._fill(plan, index)
        self._drain()
        self._catch_up(engine, index)
        if plan.source_versions and live is not None:
            self._carry_over(engine, live, index)
        self._verify(engine, index, live)
        self._judge(engine, index, live)
        return self._go_live(engine, index, plan.report())

    def fail(self, error: MultirecallError) -> bool:
        """Ends the job as failed. Its index and what is in it stay, for a resumption."""
        _log.error("job failed: %s", error)
        self._jobs.end(self.id, JobState.FAILED, error=error.to_dict())
        return True

    def _here(self, **values: Any) -> Job:
        """Notes values, and the job as it stands. Raises _Stopped if we should not go on."""
        if self._kept.lost.is_set() or self._driver._stopping():
            raise _Stopped
        if self._jobs.get(self.id).state.over or not self._jobs.set_driven(self.id, self._token, **values):
            raise _Stopped
        return self._jobs.get(self.id)

    # ---------------------------------------------------------------- stages

    def _index(self, engine: Engine, plan: BuildPlan, live: IndexInfo | None) -> IndexInfo:
        """The index to fill: the job's, or a new one. Changes reach it from here on."""
        job = self._here(stage="preparing")
        others = {why for why in self._deployment.targets.all().values() if why not in ("standby", self.id)}
        if others:
            busy = next(iter(others))
            if not self._jobs.get(busy).state.over:
                raise InvalidInput(
                    f"Job {busy} builds an index already.",
                    hint=f"Wait for it, or `multirecall jobs cancel {busy}`.",
                    field="job",
                )
        self._drop_superseded(engine)
        made = next((info for info in engine.indexes() if _job_of(info) == self.id), None)
        if made is None:
            if job.counts["batches"]:
                raise InvalidSource(f"The index of job {self.id} is gone.", hint="Start a new job.", field="job")
            self._here(changed_before=self._changed())
            name = engine.create(self._driver._new_index(engine, plan, self.id))
            made = engine.info(index=name)
        self._deployment.targets.add(made.name, self.id)
        if live is not None:
            engine.refresh(index=live.name)  # what is copied must hold all changes from before we were a target
            with self._writing(engine) as writer:
                copy_tombstones(writer, live.name, made.name)
                writer.refresh(index=made.name)
        self._here(index=made.name, source=plan.fingerprint, unversioned=plan.unversioned)
        return made

    @contextmanager
    def _writing(self, engine: Engine) -> Iterator[Engine]:
        """The engine for a few writes. One that lets a single process write is opened anew and given back at once:
        the workers wait for it."""
        if engine.capabilities.concurrent_writers:
            yield engine
        else:
            with self._deployment.open_engine() as writer:
                yield writer

    def _drop_superseded(self, engine: Engine) -> None:
        """Indexes of builds that failed or were cancelled, and their batches: this build takes their place."""
        for name, why in self._deployment.targets.all().items():
            if why not in ("standby", self.id):
                self._deployment.targets.remove(name)
                self._deployment.late.drop(name)
        for info in engine.indexes():
            owner = _job_of(info)
            if owner in ("", self.id) or info.live or info.name in self._deployment.targets.all():
                continue
            try:
                over = self._jobs.get(owner)
            except NotFound:  # forgotten since: it may have served
                continue
            if over.state in (JobState.FAILED, JobState.CANCELLED):
                engine.drop(info.name)
                self._batches.drop_job(owner)

    def _fill(self, plan: BuildPlan, index: IndexInfo) -> None:
        """Reads the source into batches, from where it was left, never further ahead than the queue is long."""
        job = self._here(stage="filling", bytes_total=plan.bytes_total)
        if job.filled:
            return
        already = job.counts["batches"] if plan.repeatable else 0
        if not plan.repeatable:
            self._batches.drop_job(self.id)
            self._here(planned=0, done=0, stale=0, failed=0, batches=0)
        for number, items in enumerate(plan.batches(self._deployment.options)):
            self._here(**plan.counts())
            if number < already:
                continue
            self._put(index, items, number)
        self._here(filled=1, **plan.counts())

    def _put(self, index: IndexInfo, items: list[Item], number: int) -> None:
        batch = Batch(
            id=f"index/{self.id}/{secrets.token_hex(6)}",
            job=self.id,
            queue="index",
            index=index.name,
            items=tuple(items),
        )
        while True:
            try:
                taken = self._batches.put(batch, driver=self._token, number=number)
            except Backpressure:
                self._here()
                self._pause.wait(_LOOK_EVERY_S)
                continue
            if not taken and self._here().counts["batches"] <= number:  # the store lost some that it had: from there
                raise _Stopped
            self._deployment.announce("batch", batch.id)
            return

    def _drain(self) -> None:
        """Waits until every item is settled."""
        job = self._here(stage="writing")
        while job.settled < job.counts["planned"]:
            self._pause.wait(_LOOK_EVERY_S)
            job = self._here()

    def _catch_up(self, engine: Engine, index: IndexInfo) -> None:
        """Applies the updates that came before their products; one whose product is not in the source has no effect."""
        applier = Applier(engine, encoder_of=self._deployment.encoder_of)
        while items := self._deployment.late.first(index.name):
            outcomes = applier.apply(items, index).outcomes
            failed = [outcome for outcome in outcomes if outcome.kind is OutcomeKind.FAILED]
            if failed:
                raise EngineUnavailable(f"{len(failed)} late updates could not be written: {failed[0].error}")
            self._deployment.late.drop(index.name, len(items))
            self._here()

    def _carry_over(self, engine: Engine, live: IndexInfo, index: IndexInfo) -> None:
        """Takes over what came as changes after the source was written: no older row may pass for the latest state."""
        self._here(stage="carrying over")
        engine.refresh(index=live.name)
        engine.refresh(index=index.name)
        for items in newer_products(engine, live.name, index.name):
            with self._writing(engine) as writer:
                applier = Applier(writer, encoder_of=self._deployment.encoder_of, cache=self._deployment.vectors)
                outcomes = applier.apply(items, index, reuse=[live]).outcomes
                writer.refresh(index=index.name)
            left = [outcome for outcome in outcomes if outcome.kind not in (OutcomeKind.DONE, OutcomeKind.STALE)]
            if left:
                raise EngineUnavailable(f"{len(left)} newer products could not be carried over: {left[0].error}")
            self._here()

    def _verify(self, engine: Engine, index: IndexInfo, live: IndexInfo | None) -> None:
        """Raises unless the index holds what was written, give or take what changes did meanwhile."""
        job = self._here(stage="verifying")
        engine.refresh(index=index.name)
        count = engine.count(index=index.name)
        written = job.counts["done"]
        at_most = written + job.counts["stale"]  # there is something newer: a later product, or a delete
        if at_most == 0:
            raise InvalidSource(
                f"None of the {job.counts['read'] or job.counts['planned']:,} rows became a product.",
                hint="Look at `multirecall deadletters list`; check the mapping.",
                field="source",
            )
        touched = self._touched(job)
        if not written - touched <= count <= at_most + touched:
            raise EngineError(
                f"The new index {index.name} holds {count:,} products where {written:,} were written (and {touched:,} "
                "changed meanwhile); it was not made live.",
                hint="Resume the job; if it stays so, look into the engine's log.",
                expected=written,
                found=count,
            )
        least = float(job.spec.get("min_share", 0.5))
        if live and not job.spec.get("allow_shrink") and count < least * live.count:
            raise InvalidSource(
                f"The new index has {count:,} products where the live one has {live.count:,}; that looks like an "
                "incomplete export, so the live index stays.",
                hint="If it is right, start the job again with --allow-shrink.",
                field="source",
                expected=live.count,
                found=count,
            )

    def _touched(self, job: Job) -> int:
        """How many items of changes were settled since the index was made, or may be in it without being settled yet:
        the count may differ by so many. Asked for after the count, so that none is missed."""
        under_way = self._batches.changes_under_way()
        return under_way + self._changed() - (job.changed_before or 0)

    def _changed(self) -> int:
        """How many items of changes were ever settled in this deployment."""
        return int(self._deployment.counters().get("changed", 0.0))

    def _judge(self, engine: Engine, index: IndexInfo, live: IndexInfo | None) -> None:
        """The gate: a significantly worse index does not go live, unless forced."""
        job = self._here(stage="judging")
        if live is None:
            return
        verdict = self._driver._gate_of(live.name, index.name)
        self._here(verdict=verdict or {})
        if verdict is None or verdict["passed"]:
            return
        if job.spec.get("force"):
            _log.warning("the gate was overridden: %s", verdict["reason"])
            self._here(verdict={**verdict, "forced": True})
            return
        raise InvalidInput(
            f"The new index {index.name} was not made live: {verdict['reason']}",
            hint=f"Look at `multirecall jobs show {self.id}`; `multirecall jobs resume {self.id} --force` overrides.",
            field="gate",
            verdict=verdict,
        )

    def _go_live(self, engine: Engine, index: IndexInfo, read: dict[str, Any]) -> dict[str, Any]:
        job = self._here(stage="swapping")
        before = live_index(engine)
        previous = job.previous or None  # of a driver that was killed right after the swap
        if before is not None and before.name != index.name:
            previous = before.name
            self._here(previous=previous)
            self._deployment.targets.add(previous, "standby")  # before the swap: no change may pass it by
            engine.refresh(index=index.name)
            engine.swap(index.name)
        elif before is None:
            engine.swap(index.name)
        self._catch_up(engine, index)  # what came since: it found this index neither live nor with its product
        self._deployment.targets.remove(index.name)
        self._deployment.late.drop(index.name)
        dropped = drop_old(engine, previous, self._deployment.options.keep_generations) if previous else []
        self._deployment.targets.remove(*dropped)
        dropped += self._drop_left(engine)
        return {
            **read,
            "index": index.name,
            "previous": previous,
            "dropped": dropped,
            "products": engine.count(index=index.name),
            "counts": dict(job.counts),
            "forced": bool(job.spec.get("force")),
        }

    def _drop_left(self, engine: Engine) -> list[str]:
        """Drops what a rollback went back from: another index serves now, and no rollback leads there any more."""
        line = line_of_generations(engine)
        standby = [name for name, why in self._deployment.targets.all().items() if why == "standby"]
        left = [name for name in standby if name not in line]
        self._deployment.targets.remove(*left)
        there = {info.name for info in engine.indexes()}
        dropped = [name for name in left if name in there]
        for name in dropped:
            engine.drop(name)
        return dropped


def _job_of(info: IndexInfo) -> str:
    mark = info.schema.metadata.get("build")
    return str(mark.get("job", "")) if isinstance(mark, dict) else ""
