"""One batch, from its lease to its end. Whatever dies on the way, the batch is still there and is done again."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import time
from collections.abc import Sequence

from multirecall.core.errors import (
    EngineError,
    FingerprintMismatch,
    InvalidInput,
    InvalidSettings,
    MissingExtra,
    MultirecallError,
    NotFound,
    StoreUnavailable,
)
from multirecall.engines.base import Engine, IndexInfo
from multirecall.indexer.applying import Applied, Outcome, OutcomeKind
from multirecall.indexer.items import Item
from multirecall.workers.claiming import job_of
from multirecall.workers.deployment import Deployment
from multirecall.workers.leases import Kept
from multirecall.workers.logs import logging_about
from multirecall.workers.settling import letter_of, settlement_of, successor, timed
from multirecall.workers.store.batches import Batch, Lease, Settlement
from multirecall.workers.store.job import JobState

__all__ = ["BatchProcessor", "holder_of"]

_log = logging.getLogger("multirecall.workers")

_MOST_LATE = 100_000
"""So many updates are kept for an index whose build failed or was cancelled."""


class BatchProcessor:
    """Does batches, one at a time; the deployment keeps the engine and the encoders open between them."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._options = deployment.options
        self._batches = deployment.batches

    def process(self, batch_id: str) -> bool:
        """Does a batch if it is there and nobody else has it; True if it ended here.

        An engine that cannot take it now is noted as trouble, and the batch goes back for a while. Any other failure
        counts as a crash of the batch: after `max_crashes` it is cut in halves, until the item that is to blame stands
        alone and becomes a dead letter. Raises StoreUnavailable.
        """
        if len(self._deployment.dead_letters) >= self._options.max_dead_letters:
            self._deployment.trouble.tell(
                {
                    "message": f"There are {self._options.max_dead_letters:,} dead letters: nothing more is taken on.",
                    "hint": "`multirecall deadletters list`, then replay or drop them.",
                }
            )
            return False
        lease = self._batches.lease(batch_id, holder_of(os.getpid()) + secrets.token_hex(8))
        if lease is None:
            return False
        held = lease
        with (
            logging_about(job=held.batch.job, batch=batch_id),
            Kept(lambda: self._batches.renew(held), self._options.lease_s),
        ):
            return self._process(held)

    def _process(self, lease: Lease) -> bool:
        batch = lease.batch
        started = time.perf_counter()
        try:
            job = self._deployment.jobs.get(batch.job)
        except NotFound:
            return self._without_job(lease)
        if batch.broken and job.state is not JobState.CANCELLED:
            return self._unreadable(lease)
        if job.state is JobState.CANCELLED or (job.state is JobState.FAILED and batch.index):
            self._batches.park(lease)
            return False
        if batch.crashes >= self._options.max_crashes or batch.losses >= self._options.max_losses:
            return self._cut(lease, "The worker died on it.")
        try:
            with self._deployment.engine() as engine:
                settlement = self._applied(batch, engine, job.unversioned)
        except StoreUnavailable:
            raise
        except NotFound as error:
            return self._without_index(lease, error)
        except (EngineError, FingerprintMismatch, MissingExtra, InvalidSettings) as error:
            return self._give_back(lease, error)
        except Exception as error:  # noqa: BLE001 - whatever an item breaks: it is found by halving, and told
            _log.exception("the batch failed")
            crashes = batch.crashes + 1
            last = crashes >= self._options.max_crashes
            return self._cut(lease, f"{type(error).__name__}: {error}", crashes=0 if last else crashes)
        took_s = time.perf_counter() - started
        ended = self._batches.finish(lease, timed(settlement, took_s))
        wrote = settlement.counts.get("done", 0)  # what had nothing to write proves nothing
        if wrote and (batch.troubles or self._deployment.trouble.now() is not None):
            self._deployment.trouble.over()
        _log.info(
            "batch done" if ended else "the batch's lease was lost; it is another's now",
            extra={"items": len(batch.items), "took_s": round(took_s, 3), "counts": dict(settlement.counts)},
        )
        return ended

    def _give_back(self, lease: Lease, error: MultirecallError) -> bool:
        """The engine (or a model) is not fit for work just now: nothing is wrong with the batch."""
        delay_s = max(self._options.backoff(lease.batch.troubles), float(error.data.get("retry_after_s", 0.0)))
        _log.warning("the batch cannot be written now, tried again in %.1f s: %s", delay_s, error)
        self._deployment.trouble.tell(error.to_dict())
        self._batches.release(lease, delay_s=delay_s, trouble=True)
        self._deployment.jobs.add(lease.batch.job, retried=len(lease.batch.items))
        return False

    def _without_index(self, lease: Lease, error: NotFound) -> bool:
        """The index of a build was dropped: its job cannot go on. Changes wait until there is an index again."""
        if not lease.batch.index:
            return self._give_back(lease, error)
        if not self._deployment.jobs.get(lease.batch.job).state.over:
            self._deployment.jobs.end(lease.batch.job, JobState.FAILED, error=error.to_dict())
        self._batches.park(lease)
        return False

    def _without_job(self, lease: Lease) -> bool:
        """The job was forgotten: nobody waits for the rows of a build, but changes were accepted and are kept."""
        batch = lease.batch
        _log.error("the job of the batch is gone", extra={"items": len(batch.items)})
        changes = () if batch.index else batch.items
        why = Outcome(kind=OutcomeKind.REFUSED, error=f"Its job {batch.job} is gone.")
        dead = [letter_of(item, why, batch, "", None) for item in changes]
        return self._batches.finish(lease, Settlement(counts={"failed": len(dead)}, dead=dead))

    def _unreadable(self, lease: Lease) -> bool:
        """A worker of another version may read it: it is tried again, then its job fails, and it is kept for a
        resumption."""
        batch = lease.batch
        _log.error("the batch cannot be read: %s", batch.broken)
        if batch.crashes + 1 < self._options.max_crashes:
            self._batches.crashed(batch.id, lease.token, delay_s=self._options.backoff(batch.crashes))
            return False
        error = InvalidInput(
            f"Batch {batch.id} cannot be read: {batch.broken}.",
            hint="If workers of another version put it, run those, then `multirecall jobs resume`.",
            field="batch",
        )
        self._deployment.jobs.end(batch.job, JobState.FAILED, error=error.to_dict())
        self._batches.park(lease)
        return False

    def _applied(self, batch: Batch, engine: Engine, unversioned: int | None) -> Settlement:
        """Applies the batch to every index that needs it; those that became one meanwhile, too.

        Without this second look a change could be missed: applied to the live index alone while a new index is
        declared, after that one's copy of the product was read.
        """
        applier = self._deployment.applier(engine, cached=True)
        done: dict[str, Applied] = {}
        while True:
            infos = self._indexes(batch, engine)
            missing = [info for info in infos if info.name not in done]
            if not missing:
                break
            if engine.capabilities.concurrent_writers and not batch.index:
                self._deployment.unrefreshed.mark(*(info.name for info in missing))
            for info in missing:
                others = [other for other in infos if other.name != info.name]
                if batch.index:
                    others += _live(engine)
                done[info.name] = applier.apply(batch.items, info, reuse=others, unversioned=unversioned)
                if not engine.capabilities.concurrent_writers:
                    engine.refresh(index=info.name)  # its writes are durable only then, and it is closed after
        if not batch.index:
            self._keep_late(batch, engine, done)
            if engine.capabilities.concurrent_writers:  # again: a refresh may have come between the mark and the write
                self._deployment.unrefreshed.mark(*done)
        standby: set[str] = set() if batch.index else self._standby(engine)
        return settlement_of(
            batch,
            done,
            standby=standby,
            unversioned=unversioned,
            options=self._options,
            upserts_before=lambda: self._batches.upserts_before(batch.job),
        )

    def _standby(self, engine: Engine) -> set[str]:
        """The indexes that served before. The live one is none, though it may still be named so: a rollback swaps
        first."""
        names = {name for name, why in self._deployment.targets.all().items() if why == "standby"}
        return names - {info.name for info in _live(engine)}

    def _keep_late(self, batch: Batch, engine: Engine, done: dict[str, Applied]) -> None:
        """Updates whose product an index that is being built lacks, while another index has it, are kept for the one
        who drives the build.

        Applied once more after they are kept: a product that came meanwhile may be the last one, and then nobody
        looks at what is kept any more. For a build that failed or was cancelled so many are kept and no more: then
        changes pass it by.
        """
        for name, why in self._deployment.targets.all().items():
            if name not in done or why == "standby":
                continue
            missing = [
                position
                for position, outcome in enumerate(done[name].outcomes)
                if outcome.kind is OutcomeKind.MISSING and _has_it(position, done)
            ]
            too_many = bool(missing) and self._deployment.late.size(name) + len(missing) > _MOST_LATE
            if too_many and self._deployment.targets.pass_by(name, why):
                _log.warning("changes pass index %s by; job %s cannot be resumed", name, why)
            elif missing:
                items = [batch.items[position] for position in missing]
                self._deployment.late.add(name, items)
                applier = self._deployment.applier(engine)
                again = applier.apply(items, engine.info(index=name)).outcomes
                if not engine.capabilities.concurrent_writers:
                    engine.refresh(index=name)
                for position, outcome in zip(missing, again, strict=True):
                    done[name].outcomes[position] = outcome

    def _indexes(self, batch: Batch, engine: Engine) -> list[IndexInfo]:
        if batch.index:
            return [_own(engine.info(index=batch.index), batch.job)]
        infos = _live(engine)
        for name in self._deployment.targets.all():
            if name not in {info.name for info in infos}:
                try:
                    infos.append(engine.info(index=name))
                except NotFound:  # dropped since: nothing to keep current
                    self._deployment.targets.remove(name)
        if not infos:
            raise NotFound(
                "There is no index to apply changes to.", hint="Index the catalogue first: `multirecall index SOURCE`."
            )
        return infos

    def _cut(self, lease: Lease, why: str, *, crashes: int = 0) -> bool:
        """Ends a batch that workers die on: in halves, or, if it holds one item, as a dead letter."""
        batch = lease.batch
        if crashes:  # not yet often enough: again, whole, with one more crash on it
            again = successor(batch, batch.items, delay_s=self._options.backoff(crashes), crashes=crashes)
            return self._batches.finish(lease, Settlement(counts={"crashed": 1}, successors=[again]))
        if len(batch.items) == 1:
            item = batch.items[0]
            times = max(self._options.max_crashes, batch.crashes, batch.losses)
            outcome = Outcome(kind=OutcomeKind.REFUSED, error=f"{why} (tried {times} times)")
            letter = letter_of(item, outcome, batch, batch.index, self._deployment.jobs.get(batch.job).unversioned)
            counts = {"failed": 1, "crashed": 1, "changed": int(not batch.index)}
            return self._batches.finish(lease, Settlement(counts=counts, dead=[letter]))
        half = len(batch.items) // 2
        parts = [batch.items[:half], batch.items[half:]]
        halves = [successor(batch, part, delay_s=0.0, crashes=self._crashes_to_begin_with(part)) for part in parts]
        return self._batches.finish(lease, Settlement(counts={"crashed": 1}, successors=halves))

    def _crashes_to_begin_with(self, part: Sequence[Item]) -> int:
        """A half is cut again soon, but an item that stands alone gets all its tries: it may be innocent."""
        return 0 if len(part) == 1 else max(0, self._options.max_crashes - 2)


def holder_of(pid: int) -> str:
    """What the tokens of all leases of a process on this machine begin with."""
    return f"{socket.gethostname()}/{pid}/"


def _has_it(position: int, done: dict[str, Applied]) -> bool:
    """Whether some index took an item."""
    return any(one.outcomes[position].kind in (OutcomeKind.DONE, OutcomeKind.STALE) for one in done.values())


def _own(info: IndexInfo, job: str) -> IndexInfo:
    """The index, unless another job made it: its name is given again once it was dropped."""
    if job_of(info) not in ("", job):
        raise NotFound(
            f"The index {info.name} of job {job} is gone; another job's has its name now.", hint="Start a new job."
        )
    return info


def _live(engine: Engine) -> list[IndexInfo]:
    try:
        return [engine.info()]
    except NotFound:
        return []
