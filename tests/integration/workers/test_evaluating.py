"""Evaluation as a job, on a generated shop in an embedded index."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from multirecall.core.errors import EngineBusy, EngineUnavailable, StoreUnavailable
from multirecall.core.query import Query
from multirecall.core.ranking import RouteStatus
from multirecall.evaluation.judgments import read_judgments
from multirecall.evaluation.queries import read_queries
from multirecall.search.pipeline import Searcher
from multirecall.wiring.gate import ATTEMPTS
from multirecall.wiring.settings import Settings
from multirecall.workers import evaluating
from multirecall.workers.evaluating import Evaluation
from multirecall.workers.store.job import Job, JobKind, JobState
from multirecall.workers.submitting import Submitter
from tests.support.deployments import Bench
from tests.support.judged_shop import judged_shop

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return judged_shop(tmp_path_factory.mktemp("shop"), queries=40)


def evaluate(bench: Bench, settings: Settings, *, stops_after: int | None = None) -> Job:
    asked = 0

    def stopping() -> bool:
        nonlocal asked
        asked += 1
        return stops_after is not None and asked > stops_after

    job = Submitter(bench.deployment).start(JobKind.EVALUATE, {})
    Evaluation(bench.deployment, settings, stopping=stopping).drive(job.id)
    return bench.deployment.jobs.get(job.id)


def test_it_reports_the_measure_over_all_queries_and_per_class(exact: Bench, settings: Settings) -> None:
    job = evaluate(exact, settings)
    assert (job.state, job.error) == (JobState.DONE, None)
    report = job.report
    assert report is not None
    assert report["measure"] == "nDCG@10"
    assert 0.3 < report["mean"] <= 1.0
    assert report["queries"] == job.counts["planned"] == job.counts["done"] > 20
    assert sum(row["queries"] for row in report["by_class"].values()) == report["queries"]
    weighted = sum(row["queries"] * row["mean"] for row in report["by_class"].values()) / report["queries"]
    assert weighted == pytest.approx(report["mean"], abs=1e-3)
    assert exact.deployment.jobs.without_driver() == []


def test_without_judgments_it_fails_and_says_what_to_set(exact: Bench, settings: Settings) -> None:
    job = evaluate(exact, settings.model_copy(update={"judgments": None}))
    assert job.state is JobState.FAILED
    assert job.error is not None
    assert "MULTIRECALL_JUDGMENTS" in job.error["hint"]


def test_a_worker_that_stops_leaves_it_to_the_next_one(exact: Bench, settings: Settings) -> None:
    job = evaluate(exact, settings, stops_after=1)
    assert job.state is JobState.RUNNING
    assert exact.deployment.jobs.without_driver() == [job.id]
    assert Evaluation(exact.deployment, settings, stopping=lambda: False).drive(job.id)
    assert exact.deployment.jobs.get(job.id).state is JobState.DONE


@pytest.mark.parametrize("error", [EngineUnavailable("no answer"), EngineBusy("another's"), StoreUnavailable("away")])
def test_what_passes_does_not_fail_it(
    exact: Bench, settings: Settings, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def away(*_: object, **__: object) -> None:
        raise error

    job = Submitter(exact.deployment).start(JobKind.EVALUATE, {})
    evaluation = Evaluation(exact.deployment, settings, stopping=lambda: False)
    with monkeypatch.context() as gone:
        gone.setattr(evaluating, "opened_searcher", away)
        if isinstance(error, StoreUnavailable):
            with pytest.raises(StoreUnavailable):
                evaluation.drive(job.id)
        else:
            assert not evaluation.drive(job.id)
    assert exact.deployment.jobs.get(job.id).state is JobState.RUNNING
    assert evaluation.drive(job.id)


def test_an_error_that_nobody_raised_on_purpose_ends_it(
    exact: Bench, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise OSError("no such disk")

    monkeypatch.setattr(evaluating, "opened_searcher", broken)
    job = evaluate(exact, settings)
    assert job.state is JobState.FAILED
    assert job.error is not None
    assert job.error["message"] == "OSError: no such disk"


def test_a_cancelled_one_is_left_alone(exact: Bench, settings: Settings) -> None:
    job = Submitter(exact.deployment).start(JobKind.EVALUATE, {})
    exact.deployment.jobs.cancel(job.id)
    assert not Evaluation(exact.deployment, settings, stopping=lambda: False).drive(job.id)
    assert exact.deployment.jobs.get(job.id).state is JobState.CANCELLED


def test_a_query_without_a_complete_answer_counts_nowhere_and_is_named(
    exact: Bench, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = evaluate(exact, settings).report
    assert whole is not None
    assert whole["incomplete"] == {}
    assert settings.judgments is not None
    assert settings.judged_queries is not None
    judgments = read_judgments(settings.judgments)
    spoilt = [query for query in read_queries(settings.judged_queries) if judgments.has_relevant(query.qid)][:3]
    texts = {query.text for query in spoilt}
    tries: Counter[str] = Counter()
    rank = Searcher.rank

    def failing(searcher: Searcher, query: Query, k: int, **options: Any) -> Any:
        answer = rank(searcher, query, k, **options)
        if query.text not in texts:
            return answer
        tries[query.text] += 1
        late = tuple(replace(ranking, hits=(), status=RouteStatus.TIMED_OUT) for ranking in answer.rankings)
        return replace(answer, hits=(), rankings=late)

    monkeypatch.setattr(Searcher, "rank", failing)
    report = evaluate(exact, settings).report
    assert report is not None
    assert set(report["incomplete"]) == {query.qid for query in spoilt}
    assert all("timed_out" in missing for missing in report["incomplete"].values())
    assert set(tries.values()) == {ATTEMPTS}
    assert report["queries"] == whole["queries"] - 3
    assert report["mean"] > 0.9 * whole["mean"]  # no query counts as if nothing had been found for it
