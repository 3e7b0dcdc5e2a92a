"""Synthesis of pairs as a job, on a generated shop in an embedded index."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from multirecall.training.synthesis.records import read_pairs
from multirecall.workers.store.job import JobKind, JobState
from multirecall.workers.submitting import Submitter
from multirecall.workers.synthesizing import PairSynthesis
from tests.support.deployments import Bench
from tests.support.judged_shop import judged_shop

pytestmark = pytest.mark.integration


def test_a_job_that_was_stopped_is_gone_on_with(exact: Bench, tmp_path: Path) -> None:
    settings = judged_shop(tmp_path, queries=24).model_copy(update={"rewriters": "knowledge"})
    titles = [json.loads(line)["title"] for line in (tmp_path / "catalogue.jsonl").read_text().splitlines()[:2]]
    find = ", ".join(map(json.dumps, titles))  # what surely is in the shop, however strict the judges are
    (tmp_path / "mine.toml").write_text(f'[scene]\nterm = {{ say = ["starting the first term"], find = [{find}] }}\n')
    (tmp_path / "asked.tsv").write_text("qid\tquery\n1\tstarting the first term\n2\tstarting our first term\n")
    settings = settings.model_copy(update={"knowledge": tmp_path / "mine.toml"})
    spec = {
        "queries": str(tmp_path / "asked.tsv"),
        "out": str(tmp_path / "out"),
        "precision": 0.6,
        "caps": {"min_pairs": 1},
    }
    job = Submitter(exact.deployment).start(JobKind.SYNTHESIZE, spec)

    asked = iter([False] * 4)
    PairSynthesis(exact.deployment, settings, stopping=lambda: next(asked, True)).drive(job.id)
    assert not exact.deployment.jobs.get(job.id).state.over

    PairSynthesis(exact.deployment, settings, stopping=lambda: False).drive(job.id)
    done = exact.deployment.jobs.get(job.id)
    assert (done.state, done.error) == (JobState.DONE, None)
    report = done.report
    assert report is not None
    assert report["queries"] == 2
    assert report["pairs"] == len(list(read_pairs(tmp_path / "out" / "pairs.jsonl"))) > 0
    assert Path(report["out"]) == tmp_path / "out"
