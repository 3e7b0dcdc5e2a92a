"""Only what won, by evidence that may speak for it, is put forward."""

from __future__ import annotations

from dataclasses import replace

import pytest

from multirecall.evaluation.judgments import Judgments
from multirecall.evaluation.queries import JudgedQuery
from multirecall.training.tuning.deciding import Arm, Compared, Learned, Verdict, compare_arms, decide

QUERIES = [JudgedQuery(qid=f"q{at}", text="", columns={"class": "a" if at % 2 else "b"}) for at in range(60)]
JUDGMENTS = Judgments(grades={query.qid: {"good": 3.0} for query in QUERIES})
FIRST, SECOND, NONE = ("good", "x"), ("x", "good"), ("x", "y")


def decided(arm: Arm) -> tuple[Verdict, list[Compared]]:
    rows = compare_arms([arm], QUERIES, JUDGMENTS)
    return decide(arm, rows), rows


def arm(after: dict[str, tuple[str, ...]], *, learned: Learned = Learned.CATALOGUE) -> Arm:
    before = {query.qid: SECOND for query in QUERIES}
    return Arm(name="new", run={**before, **after}, against="today", baseline=before, learned=learned)


BETTER = {query.qid: FIRST for query in QUERIES}


@pytest.mark.parametrize("learned", [Learned.CATALOGUE, Learned.JUDGMENTS])
def test_a_significant_gain_is_proposed(learned: Learned) -> None:
    verdict, rows = decided(arm(BETTER, learned=learned))
    assert verdict.proposed
    main = next(row for row in rows if row.measure == "nDCG@10" and not row.kind)
    assert (main.n, main.after) == (60, 1.0)
    assert main.low <= main.difference <= main.high


def test_what_learned_from_generated_queries_is_not_proposed_on_their_word() -> None:
    verdict, _ = decided(arm(BETTER, learned=Learned.GENERATED))
    assert not verdict.proposed
    assert "judge 50 queries" in verdict.why


def test_products_that_nobody_judged_do_not_speak_against_what_finds_them() -> None:
    new = replace(arm({query.qid: ("u", "v", "good") for query in QUERIES}), condensed=True)
    rows = compare_arms([new], QUERIES, JUDGMENTS)
    main = next(row for row in rows if row.measure == "condensed nDCG@10" and not row.kind)
    assert (main.before, main.after) == (1.0, 1.0)
    assert "+0.000 condensed nDCG@10" in decide(new, rows).why


def test_a_gain_that_may_be_luck_is_not_proposed() -> None:
    verdict, _ = decided(arm({"q1": FIRST, "q2": FIRST, "q3": FIRST}))
    assert not verdict.proposed
    assert "no significant gain" in verdict.why


def test_a_class_that_loses_speaks_against_a_gain_of_all() -> None:
    lost = {query.qid: NONE for at, query in enumerate(q for q in QUERIES if q.columns["class"] == "a") if at < 8}
    better = {qid: run for qid, run in BETTER.items() if qid not in lost}
    verdict, rows = decided(arm({**better, **lost}))
    assert not verdict.proposed
    assert next(row for row in rows if row.kind == "b").difference > 0


def test_a_small_class_does_not_decide() -> None:
    queries = [
        JudgedQuery(qid=q.qid, text="", columns={"class": "rare" if at < 5 else "rest"}) for at, q in enumerate(QUERIES)
    ]
    change = arm({**BETTER, **{f"q{at}": ("x", "y", "z", "good") for at in range(5)}})
    assert decide(change, compare_arms([change], queries, JUDGMENTS)).proposed


def test_lost_recall_speaks_against_a_gain_at_the_top() -> None:
    judgments = Judgments(grades={query.qid: {"good": 3.0, "rare": 1.0} for query in QUERIES})
    before = {query.qid: ("x", "good", "rare") for query in QUERIES}
    after = {query.qid: ("good", "x") for query in QUERIES}
    change = Arm(name="new", run=after, against="today", baseline=before, learned=Learned.CATALOGUE)
    verdict = decide(change, compare_arms([change], QUERIES, judgments))
    assert not verdict.proposed
    assert "R@100 loses 0.500" in verdict.why


def test_an_arm_is_judged_by_its_own_comparison() -> None:
    change, other = arm(BETTER), arm({})
    other = Arm(name="idle", run=other.run, against="today", baseline=other.baseline, learned=Learned.CATALOGUE)
    rows = compare_arms([change, other], QUERIES, JUDGMENTS)
    assert [decide(one, rows).proposed for one in (change, other)] == [True, False]
