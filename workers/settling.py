"""What comes of a batch: counts, dead letters, warnings, and what is to be tried again, out of its items' outcomes."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from multirecall.indexer.applying import Applied, Outcome, OutcomeKind, worst
from multirecall.indexer.items import CopyItem, Item, RowItem
from multirecall.indexer.report import BuildWarning
from multirecall.indexer.rows import Warnings
from multirecall.workers.options import WorkerOptions
from multirecall.workers.store.batches import Batch, Settlement, Successor
from multirecall.workers.store.dead_letters import DeadLetter, letter_id

__all__ = ["BATCH_SECONDS", "letter_of", "settlement_of", "successor", "timed"]

BATCH_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper edges of the histogram of batch durations."""

_PATIENT = 2
"""Who waits for a product in another queue waits as long as after so many tries."""

_COUNTED = {
    OutcomeKind.DONE: "done",
    OutcomeKind.STALE: "stale",
    OutcomeKind.REFUSED: "failed",
}


def settlement_of(
    batch: Batch,
    done: Mapping[str, Applied],
    *,
    standby: Collection[str],
    unversioned: int | None,
    options: WorkerOptions,
    upserts_before: Callable[[], bool],
) -> Settlement:
    """The end of a batch that was applied to the indexes of `done`, of which `standby` served before.

    `upserts_before` tells whether a product that is missing may still wait in the longer queue; it is asked only if one
    is. `unversioned`: see `letter_of`.
    """
    outcomes = [
        _over_all({name: one.outcomes[position] for name, one in done.items()}, standby)
        for position in range(len(batch.items))
    ]
    main = next(iter(done.values()))
    counts: Counter[str] = Counter()
    dead: list[DeadLetter] = []
    again: list[Item] = []
    warnings = Warnings()
    behind = {
        position
        for name in done.keys() & standby
        for position, outcome in enumerate(done[name].outcomes)
        if outcome.kind is OutcomeKind.MISSING and outcomes[position].kind is not OutcomeKind.MISSING
    }
    missing = batch.queue == "changes" and (behind or any(one.kind is OutcomeKind.MISSING for one in outcomes))
    patient = missing and upserts_before()  # the product may wait in the longer queue
    for position, (item, outcome) in enumerate(zip(batch.items, outcomes, strict=True)):
        if patient and (outcome.kind is OutcomeKind.MISSING or position in behind):
            again.append(item)
            counts["retried"] += 1
            continue
        if position in behind and not item.tries and options.max_tries > 1:
            # its product may be just between the two indexes: once more, to be sure
            outcome = Outcome(kind=OutcomeKind.MISSING)
        if outcome.kind in (OutcomeKind.FAILED, OutcomeKind.MISSING) and item.tries + 1 < options.max_tries:
            again.append(replace(item, tries=item.tries + 1))
            counts["retried"] += 1
            continue
        if outcome.kind is OutcomeKind.MISSING and isinstance(item, CopyItem):
            outcome = Outcome(kind=OutcomeKind.STALE)  # deleted since it was read; its fields have nowhere to go
        counts[_COUNTED.get(outcome.kind, "failed")] += 1
        counts["changed"] += not batch.index
        if position in main.warnings:  # every index reads the row: told once
            warnings.merge(main.warnings[position])
        if outcome.kind not in (OutcomeKind.DONE, OutcomeKind.STALE):
            dead.append(letter_of(item, outcome, batch, ", ".join(done), unversioned))
    for one in done.values():
        counts["encoded"] += one.encoded
        counts["reused"] += one.reused
        counts["without_vector"] += one.without_vector
    counts["created"] += main.written["created"]
    counts["deleted"] += main.written["deleted"]
    seconds = {
        "encoding_s": sum(one.encoding_s for one in done.values()),
        "writing_s": sum(one.writing_s for one in done.values()),
    }
    successors = []
    if again:
        tries = max(_PATIENT if patient else 0, *(item.tries for item in again))
        successors.append(successor(batch, again, delay_s=options.backoff(tries)))
    told = [BuildWarning(what=kind, count=n, example=warnings.examples[kind]) for kind, n in warnings.counts.items()]
    return Settlement(counts={**counts, **seconds}, dead=dead, successors=successors, warnings=told)


def successor(batch: Batch, items: Sequence[Item], *, delay_s: float, crashes: int = 0) -> Successor:
    """A batch of the same queue and job, with an id of its own."""
    made = f"{batch.queue}/{batch.job}/{secrets.token_hex(6)}"
    return Successor(id=made, items=tuple(items), delay_s=delay_s, crashes=crashes)


def timed(settlement: Settlement, took_s: float) -> Settlement:
    """With the batch's duration, in the classes of a histogram."""
    reached = next((edge for edge in BATCH_SECONDS if took_s <= edge), None)
    counts = {**settlement.counts, "finished": 1, "batch_s": took_s}
    counts[f"batch_le_{'inf' if reached is None else reached}"] = 1
    return replace(settlement, counts=counts)


def _over_all(outcomes: Mapping[str, Outcome], standby: Collection[str]) -> Outcome:
    """Of one item's outcomes by index the one that needs most care. Generations differ in the products that they hold:
    missing is what no index has, but for those that served before."""
    known = [outcome for name, outcome in outcomes.items() if name not in standby] or list(outcomes.values())
    there = [outcome for outcome in known if outcome.kind is not OutcomeKind.MISSING]
    before = [one for name, one in outcomes.items() if name in standby and one.kind is not OutcomeKind.MISSING]
    return worst([*(there or known), *before])


def letter_of(item: Item, outcome: Outcome, batch: Batch, index: str, unversioned: int | None) -> DeadLetter:
    """`unversioned` goes into a row that the clock gave its version: replayed, it must not pass for a newer one.

    One that is 0 does not: it would hide the version that the row may carry (`Submitter.replay` sees to the others).
    """
    if isinstance(item, RowItem) and item.version is None and unversioned:
        item = replace(item, version=unversioned)
    return DeadLetter(
        id=letter_id(item, batch.job),
        item=replace(item, tries=0),
        error=outcome.error,
        tries=item.tries + 1,
        job=batch.job,
        index=index,
    )
