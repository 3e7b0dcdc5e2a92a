"""The chain: mined queries, rewritten, looked up, curated, and kept as pairs; resumable after any query."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from multirecall.core.errors import InvalidSettings
from multirecall.encoders.fingerprint import fingerprint
from multirecall.encoders.storing import write_atomically
from multirecall.recall.rewriting import Rewriter
from multirecall.training.synthesis.curate import Caps, curate
from multirecall.training.synthesis.labelling import Judges
from multirecall.training.synthesis.mine import MinedQuery
from multirecall.training.synthesis.records import Journal, Settled, SyntheticPair, query_hash, write_pairs
from multirecall.training.synthesis.retrieve import StrongPipeline
from multirecall.training.synthesis.rewrite import MIN_INTENT, IntentJudge, kept_rewritings

__all__ = ["PAIRS_FILE", "Synthesis", "SynthesisReport", "synthesize"]

PAIRS_FILE = "pairs.jsonl"
REPORT_FILE = "report.json"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Synthesis:
    """How pairs are made. `use_b` and `use_s` False leave a judge out, for comparison."""

    rewriter: Rewriter
    pipeline: StrongPipeline
    judges: Judges
    judge: IntentJudge | None = None
    min_intent: float = MIN_INTENT
    caps: Caps = field(default_factory=Caps)
    use_b: bool = True
    use_s: bool = True

    @property
    def identity(self) -> str:
        """16 hex digits over all that the pairs of a query depend on."""
        return fingerprint(
            {
                "rewriter": self.rewriter.fingerprint,
                "pipeline": self.pipeline.identity,
                "judges": self.judges.fingerprint,
                "min_intent": self.min_intent,
                "caps": repr(self.caps),
                "use": [self.use_b, self.use_s],
            }
        )

    def settle(self, query: MinedQuery, *, identity: str = "") -> Settled:
        """What becomes of one query. Raises what the rewriter and the engine raise: then it is not settled."""
        rewritings = kept_rewritings(query.text, self.rewriter, judge=self.judge, min_intent=self.min_intent)
        candidates = self.pipeline.candidates(rewritings)
        b, s = (scorer.score(query.text, candidates) for scorer in (self.judges.b, self.judges.s))
        found = curate(
            query.text,
            query.type,
            candidates,
            b,
            s,
            tau_b=self.judges.tau_b.value if self.use_b else 0.0,
            tau_s=self.judges.tau_s.value if self.use_s else 0.0,
            caps=self.caps,
        )
        if not rewritings:
            dropped = "no rewriting"
        elif not candidates:
            dropped = "no product"
        else:
            dropped = "too few survivors" if found.dropped else ""
        return Settled(
            hash=query_hash(query.text, identity or self.identity),
            x=query.text,
            type=query.type,
            pairs=found.pairs,
            dropped=dropped,
            counts={
                "rewritings": len(rewritings),
                "candidates": len(candidates),
                **{f"rejected: {why}": len(ids) for why, ids in found.rejected.items()},
            },
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SynthesisReport:
    """What came of it: `known` queries were settled by an earlier run, `by_type` counts pairs."""

    queries: int
    known: int
    kept_queries: int
    pairs: int
    by_type: Mapping[str, int]
    dropped: Mapping[str, int]
    counts: Mapping[str, int]
    judges: Mapping[str, Any]
    identity: str

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON values."""
        return {
            "queries": self.queries,
            "known": self.known,
            "kept_queries": self.kept_queries,
            "pairs": self.pairs,
            "by_type": dict(self.by_type),
            "dropped": dict(self.dropped),
            "counts": dict(self.counts),
            "judges": dict(self.judges),
            "identity": self.identity,
        }


def synthesize(
    queries: Iterable[MinedQuery],
    how: Synthesis,
    folder: Path,
    *,
    on_query: Callable[[], None] = lambda: None,
) -> SynthesisReport:
    """Settles every query and writes `pairs.jsonl` and `report.json` into the folder.

    A query that `journal.jsonl` holds under the same identity is not worked on again, so an interrupted run goes on
    where it was and a second run does nothing. What other settings made stays in the journal and out of the pairs.
    `on_query` may raise to stop: what is settled is kept. Raises InvalidSettings if the folder cannot be written.
    """
    identity = how.identity
    settled: list[Settled] = []
    known = 0
    with Journal(folder) as journal:
        for query in {query.text: query for query in queries}.values():
            one = journal.settled.get(query_hash(query.text, identity))
            if one is None:
                one = how.settle(query, identity=identity)
                journal.add(one)
            else:
                known += 1
            settled.append(one)
            on_query()
    report = _report(settled, known, how, identity)
    try:
        write_pairs(_pairs(settled), folder / PAIRS_FILE)
        write_atomically(folder / REPORT_FILE, orjson.dumps(report.to_dict(), option=orjson.OPT_INDENT_2))
    except OSError as error:
        raise InvalidSettings(f"Cannot write {folder}: {error.strerror or error}.", field="out") from None
    return report


def _pairs(settled: Iterable[Settled]) -> Iterable[SyntheticPair]:
    return (pair for one in settled for pair in one.pairs)


def _report(settled: list[Settled], known: int, how: Synthesis, identity: str) -> SynthesisReport:
    counts: Counter[str] = Counter()
    for one in settled:
        counts.update(one.counts)
    thresholds = {"B": how.judges.tau_b, "S": how.judges.tau_s}
    return SynthesisReport(
        queries=len(settled),
        known=known,
        kept_queries=sum(bool(one.pairs) for one in settled),
        pairs=sum(len(one.pairs) for one in settled),
        by_type=Counter(pair.type for pair in _pairs(settled)),
        dropped=Counter(one.dropped for one in settled if one.dropped),
        counts=counts,
        judges={
            name: {
                "threshold": round(tau.value, 4),
                "precision": round(tau.precision, 4),
                "recall": round(tau.recall, 4),
                "labelled_pairs": tau.n,
                "met": tau.met,
            }
            for name, tau in thresholds.items()
        },
        identity=identity,
    )
