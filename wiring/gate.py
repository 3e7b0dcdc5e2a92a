"""The gate at work: judged queries asked of the old and the new index, and the verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from multirecall.core.errors import InvalidSettings
from multirecall.evaluation.gate import Gate
from multirecall.evaluation.judgments import Judgments, read_judgments
from multirecall.evaluation.measures import score_run
from multirecall.evaluation.queries import JudgedQuery, read_queries
from multirecall.evaluation.verdict import Verdict
from multirecall.search.pipeline import Searcher
from multirecall.search.understand import understand
from multirecall.wiring.searchers import opened_searcher
from multirecall.wiring.settings import Settings

__all__ = ["ATTEMPTS", "ask", "gate_by_settings", "judge"]

ATTEMPTS = 3
"""How often a query is asked until its answer is complete."""

OnAsked = Callable[[int, int], None]
"""Told (done, total) queries after each."""


def _silent(done: int, total: int) -> None:
    """Tells nobody."""


def gate_by_settings(settings: Settings, old: str, new: str, *, engine_url: str | None = None) -> Verdict | None:
    """The verdict over two indexes by the judgments of the settings, each index searched with its own encoder.

    None if no judgments are set. Raises InvalidSettings if only one of the two files is set, InvalidSource for files
    that cannot be read.
    """
    if settings.judgments is None and settings.judged_queries is None:
        return None
    if settings.judgments is None or settings.judged_queries is None:
        missing = "judgments" if settings.judgments is None else "judged_queries"
        raise InvalidSettings(
            f"The gate needs judgments and their queries; {missing} is not set.",
            hint=f"Set MULTIRECALL_{missing.upper()} to a file.",
            field=missing,
        )
    judgments, queries = read_judgments(settings.judgments), read_queries(settings.judged_queries)
    with (
        opened_searcher(settings, engine_url=engine_url, index=old, timeout_s=30.0) as before,
        opened_searcher(settings, engine_url=engine_url, index=new, timeout_s=30.0) as after,
    ):
        return judge(before.searcher, after.searcher, queries, judgments, Gate())


def judge(
    old: Searcher,
    new: Searcher,
    queries: Sequence[JudgedQuery],
    judgments: Judgments,
    gate: Gate,
    *,
    timeout_s: float = 30.0,
    on_asked: OnAsked = _silent,
) -> Verdict:
    """Whether `new` may take the place of `old`, by the queries that have a relevant judgment.

    Blocks for two searches a query, one after another, old and new in turn, so that load meets both alike. The time
    budget is wide on purpose: the gate compares what the indexes find, not how fast. An answer that still is not
    complete after ATTEMPTS tries takes its query out of the comparison, and the verdict names it.

    Raises what a search raises when its engine does not answer at all.
    """
    asked = [query for query in queries if judgments.has_relevant(query.qid)]
    runs: dict[str, dict[str, tuple[str, ...]]] = {"old": {}, "new": {}}
    incomplete: dict[str, str] = {}
    for done, query in enumerate(asked, start=1):
        for side, searcher in (("old", old), ("new", new)):
            runs[side][query.qid], missing = ask(searcher, query.text, gate.measure.k, timeout_s)
            if missing:
                incomplete[query.qid] = "; ".join(filter(None, [incomplete.get(query.qid), f"{side}: {missing}"]))
        on_asked(done, len(asked))
    qids = [query.qid for query in queries]
    return gate(
        score_run(runs["old"], judgments, qids, gate.measure),
        score_run(runs["new"], judgments, qids, gate.measure),
        texts={query.qid: query.text for query in asked},
        incomplete=incomplete,
    )


def ask(searcher: Searcher, text: str, k: int, timeout_s: float) -> tuple[tuple[str, ...], str]:
    """The first k product ids, and which routes did not answer in ATTEMPTS tries ("" if all did). Blocks; raises what a
    search raises when its engine does not answer at all."""
    query = understand(text, size=k)
    for _ in range(ATTEMPTS):
        answer = searcher.rank(query, k, timeout_s=timeout_s)
        if not answer.degraded:
            break
    missing = ", ".join(f"{route} {status}" for route, status in answer.degraded.items())
    return tuple(hit.id for hit in answer.hits), missing
