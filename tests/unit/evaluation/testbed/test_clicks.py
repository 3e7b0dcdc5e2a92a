from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from multirecall.evaluation.testbed.clicks import CLICK_RATES
from multirecall.evaluation.testbed.draws import draws, unit
from multirecall.evaluation.testbed.traffic import tier_of
from tests.unit.evaluation.testbed.bed import Bed


def test_click_rates_follow_the_grades_within_four_standard_errors(bed: Bed) -> None:
    classes = {q["qid"]: q["class"] for q in bed.queries}
    shown, clicked = Counter(), Counter()
    for row in bed.clicks:
        if classes[row["qid"]] != "knowledge":
            grade = bed.grades[row["qid"]][row["product_id"]]
            shown[grade] += 1
            clicked[grade] += int(row["click"])
    for grade, rate in CLICK_RATES.items():
        assert shown[grade] > 500
        # products repeat, so their popularity factor (uniform in .5 to 1.5, variance 1/12) adds to the variance
        spread = 4 * np.sqrt(rate / shown[grade]) + 4 * rate * np.sqrt(1 / 12 / 300)
        assert clicked[grade] / shown[grade] == pytest.approx(rate, abs=spread)


def test_popular_products_are_clicked_more(bed: Bed) -> None:
    percentile = unit(draws(bed.report.seed, "popularity", np.arange(bed.report.products)))
    shown, clicked = Counter(), Counter()
    for row in bed.clicks:
        if bed.grades[row["qid"]][row["product_id"]] == 3:
            upper = percentile[int(row["product_id"][1:])] > 0.5
            shown[upper] += 1
            clicked[upper] += int(row["click"])
    assert clicked[True] / shown[True] > 1.3 * clicked[False] / shown[False]


def test_knowledge_queries_are_searched_and_never_clicked(bed: Bed) -> None:
    knowledge = {q["qid"] for q in bed.queries if q["class"] == "knowledge"}
    rows = [row for row in bed.clicks if row["qid"] in knowledge]
    assert len(rows) > 500
    assert not [row for row in rows if row["click"] == "1"]


def test_query_frequencies_follow_zipf_and_give_the_tiers(bed: Bed) -> None:
    searches: dict[str, set[str]] = {}
    for row in bed.clicks:
        searches.setdefault(row["qid"], set()).add(row["query_id"])
    frequency = {qid: len(ids) for qid, ids in searches.items()}
    assert {c["qid"]: c["frequency"] for c in bed.constraints} == frequency
    assert all(q["tier"] == tier_of(frequency[q["qid"]]) for q in bed.queries)
    counts = np.sort(np.array(list(frequency.values())))[::-1]
    ranks = np.arange(1, len(counts) + 1)
    upper = counts >= 5
    slope = np.polyfit(np.log(ranks[upper]), np.log(counts[upper]), 1)[0]
    assert slope == pytest.approx(-1.0, abs=0.08)
    tiers = Counter(q["tier"] for q in bed.queries)
    for tier in ("head", "torso", "tail", "once"):
        assert tiers[tier] / len(bed.queries) == pytest.approx(0.25, abs=0.02)


def test_broad_queries_are_asked_more_than_knowledge_queries(bed: Bed) -> None:
    by_class: dict[str, list[int]] = {}
    for c in bed.constraints:
        by_class.setdefault(c["class"], []).append(c["frequency"])
    assert np.median(by_class["head"]) > 3 * np.median(by_class["knowledge"])


def test_log_is_in_the_order_of_time_with_positions_from_one(bed: Bed) -> None:
    times = [row["timestamp"] for row in bed.clicks]
    assert times == sorted(times)
    pages: dict[str, list[dict[str, str]]] = {}
    for row in bed.clicks:
        pages.setdefault(row["query_id"], []).append(row)
    for page in pages.values():
        assert [int(row["position"]) for row in page] == list(range(1, len(page) + 1))
        assert len({row["product_id"] for row in page}) == len(page) <= 10
