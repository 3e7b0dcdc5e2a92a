import pytest

from multirecall.core.errors import InvalidSource
from multirecall.evaluation.joining import joined
from multirecall.evaluation.judgments import Judgments
from multirecall.evaluation.queries import JudgedQuery

QUERIES = [
    JudgedQuery(qid="q1", text="USB  Cable"),
    JudgedQuery(qid="q2", text="ups"),
    JudgedQuery(qid="q3", text="Ups"),
    JudgedQuery(qid="q4", text="mouse"),
]


def test_judgments_by_id_stay_as_they_are() -> None:
    found = joined(Judgments(grades={"q1": {"a": 1.0}, "q9": {"a": 2.0}}, n_ungraded=4), QUERIES)
    assert (found.by, found.judgments.grades, found.judgments.n_ungraded) == ("id", {"q1": {"a": 1.0}}, 4)
    assert (found.unknown, found.unjudged) == (("q9",), ("q2", "q3", "q4"))


def test_judgments_by_text_go_to_every_query_of_that_text() -> None:
    found = joined(Judgments(grades={"usb cable": {"a": 1.0}, "UPS": {"b": 2.0}, "printer": {"c": 1.0}}), QUERIES)
    assert (found.by, found.unknown, found.unjudged) == ("text", ("printer",), ("q4",))
    assert found.judgments.grades == {"q1": {"a": 1.0}, "q2": {"b": 2.0}, "q3": {"b": 2.0}}


def test_spellings_of_one_query_may_not_disagree() -> None:
    with pytest.raises(InvalidSource, match="product 'a' has grade 2 and 1"):
        joined(Judgments(grades={"ups": {"a": 1.0}, "UPS": {"a": 2.0}}), QUERIES)


def test_nothing_in_common_is_an_error_with_examples_of_both() -> None:
    with pytest.raises(InvalidSource, match="No judgment belongs") as caught:
        joined(Judgments(grades={"x1": {"a": 1.0}}), QUERIES)
    assert caught.value.hint == "The judgments speak of 'x1'; the queries are 'q1', 'q2', 'q3', …."
