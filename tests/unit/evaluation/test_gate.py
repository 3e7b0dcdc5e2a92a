from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.gate import Gate
from multirecall.evaluation.measures import NDCG, QueryFigures
from multirecall.evaluation.verdict import Outcome


def figures(values: Sequence[float], *, judged: float | None = 1.0, left_out: tuple[str, ...] = ()) -> QueryFigures:
    return QueryFigures(
        measure=NDCG(k=10),
        values={f"q{at}": float(value) for at, value in enumerate(values)},
        judged={} if judged is None else {f"q{at}": judged for at in range(len(values))},
        without_relevant=left_out,
    )


def test_an_index_against_itself_passes_with_p_1() -> None:
    same = figures([0.1, 0.5, 0.9, 0.3, 0.0], left_out=("z",))
    verdict = Gate()(same, same)
    assert verdict.passed
    assert (verdict.outcome, verdict.difference, verdict.p_value, verdict.p_two_sided) == (
        Outcome.PASSED,
        0.0,
        1.0,
        1.0,
    )
    assert (verdict.wins, verdict.losses, verdict.ties, verdict.n_queries) == (0, 0, 5, 5)
    assert (verdict.old_mean, verdict.new_mean, verdict.n_without_relevant) == (
        pytest.approx(0.36),
        pytest.approx(0.36),
        1,
    )
    assert verdict.ci is not None
    assert (verdict.ci.low, verdict.ci.high) == (0.0, 0.0)
    assert verdict.worst == ()
    assert "no significant fall" in verdict.reason


def test_a_significant_fall_stops_however_small() -> None:
    verdict = Gate()(figures([0.8] * 5), figures([0.79] * 5))
    assert (verdict.outcome, verdict.p_value) == (Outcome.STOPPED, 2.0**-5)
    assert not verdict.passed
    assert verdict.reason == (
        "nDCG@10 goes from 0.800 to 0.790 over 5 queries, a significant fall (one-sided p = 0.031, below 0.05)."
    )


def test_a_small_fall_that_may_be_luck_passes() -> None:
    generator = np.random.default_rng(1)
    old = generator.uniform(0.3, 0.9, size=60)
    verdict = Gate()(figures(old), figures(old + generator.choice([-0.1, 0.1], size=60)))
    assert verdict.outcome is Outcome.PASSED
    assert verdict.p_value is not None
    assert verdict.p_value > 0.05


def test_a_catastrophic_fall_stops_even_if_it_may_be_luck() -> None:
    old, new = [1.0, 1.0, 1.0, 0.0, 0.0, 0.5], [0.0, 0.0, 1.0, 0.2, 0.2, 0.5]
    verdict = Gate()(figures(old), figures(new))
    assert verdict.outcome is Outcome.STOPPED
    assert verdict.p_value is not None
    assert verdict.p_value > 0.05
    assert "a fall by 46% where 20% is the limit" in verdict.reason
    assert Gate(max_fall=0.5)(figures(old), figures(new)).passed


def test_a_rise_passes_and_so_does_anything_after_nothing() -> None:
    assert Gate()(figures([0.2] * 8), figures([0.4] * 8)).passed
    assert Gate()(figures([0.0] * 8), figures([0.0] * 8)).passed


@pytest.mark.parametrize("n", [0, 1, 4])
def test_too_few_queries_cannot_be_judged_unless_forced(n: int) -> None:
    verdict = Gate()(figures([0.5] * n), figures([0.5] * n))
    assert (verdict.outcome, verdict.passed, verdict.n_queries) == (Outcome.UNDECIDED, False, n)
    assert "cannot judge" in verdict.reason
    assert "5 are needed" in verdict.reason
    forced = verdict.force()
    assert (forced.outcome, forced.passed, forced.forced) == (Outcome.UNDECIDED, True, True)
    if n == 0:
        assert (verdict.old_mean, verdict.ci, verdict.p_value, verdict.judged_new) == (None, None, None, None)


def test_force_is_recorded_only_where_it_was_needed() -> None:
    stopped = Gate()(figures([0.9] * 6), figures([0.1] * 6))
    assert not stopped.passed
    assert (stopped.force().passed, stopped.force().outcome, stopped.force().reason) == (
        True,
        Outcome.STOPPED,
        stopped.reason,
    )
    passed = Gate()(figures([0.9] * 6), figures([0.9] * 6))
    assert not passed.force().forced


def test_a_lack_of_judgments_is_pointed_out() -> None:
    verdict = Gate()(figures([0.8] * 6, judged=0.95), figures([0.3] * 6, judged=0.4))
    assert verdict.outcome is Outcome.STOPPED
    assert (verdict.judged_old, verdict.judged_new) == (pytest.approx(0.95), pytest.approx(0.4))
    assert "only 40% of the new top 10 have a judgment (old: 95%)" in verdict.reason
    assert "may be a lack of judgments" in verdict.reason
    near = Gate()(figures([0.8] * 6, judged=0.95), figures([0.3] * 6, judged=0.9))
    assert "lack of judgments" not in near.reason
    nothing = Gate()(figures([0.8] * 6), figures([0.0] * 6, judged=None))
    assert nothing.judged_new is None
    assert nothing.outcome is Outcome.STOPPED


def test_the_worst_queries_come_first_and_ties_by_id() -> None:
    verdict = Gate(n_worst=3)(
        figures([0.5, 0.5, 0.5, 0.5, 0.5, 0.5]), figures([0.5, 0.25, 0.0, 0.25, 0.375, 1.0]), texts={"q2": "usb cable"}
    )
    assert [(c.qid, c.text, c.old, c.new) for c in verdict.worst] == [
        ("q2", "usb cable", 0.5, 0.0),
        ("q1", "", 0.5, 0.25),
        ("q3", "", 0.5, 0.25),
    ]
    assert (verdict.wins, verdict.losses, verdict.ties) == (1, 4, 1)


def test_incomplete_answers_are_left_out_or_make_it_undecided() -> None:
    old, new = figures([0.5] * 40), figures([0.0, *[0.5] * 39])
    verdict = Gate()(old, new, incomplete={"q0": "new: dense timed_out", "other": "old: dense failed"})
    assert (verdict.outcome, verdict.n_queries, verdict.difference) == (Outcome.PASSED, 39, 0.0)
    assert verdict.incomplete == {"q0": "new: dense timed_out"}
    many = Gate()(old, new, incomplete={f"q{n}": "new: dense failed" for n in range(3)})
    assert many.outcome is Outcome.UNDECIDED
    assert "3 of 40 queries were not answered in full (the first, q0: new: dense failed)" in many.reason


def test_rounding_is_no_difference() -> None:
    verdict = Gate()(figures([0.3] * 20), figures([0.1 + 0.2] * 20))
    assert (verdict.ties, verdict.difference, verdict.p_value) == (20, 0.0, 1.0)


def test_the_verdict_is_plain_json() -> None:
    verdict = Gate()(figures([0.8] * 6), figures([0.3] * 6), texts={"q0": "usb"})
    told: dict[str, Any] = json.loads(json.dumps(verdict.to_dict(), allow_nan=False))
    assert (told["passed"], told["outcome"], told["forced"]) == (False, "stopped", False)
    assert told["worst"][0] == {"qid": "q0", "text": "usb", "old": 0.8, "new": 0.3}
    assert told["ci"]["confidence"] == 0.95
    json.dumps(Gate()(figures([]), figures([])).to_dict(), allow_nan=False)


def test_figures_that_do_not_belong_together_raise() -> None:
    with pytest.raises(InvalidInput, match="same queries"):
        Gate()(figures([0.5] * 6), figures([0.5] * 5))
    with pytest.raises(InvalidInput, match="wants nDCG@5"):
        Gate(measure=NDCG(k=5))(figures([0.5] * 6), figures([0.5] * 6))


@pytest.mark.parametrize(
    "wrong", [{"alpha": 0.0}, {"confidence": 1.0}, {"max_fall": 20.0}, {"max_judged_fall": -0.1}, {"min_queries": 0}]
)
def test_limits_out_of_range_are_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(wrong))):
        Gate(**wrong)
