from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from multirecall.core.errors import InvalidInput
from multirecall.training.graded.duplicates import Duplicates
from multirecall.training.graded.groups import GradedGroup
from multirecall.training.graded.mining import AllIrrelevant, Mined, MiningRules, mine
from multirecall.training.graded.recalling import ExactRecall
from multirecall.training.graded.thresholds import Thresholds

THRESHOLDS = Thresholds(medians=(0.2, 0.5, 0.8), above=(0.35, 0.65))
COSINES = {
    "good": 0.9, "good low": 0.1, "part": 0.5, "part high": 0.7, "part low": 0.3,
    "bad": 0.15, "bad high": 0.85, "bad far": 0.05,
    "new good": 0.6, "new bad": 0.75, "new unsure": 0.74, "new copy": 0.73, "by words": 0.02,
}  # fmt: skip
GROUP = GradedGroup(
    query="toner",
    qid="q1",
    products=("good", "good low", "part", "part high", "part low", "bad", "bad high", "bad far"),
    grades=(2, 2, 1, 1, 1, 0, 0, 0),
    columns={"class": "head"},
)


class Teacher:
    """Says what it was told to; remembers what it was asked."""

    n_levels = 3
    fingerprint = "teacher"

    def __init__(self, said: Mapping[str, Sequence[float]]) -> None:
        self.said = said
        self.asked: list[tuple[str, str]] = []

    def grade(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        self.asked += pairs
        return np.array([self.said[product] for _, product in pairs]).reshape(-1, 3)


TEACHER_SAYS = {
    "new good": (0.1, 0.1, 0.8),
    "new bad": (0.7, 0.2, 0.1),
    "new unsure": (0.45, 0.40, 0.15),
    "new copy": (1.0, 0.0, 0.0),
    "by words": (0.05, 0.05, 0.9),
}


def _recall() -> ExactRecall:
    vectors = np.array([[cosine, (1 - cosine**2) ** 0.5] for cosine in COSINES.values()], dtype=np.float32)
    return ExactRecall(list(COSINES), vectors, lambda texts: np.tile(np.array([[1, 0]], np.float32), (len(texts), 1)))


def _mined(teacher: Teacher | AllIrrelevant, **rules: int) -> Mined:
    return mine(
        [GROUP],
        _recall(),
        thresholds=THRESHOLDS,
        annotator=teacher,
        lexical=[["by words", "good"]],
        duplicates=Duplicates({"good": "HP black toner", "new copy": "Black toner, HP"}),
        rules=MiningRules(**{"k": 8, "deep": 4, **rules}),
    )


def test_what_is_wrong_by_rank_or_score_is_kept_with_levels_and_how_sure_they_are() -> None:
    teacher = Teacher(TEACHER_SAYS)
    found = _mined(teacher)
    # By cosine: good, bad high, new bad, new unsure | new copy, part high, new good, part.
    assert teacher.asked == [("toner", one) for one in ("new bad", "new unsure", "by words", "new good")]
    (group,) = found.groups
    assert (group.query, group.qid, group.columns) == ("toner", "q1", {"class": "head"})
    kept = dict(zip(group.products, zip(group.grades, group.weights, strict=True), strict=True))
    assert kept == {
        "good low": (2, 1.0),  # below the threshold
        "by words": (2, pytest.approx(0.9)),  # found by words, graded anew
        "new good": (2, pytest.approx(0.8)),  # at rank 7 of more than 4
        "part high": (1, 1.0),
        "part low": (1, 1.0),
        "bad high": (0, 1.0),
        "new bad": (0, pytest.approx(0.7)),
        "bad": (0, 1.0),  # original negatives
        "bad far": (0, 1.0),
    }
    report = found.report
    assert report.kept == {"hard_positive": 3, "hard_negative": 2, "crossing": 2, "original": 2, "filled": 0}
    # Among the first 4, two are unjudged: one is irrelevant, of the other nothing is sure.
    assert (report.annotated, report.unlabelled, report.relevant, report.unsure, report.duplicates) == (4, 1, 0, 1, 1)


def test_of_the_first_products_without_a_label_the_relevant_ones_are_counted() -> None:
    report = _mined(Teacher(TEACHER_SAYS), deep=8).report
    assert (report.unlabelled, report.relevant) == (2, 1)
    assert report.false_negative_share == 1 / 2


def test_the_most_wrong_come_first() -> None:
    (group,) = _mined(Teacher(TEACHER_SAYS), per_kind=1, originals=0).groups
    assert group.products == ("by words", "part high", "bad high")


def test_without_an_annotator_what_nobody_judged_is_irrelevant() -> None:
    (group,) = _mined(AllIrrelevant(3)).groups
    assert {"new good", "new bad"} <= set(group.of_level(0))
    assert "by words" not in group.products  # neither high nor an original


def test_a_level_of_which_nothing_is_hard_keeps_what_was_judged() -> None:
    easy = GradedGroup(query="toner", qid="q1", products=("good", "part", "bad far"), grades=(2, 1, 0))
    found = mine(
        [easy], _recall(), thresholds=THRESHOLDS, annotator=AllIrrelevant(3), rules=MiningRules(max_annotated=0)
    )
    assert found.groups[0].products == ("good", "part", "bad far")
    assert found.report.kept == {
        "hard_positive": 0, "hard_negative": 1, "crossing": 0, "original": 0, "filled": 2
    }  # fmt: skip


def test_a_query_without_two_levels_gives_no_group() -> None:
    one_level = GradedGroup(query="toner", qid="q1", products=("bad", "not in the catalogue"), grades=(0, 2))
    rules = MiningRules(max_annotated=0)
    found = mine([one_level], _recall(), thresholds=THRESHOLDS, annotator=AllIrrelevant(3), rules=rules)
    assert found.groups == ()


def test_levels_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InvalidInput, match="4 levels, the thresholds 3"):
        mine([GROUP], _recall(), thresholds=THRESHOLDS, annotator=AllIrrelevant(4))
    with pytest.raises(InvalidInput, match="1 lists of lexical hits for 2"):
        mine([GROUP] * 2, _recall(), thresholds=THRESHOLDS, annotator=AllIrrelevant(3), lexical=[[]])
