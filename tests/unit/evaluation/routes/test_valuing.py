"""What only one route finds, counted by hand; figures as `evaluate` gives them; times as quantiles."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.evaluating import evaluate
from multirecall.evaluation.judgments import Judgments
from multirecall.evaluation.queries import JudgedQuery
from multirecall.evaluation.routes import RouteReport, value_routes
from multirecall.evaluation.routes.valuing import ALL_ROUTES, RouteRuns

QUERIES = [
    JudgedQuery(qid="q1", text="one", columns={"class": "x"}),
    JudgedQuery(qid="q2", text="two", columns={"class": "x"}),
    JudgedQuery(qid="q3", text="three", columns={"class": "y"}),
]
JUDGMENTS = Judgments(
    grades={"q1": {"a": 3.0, "b": 1.0, "c": 0.0}, "q2": {"d": 2.0, "e": 2.0, "f": 2.0}, "q3": {"g": 1.0}}
)
ALONE = {
    "left": {"q1": ("a", "c", "u"), "q2": ("d", "e"), "q3": ()},
    "right": {"q1": ("b", "c"), "q2": ("e", "f", "d"), "q3": ("h",)},
}
FUSED = {"q1": ("a", "b", "c", "u"), "q2": ("e", "d", "f"), "q3": ("h",)}
WITHOUT = {"left": ALONE["right"], "right": ALONE["left"]}
TIMES = {"left": (1.0, 2.0, 3.0), "right": (10.0, 20.0, 60.0)}


def runs(**other: Any) -> RouteRuns:
    given = {
        "fusion": "test",
        "fused": FUSED,
        "alone": ALONE,
        "without": WITHOUT,
        "prepare_ms": {"left": (0.0, 0.0, 0.0), "right": (5.0, 5.0, 5.0)},
        "engine_ms": TIMES,
    }
    return RouteRuns(**{**given, **other})


@pytest.fixture(scope="module")
def report() -> RouteReport:
    return value_routes(runs(), QUERIES, JUDGMENTS, segments=["class"], rounds=200)


def counts(report: RouteReport, family: str, value: str) -> dict[str, tuple[int, ...]]:
    return {
        c.route: (c.n_queries, c.n_relevant, c.n_found_by_any, c.n_found, c.n_unique)
        for c in report.of_segment(family, value)
    }


def test_unique_products_are_those_that_no_other_route_found(report: RouteReport) -> None:
    # relevant: a b | d e f | g; left finds a, d e; right finds b, d e f; nobody finds g
    assert counts(report, "", "all queries") == {"left": (3, 6, 5, 3, 1), "right": (3, 6, 5, 4, 2)}
    assert counts(report, "class", "x") == {"left": (2, 5, 5, 3, 1), "right": (2, 5, 5, 4, 2)}
    assert counts(report, "class", "y") == {"left": (1, 1, 0, 0, 0), "right": (1, 1, 0, 0, 0)}
    (left, right), (nothing, _) = report.of_segment("", "all queries"), report.of_segment("class", "y")
    assert (left.unique_share, right.unique_share) == (1 / 5, 2 / 5)
    assert left.shared == pytest.approx((1 / 3 + 2 / 2) / 2)  # c of a c u; d and e of d e; no candidates: left out
    assert (nothing.unique_share, nothing.shared) == (0.0, None)


def test_a_higher_grade_and_a_shorter_depth_count_less() -> None:
    strict = value_routes(runs(), QUERIES, JUDGMENTS, segments=[], relevant_grade=3.0, rounds=200)
    assert counts(strict, "", "all queries") == {"left": (3, 1, 1, 1, 1), "right": (3, 1, 1, 0, 0)}
    first = value_routes(runs(), QUERIES, JUDGMENTS, segments=[], depth=1, rounds=200)
    assert counts(first, "", "all queries") == {"left": (3, 6, 4, 2, 2), "right": (3, 6, 4, 2, 2)}  # a, d | b, e


def test_overlap_of_two_routes(report: RouteReport) -> None:
    (overlap,) = report.overlaps
    assert (overlap.a, overlap.b) == ("left", "right")
    assert overlap.jaccard == pytest.approx((1 / 4 + 2 / 3 + 0 / 1) / 3)
    assert overlap.of_relevant == pytest.approx(2 / 5)  # d and e of a b d e f


def test_figures_are_those_of_an_evaluation_of_the_same_runs(report: RouteReport) -> None:
    expected = evaluate(
        {ALL_ROUTES: FUSED, "without left": WITHOUT["left"], "without right": WITHOUT["right"]},
        QUERIES, JUDGMENTS, ["nDCG@10", "R@100"], ["class"], baseline=ALL_ROUTES, rounds=200,
    )  # fmt: skip
    assert report.left_out == expected
    assert report.left_out_names == {"left": "without left", "right": "without right"}
    assert set(report.alone.systems) == {ALL_ROUTES, "left", "right"}
    assert report.alone.values["R@100"]["right"] == {"q1": 1 / 2, "q2": 1.0, "q3": 0.0}


def test_times_are_of_the_model_the_engine_and_both(report: RouteReport) -> None:
    left, right = report.latencies
    assert (left.prepare_p95_ms, left.p50_ms, left.engine_p50_ms) == (0.0, 2.0, 2.0)
    assert (right.prepare_p50_ms, right.engine_p50_ms, right.p50_ms) == (5.0, 20.0, 25.0)
    assert right.p95_ms == pytest.approx(np.quantile([15.0, 25.0, 65.0], 0.95))


def test_one_route_has_nothing_to_be_compared_with() -> None:
    with pytest.raises(InvalidInput, match="two routes"):
        runs(alone={"left": ALONE["left"]})
    with pytest.raises(InvalidInput, match="its times"):
        runs(engine_ms={"left": (1.0,)})
