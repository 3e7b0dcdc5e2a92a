from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from multirecall.core.errors import InvalidInput, InvalidSource
from multirecall.evaluation.judgments import read_judgments
from multirecall.training.clicks import (
    ActionWeights,
    Grading,
    Propensities,
    estimate_propensities,
    judgments_from_clicks,
    write_click_judgments,
)
from multirecall.training.clicks.grading import best_rate, graded
from multirecall.training.clicks.relevance import estimate_relevance
from tests.unit.training.clicks.logs import click_log, simulated


def known(*examination: float) -> Propensities:
    n = len(examination)
    return Propensities(
        method="none", reason="given", examination=examination, standard_errors=(0.0,) * n, support=(0,) * n, reach=n
    )


def test_relevance_is_the_formula() -> None:
    log = click_log([(0, 0, 1, 10, 6), (0, 0, 2, 30, 3), (0, 1, 1, 50, 5), (0, 2, 2, 4, 0)])
    found = estimate_relevance(log, log.pairs(), known(1.0, 0.25))
    exposure = np.array([10 + 30 * 0.25, 50, 4 * 0.25])
    assert found.exposure == pytest.approx(exposure)
    clicks = np.array([9, 5, 0])
    assert found.estimate == pytest.approx((clicks + found.strength * found.prior) / (exposure + found.strength))
    assert np.ptp(found.prior) == 0.0  # 14 clicks are one band
    assert found.prior[0] == pytest.approx(14 / exposure.sum())


def test_a_product_seen_twice_and_clicked_twice_is_not_certain() -> None:
    log = simulated((1.0, 1.0, 1.0), queries=80, searches=30, seed=1)
    twice = click_log(
        [*zip(*(c.tolist() for c in (log.query, log.product, log.position, log.impressions, log.clicks)), strict=True),
         (80, 0, 1, 2, 2)]
    )  # fmt: skip
    found = estimate_relevance(twice, twice.pairs(), known(1.0, 1.0, 1.0))
    assert 0.3 < found.estimate[-1] < 0.7
    assert found.exposure[-1] == 2.0


def test_clicks_further_down_count_more_up_to_the_clip() -> None:
    rows = [(0, 0, 1, 100, 10), (0, 1, 2, 100, 10), (0, 2, 3, 100, 10)]
    log = click_log(rows)
    found = estimate_relevance(log, log.pairs(), known(1.0, 0.5, 0.001), max_weight=10)
    assert found.exposure == pytest.approx([100, 50, 10])
    assert found.estimate[0] < found.estimate[1] < found.estimate[2] <= 1.0
    with pytest.raises(InvalidInput, match="max_weight"):
        estimate_relevance(log, log.pairs(), known(1.0), max_weight=0.5)


def test_carts_and_purchases_count_as_further_clicked_impressions() -> None:
    log = click_log([(0, 0, 1, 20, 4), (0, 1, 1, 20, 4), (0, 2, 1, 20, 4)])
    log = replace(log, carts=np.array([0, 4, 4]), purchases=np.array([0, 0, 4]))
    found = estimate_relevance(log, log.pairs(), known(1.0), ActionWeights(cart=2.0, purchase=3.0))
    prior, s = found.prior[0], found.strength
    expected = [(4 + w + s * prior) / (20 + w + s) for w in (0, 4, 8)]
    assert found.estimate == pytest.approx(expected)
    assert prior == pytest.approx((12 + 4 + 8) / (60 + 4 + 8))
    assert found.exposure == pytest.approx([20, 20, 20])  # what was seen stays what was seen
    with pytest.raises(InvalidInput, match="rise"):
        ActionWeights(cart=3.0, purchase=2.0)


def test_what_the_old_ranking_knew_is_in_the_prior_and_only_that() -> None:
    generator = np.random.default_rng(4)

    def priors(rate_on_top: float, rate_below: float) -> tuple[float, float]:
        rows = []
        for query in range(400):
            for product, (position, rate) in enumerate(((1, rate_on_top), (2, rate_below))):
                rows.append(
                    (query, product, position, 20, int(generator.binomial(20, rate * (1.0, 0.5)[position - 1])))
                )
        log = click_log(rows)
        found = estimate_relevance(log, log.pairs(), known(1.0, 0.5))
        return float(found.prior[0]), float(found.prior[1])

    assert priors(0.4, 0.1) == pytest.approx((0.4, 0.1), rel=0.1)
    assert priors(0.2, 0.2) == pytest.approx((0.2, 0.2), rel=0.1)


def test_grades_begin_at_the_cuts() -> None:
    estimate = np.array([0.0, 0.039, 0.04, 0.149, 0.15, 0.49, 0.5, 1.0, 1.2]) * 0.4
    assert graded(estimate, 0.4, Grading()).tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 3]
    assert graded(estimate, 0.4, Grading(scale="fraction")) == pytest.approx(3 * np.minimum(estimate / 0.4, 1))
    assert graded(estimate, 0.0, Grading()).tolist() == [0] * 9
    assert best_rate(np.arange(1.0, 101.0), np.ones(100)) == 95.0
    assert best_rate(np.array([0.9, 0.1]), np.array([1.0, 99.0])) == 0.1
    for wrong in ({"scale": "stars"}, {"cuts": (0.2, 0.1, 0.5)}, {"cuts": (0.0, 0.1, 0.5)}, {"cuts": (0.1, 0.2, 1.5)}):
        with pytest.raises(InvalidInput):
            Grading(**wrong)


def test_judgments_leave_out_what_nothing_is_known_of() -> None:
    rows = [(0, 0, 1, 100, 50), (0, 1, 2, 100, 2), (0, 2, 2, 1, 1), (1, 0, 1, 100, 0)]
    found = judgments_from_clicks(click_log(rows), propensities=known(1.0, 0.5))
    assert {qid: set(grades) for qid, grades in found.judgments.grades.items()} == {"q0": {"p0", "p1"}}
    assert found.judgments.grades["q0"]["p0"] == 3.0
    assert found.judgments.grades["q0"]["p1"] < 2.0
    assert found.weights == {"q0": {"p0": 100.0, "p1": 50.0}}
    assert found.texts == {"q0": "text 0"}
    report = found.report
    assert (report.queries, report.pairs, report.judged_queries, report.judged_pairs) == (2, 4, 1, 2)
    assert (report.thin_pairs, report.unclicked_queries) == (1, 1)
    assert sum(report.by_grade.values()) == 2
    assert json.loads(json.dumps(report.to_dict()))["propensities"]["examination"] == [1.0, 0.5]


def test_fractions_are_grades_too_and_order_as_relevance_does() -> None:
    found = judgments_from_clicks(
        simulated((1.0, 0.5, 0.3), queries=50, searches=30, seed=2), grading=Grading(scale="fraction")
    )
    for qid, grades in found.judgments.grades.items():
        order = sorted(grades, key=found.relevance[qid].__getitem__)
        assert [grades[name] for name in order] == sorted(grades.values())
        assert all(0.0 <= grade <= 3.0 for grade in grades.values())


def test_nothing_left_to_judge_is_an_error() -> None:
    with pytest.raises(InvalidSource, match="None of 1 pairs"):
        judgments_from_clicks(click_log([(0, 0, 1, 3, 1)]), min_exposure=10.0)
    with pytest.raises(InvalidInput, match="min_exposure"):
        judgments_from_clicks(click_log([(0, 0, 1, 3, 1)]), min_exposure=-1.0)


def test_the_file_is_read_back_as_judgments(tmp_path: Path) -> None:
    found = judgments_from_clicks(simulated((1.0, 0.5, 0.3), queries=20, searches=30, seed=3))
    path = tmp_path / "judgments.tsv"
    write_click_judgments(found, path)
    assert read_judgments(path).grades == found.judgments.grades
    assert [p.name for p in tmp_path.iterdir()] == ["judgments.tsv"]
    rows = [line.split("\t") for line in path.read_text().splitlines()]
    assert rows[0] == ["qid", "product_id", "grade", "weight", "relevance", "query"]
    of_first = [float(row[4]) for row in rows[1:] if row[0] == rows[1][0]]
    assert of_first == sorted(of_first, reverse=True)
    assert float(rows[1][3]) == pytest.approx(found.weights[rows[1][0]][rows[1][1]], rel=1e-3)
    with pytest.raises(InvalidInput, match="Cannot write"):
        write_click_judgments(found, tmp_path / "absent" / "judgments.tsv")


def test_judgments_estimate_the_bias_themselves() -> None:
    log = simulated((1.0, 0.5, 0.3), queries=60, searches=40, seed=4)
    assert judgments_from_clicks(log, seed=5).report.propensities == estimate_propensities(log, seed=5)
