from __future__ import annotations

import pytest

from multirecall.core.errors import InvalidInput
from multirecall.evaluation.judgments import Judgments
from multirecall.evaluation.queries import JudgedQuery
from multirecall.training.graded.groups import GradedGroup, graded_groups
from multirecall.training.graded.scales import FOUR_GRADES, SAME, three_levels


def _query(qid: str, text: str, **columns: str) -> JudgedQuery:
    return JudgedQuery(qid=qid, text=text, columns=columns)


def test_each_kind_of_bad_data_is_reported_with_its_rows_and_the_rest_is_kept() -> None:
    queries = [
        _query("a", "black  Toner"),
        _query("b", "Black toner"),  # the same text
        _query("c", "desk"),  # no judgment
        _query("d", "lamp"),
    ]
    judgments = Judgments(
        grades={
            "a": {"p1": 3, "p2": 0, "p3": 1},
            "b": {"p1": 2, "p2": 0, "gone": 3},
            "d": {"p1": 3, "p4": 3},
            "z": {"p1": 1},
        }
    )
    data = graded_groups(queries, judgments, catalogue={"p1", "p2", "p3", "p4"})
    assert [(one.qid, one.products, one.grades) for one in data.groups] == [
        ("a", ("p2", "p3"), (0, 1)),
        ("d", ("p1", "p4"), (3, 3)),
    ]
    assert data.groups[0].query == "black  Toner"
    rows = {finding.kind: (finding.count, finding.rows) for finding in data.report.findings}
    assert rows == {
        "contradictory": (1, ("'black  Toner', product p1: 3 (qid a), 2 (qid b)",)),
        "unknown_product": (1, ("qid b 'Black toner', product gone",)),
        "unknown_query": (1, ("qid z: 1 judgments, and no such query",)),
        "no_judgment": (1, ("qid c 'desk'",)),
        "one_level": (1, ("qid d 'lamp': all 2 products have level 3",)),
    }
    assert data.report.by_level == {0: 1, 1: 1, 3: 2}
    assert (data.report.groups, data.report.ordered_groups, data.report.pairs) == (2, 1, 4)
    assert sum(line.startswith("  ") for line in data.report.lines()) == 5


def test_only_the_first_rows_are_kept_but_all_are_counted() -> None:
    queries = [_query(str(at), f"query {at}") for at in range(25)]
    data = graded_groups(queries, Judgments(grades={"0": {"p": 3, "q": 0}}))
    (finding,) = data.report.findings
    assert (finding.kind, finding.count, len(finding.rows)) == ("no_judgment", 24, 10)
    assert data.report.lines()[-1] == "  and 14 more"


def test_a_text_in_two_splits_is_refused_with_its_row() -> None:
    queries = [_query("a", "lamp", split="train"), _query("b", "LAMP", split="test")]
    with pytest.raises(InvalidInput, match=r"'lamp' is in train \(qid a\), test \(qid b\)") as caught:
        graded_groups(queries, Judgments(grades={"a": {"p": 3, "q": 0}, "b": {"p": 3}}))
    assert caught.value.data["field"] == "split"


@pytest.mark.parametrize("grade", [4.0, 1.5])
def test_a_grade_off_the_scale_is_refused_with_its_row(grade: float) -> None:
    with pytest.raises(InvalidInput, match=f"product p: grade {grade:g}") as caught:
        graded_groups([_query("a", "lamp")], Judgments(grades={"a": {"p": grade, "q": 0}}))
    assert caught.value.data["rows"]


def test_nothing_to_learn_is_refused() -> None:
    with pytest.raises(InvalidInput, match="No query has a judgment"):
        graded_groups([_query("a", "lamp")], Judgments(grades={"b": {"p": 3}}))
    one_level = graded_groups([_query("a", "lamp")], Judgments(grades={"a": {"p": 3}}))
    with pytest.raises(InvalidInput, match="no order to learn"):
        one_level.report.raise_if_unordered()


def test_levels_follow_the_scale_and_the_switch_for_complements() -> None:
    queries = [_query("a", "lamp", **{"class": "head"}), _query("b", "x-100", **{"class": "model"})]
    graded = {"p3": 3, "p2": 2, "p1": 1, "p0": 0}
    judgments = Judgments(grades={"a": graded, "b": graded})

    def levels(scale: object) -> list[tuple[int, ...]]:
        return [one.grades for one in graded_groups(queries, judgments, scale=scale).groups]  # type: ignore[arg-type]

    assert levels(FOUR_GRADES) == [(0, 1, 2, 3)] * 2
    assert levels(three_levels()) == [(0, 1, 1, 2)] * 2
    assert levels(three_levels(complements=0)) == [(0, 0, 1, 2)] * 2
    assert levels(three_levels(exact_need=frozenset({"model"}))) == [(0, 1, 1, 2), (0, 0, 1, 2)]
    assert (FOUR_GRADES.n_levels, SAME.n_levels, three_levels().n_levels) == (4, 3, 3)


def test_weights_are_brought_to_one_and_the_least_sure_counts() -> None:
    queries = [_query("a", "lamp"), _query("b", "Lamp")]
    judgments = Judgments(grades={"a": {"p": 3, "q": 0}, "b": {"p": 3}})
    weights = {"a": {"p": 40.0, "q": 10.0}, "b": {"p": 20.0}}
    (group,) = graded_groups(queries, judgments, weights=weights).groups
    assert [group.weight(at) for at in range(2)] == [20 / 40, 10 / 40]


@pytest.mark.parametrize(
    "wrong",
    [
        {"query": " "},
        {"grades": (1,)},
        {"weights": (1.0,)},
        {"products": ("p", "p")},
        {"grades": (1, -1)},
        {"weights": (1.0, 1.5)},
    ],
)
def test_a_group_without_sense_cannot_be_made(wrong: dict[str, object]) -> None:
    values = {"query": "lamp", "qid": "a", "products": ("p", "q"), "grades": (2, 0)} | wrong
    with pytest.raises(InvalidInput, match="'a'"):
        GradedGroup(**values)  # type: ignore[arg-type]
