"""How a build ends: what came meanwhile is put in, the index is counted, judged, and goes live."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from multirecall.core.errors import EngineError, EngineUnavailable, InvalidInput, InvalidSource
from multirecall.engines.base import Engine, IndexInfo
from multirecall.indexer.applying import OutcomeKind
from multirecall.indexer.generations import drop_old, line_of_generations, live_index
from multirecall.workers.building import BuildPlan
from multirecall.workers.carrying import NewerProducts
from multirecall.workers.claiming import BuildClaim
from multirecall.workers.deployment import Deployment
from multirecall.workers.drive import Drive
from multirecall.workers.store.job import Job

__all__ = ["Finish", "GateOf", "changes_settled"]

_log = logging.getLogger("multirecall.workers")

GateOf = Callable[[str, str], dict[str, Any] | None]
"""(old index, new index) to a verdict with `passed` and `reason`; None if there is nothing to judge by."""


class Finish:
    """The last stages of one drive, of an index whose batches are all settled."""

    def __init__(self, drive: Drive, engine: Engine, index: IndexInfo, gate_of: GateOf) -> None:
        self._drive = drive
        self._engine = engine
        self._index = index
        self._gate_of = gate_of
        self._deployment = drive.deployment

    def run(self, plan: BuildPlan, live: IndexInfo | None) -> dict[str, Any]:
        """From carrying over to the swap; returns the report."""
        carried = self._carry_over(live, plan) if live is not None and plan.carries_over else 0
        self._catch_up()
        self._verify(live, carried)
        self._judge(live)
        return self.go_live(plan.report())

    def _catch_up(self) -> None:
        """Applies the updates that came before their products; one whose product is not in the source has no effect.
        They are forgotten once a kill can lose none of them."""
        late, index = self._deployment.late, self._index
        while items := late.first(index.name):
            with self._drive.writing(self._engine) as writer:
                applier = self._deployment.applier(writer)
                outcomes = applier.apply(items, index).outcomes
                writer.refresh(index=index.name)
            failed = [outcome for outcome in outcomes if outcome.kind is OutcomeKind.FAILED]
            if failed:
                raise EngineUnavailable(f"{len(failed)} late updates could not be written: {failed[0].error}")
            late.drop(index.name, len(items))
            self._drive.here()

    def _carry_over(self, live: IndexInfo, plan: BuildPlan) -> int:
        """Takes over what came as changes after the source was written: no older row may pass for the latest state.
        That is also what came after the job began and before changes reached its index. Returns how many products the
        index may have by it that the source lacks."""
        self._drive.here(stage="carrying over")
        engine, index = self._engine, self._index
        engine.refresh(index=live.name)
        engine.refresh(index=index.name)
        since = None if plan.source_versions else plan.unversioned
        newer = NewerProducts(engine, live.name, index.name, since=since)
        for items in newer.batches():
            with self._drive.writing(engine) as writer:
                applier = self._deployment.applier(writer, cached=True)
                outcomes = applier.apply(items, index, reuse=[live]).outcomes
                writer.refresh(index=index.name)
            left = [outcome for outcome in outcomes if outcome.kind not in (OutcomeKind.DONE, OutcomeKind.STALE)]
            if left:
                raise EngineUnavailable(f"{len(left)} newer products could not be carried over: {left[0].error}")
            self._drive.here()
        return newer.created

    def _verify(self, live: IndexInfo | None, carried: int) -> None:
        """Raises unless the index holds what was written, give or take what changes did meanwhile; `carried` products
        may be in it that the source lacks."""
        engine, index = self._engine, self._index
        job = self._drive.here(stage="verifying")
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
        if not written - touched <= count <= at_most + carried + touched:
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
        under_way = self._deployment.batches.changes_under_way()
        return under_way + changes_settled(self._deployment) - (job.changed_before or 0)

    def _judge(self, live: IndexInfo | None) -> None:
        """The gate: a significantly worse index does not go live, unless forced."""
        job = self._drive.here(stage="judging")
        if live is None:
            return
        verdict = self._gate_of(live.name, self._index.name)
        self._drive.here(verdict=verdict or {})
        if verdict is None or verdict["passed"]:
            return
        if job.spec.get("force"):
            _log.warning("the gate was overridden: %s", verdict["reason"])
            self._drive.here(verdict={**verdict, "forced": True})
            return
        raise InvalidInput(
            f"The new index {self._index.name} was not made live: {verdict['reason']}",
            hint=f"Look at `multirecall jobs show {job.id}`; `multirecall jobs resume {job.id} --force` overrides.",
            field="gate",
            verdict=verdict,
        )

    def go_live(self, read: dict[str, Any]) -> dict[str, Any]:
        """Makes the index live, unless it is; returns the report, of which `read` is a part."""
        engine, index, targets = self._engine, self._index, self._deployment.targets
        job = self._drive.here(stage="swapping")
        before = live_index(engine)
        previous = job.previous or None  # of a driver that was killed right after the swap
        if before is None or before.name != index.name:
            BuildClaim(self._deployment, job.id).take()  # cancelled and resumed, it may have lost it meanwhile
            if before is not None:
                previous = before.name
                self._drive.here(previous=previous)
                targets.add(previous, "standby")  # before the swap: no change may pass it by
                engine.refresh(index=index.name)
            engine.swap(index.name)
        targets.remove(index.name)
        self._catch_up()  # what came since: it found this index neither live nor with its product
        dropped = drop_old(engine, previous, self._deployment.options.keep_generations) if previous else []
        targets.remove(*dropped)
        dropped += self._drop_left()
        for name in dropped:
            self._deployment.late.drop(name)
        return {
            **read,
            "index": index.name,
            "previous": previous,
            "dropped": dropped,
            "products": engine.count(index=index.name),
            "counts": dict(job.counts),
            "forced": bool(job.spec.get("force")),
        }

    def _drop_left(self) -> list[str]:
        """Drops what a rollback went back from: another index serves now, and no rollback leads there any more."""
        engine = self._engine
        line = line_of_generations(engine)
        standby = [name for name, why in self._deployment.targets.all().items() if why == "standby"]
        left = [name for name in standby if name not in line]
        self._deployment.targets.remove(*left)
        there = {info.name for info in engine.indexes()}
        dropped = [name for name in left if name in there]
        for name in dropped:
            engine.drop(name)
        return dropped


def changes_settled(deployment: Deployment) -> int:
    """How many items of changes were ever settled in this deployment."""
    return int(deployment.counters().get("changed", 0.0))
