"""Training of the blender as a job, on a generated shop in an embedded index."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from multirecall.fusion.blender_model import CARD_FILE
from multirecall.wiring.blenders import blender_folder, load_blender
from multirecall.wiring.settings import Settings
from multirecall.workers import training
from multirecall.workers.store.job import Job, JobKind, JobState
from multirecall.workers.submitting import Submitter
from multirecall.workers.training import BlenderTraining
from tests.support.deployments import Bench
from tests.support.judged_shop import judged_shop

pytestmark = pytest.mark.integration

QUICK: dict[str, Any] = {"folds": 2, "growing": {"rounds": 6, "dropout": 0.0, "least_rows": 5}}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return judged_shop(tmp_path_factory.mktemp("shop"), queries=24)


@pytest.fixture
def settings(shop: Settings, tmp_path: Path) -> Settings:
    """Those of the shop, with a folder of its own for the model."""
    return shop.model_copy(update={"blender_dir": tmp_path / "blender"})


def train(bench: Bench, settings: Settings, **spec: Any) -> Job:
    job = Submitter(bench.deployment).start(JobKind.TRAIN_BLENDER, QUICK | spec)
    BlenderTraining(bench.deployment, settings, stopping=lambda: False).drive(job.id)
    return bench.deployment.jobs.get(job.id)


def test_a_model_that_serves_lies_in_the_folder_of_the_settings(exact: Bench, settings: Settings) -> None:
    job = train(exact, settings)
    assert (job.state, job.error) == (JobState.DONE, None)
    report = job.report
    assert report is not None
    assert report["model"] == str(blender_folder(settings))
    assert {"lexical", "dense", "blender"} <= report["systems"].keys()
    assert report["gain"]["difference"] == pytest.approx(
        report["systems"]["blender"] - report["systems"][report["gain"]["baseline"]]
    )
    model = load_blender(Path(report["model"]), routes=("lexical", "dense"), language="english").model
    assert model.booster.num_trees() == report["trees"]
    assert model.card["data"]["judgments_file"] == "judgments.tsv"
    assert exact.deployment.jobs.without_driver() == []


def test_by_schedule_a_model_that_is_no_better_leaves_the_one_that_is_there(exact: Bench, settings: Settings) -> None:
    card = blender_folder(settings) / CARD_FILE
    card.parent.mkdir()
    card.write_text("that of before")
    job = train(exact, settings, only_if_better=True)  # six trees are too few for a significant gain
    assert (job.state, job.report and job.report["model"]) == (JobState.DONE, None)
    assert card.read_text() == "that of before"


def test_its_progress_is_seen_and_a_cancelled_one_stores_nothing_until_it_is_resumed(
    exact: Bench, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = exact.deployment.jobs
    monkeypatch.setattr(training, "_TELL_EVERY_S", 0.0)
    job = Submitter(exact.deployment).start(JobKind.TRAIN_BLENDER, QUICK)
    seen: list[tuple[str, int, int]] = []

    def watch() -> bool:
        now = jobs.get(job.id)
        seen.append((now.stage, now.counts["done"], now.counts["planned"]))
        if now.stage == "growing trees" and now.counts["done"] == 3:
            jobs.cancel(job.id)
        return False

    assert not BlenderTraining(exact.deployment, settings, stopping=watch).drive(job.id)
    assert jobs.get(job.id).state is JobState.CANCELLED
    asked = [(done, planned) for stage, done, planned in seen if stage == "asking the routes"]
    assert asked[-1][1] > 10
    assert asked[-1][0] == asked[-1][1]
    assert seen[-1] == ("growing trees", 3, 2 * 6 * 3)
    assert not blender_folder(settings).exists()
    Submitter(exact.deployment).resume(job.id)
    assert BlenderTraining(exact.deployment, settings, stopping=lambda: False).drive(job.id)
    assert jobs.get(job.id).state is JobState.DONE
    assert json.loads((blender_folder(settings) / CARD_FILE).read_text())["routes"] == ["dense", "lexical"]


def test_without_judgments_it_fails_and_says_what_to_give(exact: Bench, settings: Settings) -> None:
    job = train(exact, settings.model_copy(update={"judgments": None}))
    assert job.state is JobState.FAILED
    assert job.error is not None
    assert "--judgments" in job.error["message"]
    assert "MULTIRECALL_JUDGMENTS" in job.error["hint"]


def test_a_folder_with_something_else_is_left_alone(exact: Bench, settings: Settings) -> None:
    mine = blender_folder(settings) / "thesis.tex"
    mine.parent.mkdir()
    mine.touch()
    job = train(exact, settings)
    assert job.state is JobState.FAILED
    assert job.error is not None
    assert "no blender model" in job.error["message"]
    assert job.counts["planned"] == 0  # said before anything is asked
