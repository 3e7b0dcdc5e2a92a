"""Evaluation as a job: the judged queries on the live index, so that a fall is seen without a rebuild."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from multirecall.core.errors import InvalidSettings
from multirecall.evaluation.judgments import read_judgments
from multirecall.evaluation.measures import NDCG, score_run
from multirecall.evaluation.queries import JudgedQuery, read_queries
from multirecall.wiring.gate import ask
from multirecall.wiring.searchers import opened_searcher
from multirecall.wiring.settings import Settings
from multirecall.workers.deployment import Deployment
from multirecall.workers.drive import Drive, drive_whole

__all__ = ["Evaluation"]

_log = logging.getLogger("multirecall.workers")

_TIMEOUT_S = 30.0
_TELL_EVERY = 20


class Evaluation:
    """Drives jobs of the kind `evaluate`. The report: nDCG@10 over all queries and per class, and judged@10; a query
    whose answer was not complete counts nowhere and is named in `incomplete`, as at the gate."""

    def __init__(self, deployment: Deployment, settings: Settings, *, stopping: Callable[[], bool]) -> None:
        self._deployment = deployment
        self._settings = settings
        self._stopping = stopping

    def drive(self, job_id: str) -> bool:
        """Does the job unless somebody else does; True if it came to its end here. Raises StoreUnavailable."""
        return drive_whole(self._deployment, job_id, self._report, stage="searching", stopping=self._stopping)

    def _report(self, drive: Drive) -> dict[str, Any]:
        """The figures. Raises Stopped if we are not to go on."""
        settings = self._settings
        if settings.judgments is None or settings.judged_queries is None:
            raise InvalidSettings(
                "There is nothing to evaluate by: no judgments are set.",
                hint="Set MULTIRECALL_JUDGMENTS and MULTIRECALL_JUDGED_QUERIES to files that the workers can read.",
                field="judgments",
            )
        judgments = read_judgments(settings.judgments)
        queries = [query for query in read_queries(settings.judged_queries) if judgments.has_relevant(query.qid)]
        measure = NDCG(k=10)
        run: dict[str, tuple[str, ...]] = {}
        incomplete: dict[str, str] = {}
        with opened_searcher(settings, timeout_s=_TIMEOUT_S) as opened:
            for number, query in enumerate(queries):
                if number % _TELL_EVERY == 0:
                    drive.tell(number, len(queries))
                run[query.qid], missing = ask(opened.searcher, query.text, measure.k, _TIMEOUT_S)
                if missing:
                    incomplete[query.qid] = missing
            index = opened.index.name
        drive.tell(len(queries), len(queries))
        if incomplete:
            _log.warning("%d of %d queries got no complete answer and are left out", len(incomplete), len(queries))
        qids = [query.qid for query in queries if query.qid not in incomplete]
        figures = score_run(run, judgments, qids, measure)
        return {
            "index": index,
            "measure": str(measure),
            "queries": len(figures.values),
            "mean": _mean(list(figures.values.values())),
            "by_class": _by_class(queries, figures.values),
            "incomplete": incomplete,
            "judged": _mean([share for share in figures.judged.values() if share is not None]),
        }


def _by_class(queries: list[JudgedQuery], values: Any) -> dict[str, dict[str, Any]]:
    classes: dict[str, list[float]] = {}
    for query in queries:
        name = query.columns.get("class")
        if name and query.qid in values:
            classes.setdefault(name, []).append(values[query.qid])
    return {name: {"queries": len(found), "mean": _mean(found)} for name, found in sorted(classes.items())}


def _mean(values: list[float]) -> float | None:
    return round(sum(values) / len(values), 4) if values else None
