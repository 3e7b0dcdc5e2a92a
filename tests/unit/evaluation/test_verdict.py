"""Verdicts travel as plain values: jobs keep them in Redis."""

from __future__ import annotations

import json

import pytest

from multirecall.evaluation.gate import Gate
from multirecall.evaluation.measures import NDCG, QueryFigures
from multirecall.evaluation.verdict import Outcome, Verdict


def figures(value: float, n: int) -> QueryFigures:
    values = {f"q{at:03d}": value + at / 1000 for at in range(n)}
    return QueryFigures(measure=NDCG(k=10), values=values, judged=dict.fromkeys(values, 0.9), without_relevant=("z",))


VERDICTS = {
    "passed": Gate()(figures(0.5, 30), figures(0.6, 30), texts={"q001": "usb cable"}),
    "stopped": Gate()(figures(0.6, 30), figures(0.4, 30), texts={"q001": "Grüße 💡"}, incomplete={"q002": "new: late"}),
    "undecided": Gate()(figures(0.6, 2), figures(0.6, 2), texts={}),
    "nothing": Gate()(figures(0.6, 0), figures(0.6, 0), texts={}),
}


@pytest.mark.parametrize("forced", [False, True])
@pytest.mark.parametrize("name", VERDICTS)
def test_a_verdict_comes_back_as_it_went(name: str, forced: bool) -> None:
    verdict = VERDICTS[name].force() if forced else VERDICTS[name]
    body = json.loads(json.dumps(verdict.to_dict()))
    assert Verdict.from_dict(body) == verdict
    assert json.loads(json.dumps(Verdict.from_dict(body).to_dict())) == body
    assert body["passed"] == verdict.passed


def test_force_leaves_what_passes_alone() -> None:
    assert VERDICTS["passed"].outcome is Outcome.PASSED
    assert not VERDICTS["passed"].force().forced
    assert VERDICTS["stopped"].force().forced
    assert VERDICTS["stopped"].force().passed
