from __future__ import annotations

import math

import numpy as np
import pytest

from multirecall.core.errors import InvalidInput, InvalidSource
from multirecall.evaluation.evaluating import evaluate
from multirecall.evaluation.holm import holm
from multirecall.evaluation.judgments import Judgments
from multirecall.evaluation.measures import NDCG, ItemGoodRate, score_run
from multirecall.evaluation.paired_test import randomisation_test
from multirecall.evaluation.queries import JudgedQuery

QUERIES = [
    JudgedQuery(qid=f"q{at:02d}", text=f"printer {at}", columns={"class": "head" if at < 30 else "tail"})
    for at in range(40)
]


def judged(seed: int = 3) -> Judgments:
    draw = np.random.default_rng(seed)
    return Judgments(
        grades={q.qid: {f"p{at:02d}": float(draw.integers(0, 4)) for at in range(20)} | {"best": 3.0} for q in QUERIES}
    )


def run(noise: float, judgments: Judgments, seed: int = 1, unjudged: int = 4) -> dict[str, tuple[str, ...]]:
    draw = np.random.default_rng(seed)
    found = {}
    for q in QUERIES:
        scores = {p: grade + noise * draw.normal() for p, grade in judgments.of(q.qid).items()}
        scores |= {f"new{at}": 3 * draw.random() for at in range(unjudged)}
        found[q.qid] = tuple(sorted(scores, key=lambda p: -scores[p])[:12])
    return found


def test_every_figure_and_comparison_is_what_its_parts_say() -> None:
    judgments = judged()
    runs = {"old": run(2.0, judgments), "new": run(0.5, judgments, 2), "twin": run(2.0, judgments)}
    report = evaluate(runs, QUERIES, judgments, ["nDCG@10", "P(rel=2)@5"], ["class"], rounds=2_000)
    assert (report.systems, report.baseline, report.measures) == (
        ("old", "new", "twin"),
        "old",
        ("nDCG@10", "P(rel=2)@5"),
    )
    scored = {name: score_run(of, judgments, [q.qid for q in QUERIES], NDCG(k=10)) for name, of in runs.items()}
    figure = report.overall.figure("new", "nDCG@10")
    assert figure.mean == pytest.approx(np.mean(list(scored["new"].values.values())))
    assert figure.judged == pytest.approx(np.mean(list(scored["new"].judged.values())))
    assert (figure.n, figure.n_empty, figure.k) == (40, 0, 10)
    assert figure.ci is not None
    assert figure.ci.low < figure.mean < figure.ci.high
    assert figure.under["irrelevant"] == figure.mean
    assert figure.under["worst"] <= figure.mean <= figure.under["best"]
    assert report.values["nDCG@10"]["new"] == scored["new"].values

    better = report.overall.comparison("new", "nDCG@10")
    assert better is not None
    differences = np.array([scored["new"].values[q.qid] - scored["old"].values[q.qid] for q in QUERIES])
    test = randomisation_test(differences, rounds=4_000, seed=7)
    assert better.difference == pytest.approx(test.difference)
    assert better.p_value == test.p_two_sided
    assert better.wins == int(np.sum(differences > 0))
    assert better.wins + better.losses + better.ties == 40
    assert better.significant
    all_p = holm([c.p_value for c in report.overall.comparisons])
    assert [c.p_holm for c in report.overall.comparisons] == all_p
    twin = report.overall.comparison("twin", "nDCG@10")
    assert twin is not None
    assert (twin.difference, twin.p_value, twin.significant, twin.ties) == (0.0, 1.0, False, 40)
    assert report.overall.comparison("old", "nDCG@10") is None


def test_segments_have_their_own_rows_and_their_own_correction() -> None:
    judgments = judged()
    runs = {"old": run(2.0, judgments), "new": run(0.5, judgments, 2)}
    report = evaluate(runs, QUERIES, judgments, ["nDCG@10", "RR"], ["class", "length"], rounds=1_000)
    rows = {(row.family, row.value): row for row in report.segments}
    assert list(rows) == [("class", "head"), ("class", "tail"), ("length", "2 words")]
    head, tail, all_of = (rows[key].figure("new", "nDCG@10") for key in rows)
    assert (head.n, tail.n) == (30, 10)
    assert head.mean is not None
    assert tail.mean is not None
    assert all_of.mean == pytest.approx((30 * head.mean + 10 * tail.mean) / 40)
    of_measure = [c for row in report.segments for c in row.comparisons if c.measure == "nDCG@10"]
    assert [c.p_holm for c in of_measure] == holm([c.p_value for c in of_measure])


def test_a_query_without_an_answer_counts_and_one_without_a_relevant_judgment_does_not() -> None:
    judgments = Judgments(grades={"q00": {"a": 2.0}, "q01": {"a": 2.0}, "q02": {"a": 0.0}})
    report = evaluate({"r": {"q00": ("a",), "q02": ("a",)}}, QUERIES, judgments, ["nDCG@10"], [])
    figure = report.overall.figures[0]
    assert (figure.mean, figure.n, figure.n_empty, figure.judged) == (0.5, 2, 1, 1.0)
    assert (report.n_queries, report.n_judged_queries, report.n_judgments) == (40, 3, 3)
    assert any("1 of 2 queries without an answer; they count 0" in note for note in report.notes)
    assert any("Without any judgment, so left out: 37 ('q03'" in note for note in report.notes)


def test_a_segment_without_a_defined_query_says_so() -> None:
    judgments = Judgments(grades={"q00": {"a": 2.0}, "q39": {"a": 0.0}})
    runs = {"r": {"q00": ("a",)}, "s": {"q00": ("b",)}}
    report = evaluate(runs, QUERIES, judgments, ["nDCG@10", "IGR@10"], ["class"])
    tail = report.segments[1]
    assert (tail.value, tail.figure("r", "nDCG@10").n, tail.figure("r", "nDCG@10").mean) == ("tail", 0, None)
    assert tail.comparison("s", "nDCG@10") is None
    assert tail.figure("r", "ItemGoodRate@10").n == 1


def test_item_good_rate_is_the_ratio_of_sums() -> None:
    judgments = judged()
    of = {
        q.qid: ranked[: 1 + at % 12]
        for at, (q, ranked) in enumerate(zip(QUERIES, run(1.0, judgments).values(), strict=True))
    }
    report = evaluate({"r": of, "s": run(1.0, judgments, 5)}, QUERIES, judgments, [ItemGoodRate()], [], rounds=500)
    good = sum(judgments.of(qid).get(p, 0.0) >= 2 for qid, ranked in of.items() for p in ranked[:10])
    assert report.overall.figures[0].mean == pytest.approx(good / sum(len(ranked[:10]) for ranked in of.values()))
    comparison = report.overall.comparisons[0]
    assert 0 < comparison.p_value <= 1
    assert comparison.ci.low < comparison.difference < comparison.ci.high


def test_what_misleads_is_noted() -> None:
    judgments = judged()
    runs = {"old": run(0.5, judgments, unjudged=0), "new": run(0.5, judgments, 2, unjudged=40), "alien": {}}
    runs["alien"] = {q.qid: ("x1", "x2") for q in QUERIES}
    notes = "\n".join(evaluate(runs, QUERIES, judgments, ["nDCG@10"], [], rounds=500).notes)
    assert "alien: not one of its products is judged" in notes
    assert "It shows 'x1', 'x2' for 'q00'; judged are 'p00', 'p01', 'p02', …." in notes
    assert "alien: it holds at most 2 products a query; nDCG@10 looks deeper." in notes
    assert "for new and 100% for old; what nobody judged counts as irrelevant, so new may be better" in notes


def test_a_difference_that_turns_over_judged_products_is_noted() -> None:
    judgments = Judgments(grades={q.qid: {"a": 3.0, "b": 1.0} for q in QUERIES})
    runs = {"old": {q.qid: ("b", "a") for q in QUERIES}, "new": {q.qid: ("u", "v", "w", "a", "b") for q in QUERIES}}
    report = evaluate(runs, QUERIES, judgments, ["nDCG@10"], [], rounds=500)
    difference = report.overall.comparisons[0].difference_under
    assert difference["irrelevant"] < 0 < difference["condensed"]
    assert any("the judgments do not decide between them" in note for note in report.notes)


def test_judgments_by_text_are_joined_and_noted() -> None:
    judgments = Judgments(grades={"Printer  1": {"a": 1.0}, "plotter": {"a": 1.0}})
    report = evaluate({"r": {"q01": ("a",)}}, QUERIES, judgments, ["RR"], [])
    assert report.overall.figures[0].mean == 1.0
    assert "The judgments were joined to the queries by text." in report.notes
    assert "Judged, but not in the queries file: 1 ('plotter')." in report.notes


def test_the_highest_grade_of_the_scale_moves_the_best_bound_only() -> None:
    judgments = Judgments(grades={"q00": {"a": 1.0, "z": 1.0}})
    runs = {"r": {"q00": ("u", "a")}}
    low = evaluate(runs, QUERIES, judgments, ["nDCG@2"], []).overall.figures[0].under
    high = evaluate(runs, QUERIES, judgments, ["nDCG@2"], [], top_grade=3.0).overall.figures[0].under
    assert low["irrelevant"] == high["irrelevant"]
    assert low["best"] == pytest.approx(1.0)
    assert high["best"] == pytest.approx(1.0)
    assert low["worst"] == high["worst"] == pytest.approx((1 / math.log2(3)) / (1 + 1 / math.log2(3)))


def test_nothing_of_the_arguments_is_changed_and_the_seed_repeats_it() -> None:
    judgments = judged()
    runs = {"old": run(2.0, judgments), "new": run(0.5, judgments, 2)}
    before = repr((runs, judgments))
    first = evaluate(runs, QUERIES, judgments, rounds=300, seed=5)
    assert evaluate(runs, QUERIES, judgments, rounds=300, seed=5) == first
    assert repr((runs, judgments)) == before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"runs": {}}, "needs a run and a measure"),
        ({"measures": []}, "needs a run and a measure"),
        ({"measures": ["ERR@3"]}, "'ERR@3' is no measure"),
        ({"measures": ["P(rel=4)@3"]}, r"P\(rel=4\)@3 asks for grades of 4 or more; the highest grade given is 3"),
        ({"measures": ["QGR(rel=3,good=9,reachable=1)@10"]}, "not defined for any of the queries"),
        ({"segments": ["brand"]}, "no segment 'brand'"),
        ({"baseline": "x"}, "baseline 'x' is none of the runs. Runs: r"),
        (
            {"runs": {"r": {"other1": ("a",)}}},
            "Run 'r' holds no query that is judged. Its queries are 'other1'; the judged ones are 'q00'",
        ),
    ],
)
def test_what_cannot_be_evaluated_is_told(change: dict[str, object], words: str) -> None:
    judgments = Judgments(grades={"q00": {"a": 3.0}})
    given = {"runs": {"r": {"q00": ("a",)}}, "measures": ["nDCG@10"], "segments": []} | change
    with pytest.raises(InvalidInput, match=words):
        evaluate(queries=QUERIES, judgments=judgments, **given)  # type: ignore[arg-type]
    with pytest.raises(InvalidSource, match="No judgment belongs"):
        evaluate({"r": {}}, [JudgedQuery(qid="z", text="z")], judgments)
