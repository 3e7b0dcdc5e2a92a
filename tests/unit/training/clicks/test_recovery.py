"""On generated logs, whose truth is known, corrected clicks say more of it than counted ones, and harm nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from benchmarks.clicks import Outcome, gains, outcome
from multirecall.evaluation.judgments import read_judgments
from multirecall.evaluation.paired_test import bootstrap_interval, randomisation_test
from multirecall.evaluation.testbed import write_sample
from multirecall.evaluation.testbed.biased_clicks import write_biased_clicks
from multirecall.training.clicks import judgments_from_clicks, read_click_log

SEEDS = (1, 2, 3)


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clicks") / "bed"
    write_sample(folder, products=2000, queries=400, seed=7)
    return folder


@pytest.fixture(scope="module")
def biased(bed: Path) -> list[Outcome]:
    return [outcome(bed, bed.parent / "biased.tsv.gz", severity=1.0, seed=seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def fair(bed: Path) -> list[Outcome]:
    return [outcome(bed, bed.parent / "fair.tsv.gz", severity=0.0, seed=seed) for seed in SEEDS]


def test_the_true_examination_is_found(biased: list[Outcome]) -> None:
    for one in biased:
        assert one.propensities.method == "harvesting"
        assert one.propensities.examination == pytest.approx(one.truth.examination, abs=0.08)
        assert one.examination_error() < 0.03
        z = np.array(one.propensities.examination) - one.truth.examination
        assert (np.abs(z) <= 4 * np.array(one.propensities.standard_errors)).all()


@pytest.mark.parametrize("over", ["count", "click rate", "shrunk"])
def test_a_model_learns_the_grades_better_than_from_counted_clicks(biased: list[Outcome], over: str) -> None:
    gained = gains(biased, "learning", over)
    assert bootstrap_interval(gained).low > 0.03
    assert randomisation_test(gained).p_rise < 0.001
    for one in biased:  # what was fitted to clicks as they are likes what the old system liked
        assert one.trait["corrected"] < 0.5 * one.trait[over]


def test_products_that_were_shown_are_ordered_better_than_by_counting(biased: list[Outcome]) -> None:
    assert randomisation_test(gains(biased, "recovery", "count")).p_rise < 0.05
    assert gains(biased, "recovery", "click rate").mean() > 0.0


def test_without_bias_none_is_found_and_nothing_is_lost(fair: list[Outcome]) -> None:
    for one in fair:
        assert not one.propensities.biased
        assert one.propensities.examination == pytest.approx([1.0] * 10, abs=0.2)
    for task in ("recovery", "learning"):
        assert bootstrap_interval(gains(fair, task, "click rate")).low > -0.005


def test_the_judgments_follow_the_true_grades(bed: Path) -> None:
    path = bed.parent / "judged.tsv.gz"
    write_biased_clicks(bed, severity=1.0, traffic=50.0, seed=4, out=path)
    true = read_judgments(bed / "judgments.tsv").grades
    found = judgments_from_clicks(read_click_log([path]))
    rows = [
        (grade, true[qid][name], found.relevance[qid][name], found.weights[qid][name])
        for qid, grades in found.judgments.grades.items()
        for name, grade in grades.items()
    ]
    grade, truth, relevance, weight = (np.array(column) for column in zip(*rows, strict=True))
    known = weight >= 20
    assert spearmanr(relevance[known], truth[known]).statistic > 0.7
    means = [truth[known & (grade == level)].mean() for level in (1, 2, 3)]
    assert means == sorted(means)
    assert means[2] > 2.5
    assert means[0] < 1.2
