"""Rules that leave a route out: what they say, what they decide, and files that are wrong."""

from __future__ import annotations

import json

import pytest

from multirecall.core.errors import InvalidInput, InvalidSettings
from multirecall.recall.policy import Condition, RulePolicy, SkipRule
from multirecall.recall.query_shape import QueryShape
from multirecall.search.understand import understand

NUMBER = Condition(feature="numbers", above=True, threshold=0.5)
SHORT = Condition(feature="words", above=False, threshold=2.5)
POLICY = RulePolicy(
    rules=(SkipRule(route="dense", when=(NUMBER, SHORT)), SkipRule(route="dense", when=(NUMBER,))),
    shape=QueryShape(brands=frozenset({"hp"})),
    card={"fusion": "WeightedSum()"},
)


def test_a_rule_needs_all_of_its_conditions_and_the_first_that_holds_is_named() -> None:
    assert POLICY.skips(understand("toner ce278a")) == {
        "dense": "the route policy leaves it out: 1 word with a digit or more, at most 2 words"
    }
    assert POLICY.skips(understand("hp toner ce278a")) == {
        "dense": "the route policy leaves it out: 1 word with a digit or more"
    }
    assert POLICY.skips(understand("black toner")) == {}


@pytest.mark.parametrize(
    ("feature", "above", "threshold", "says"),
    [
        ("words", True, 2.5, "3 words or more"), ("words", False, 1.5, "at most 1 word"),
        ("numbers", False, 0.5, "no word with a digit"),
        ("part_number", True, 0.5, "with a part number"), ("part_number", False, 0.5, "without a part number"),
        ("foreign", True, 0.5, "in another language"), ("sentence", False, 0.5, "keywords"),
    ],
)  # fmt: skip
def test_a_condition_reads_like_what_it_does(feature: str, above: bool, threshold: float, says: str) -> None:
    assert str(Condition(feature=feature, above=above, threshold=threshold)) == says


def test_a_policy_comes_back_from_its_file() -> None:
    text = POLICY.to_json()
    back = RulePolicy.from_json(text)
    assert back.to_json() == text
    assert (back.rules, back.shape.brands, back.card) == (POLICY.rules, POLICY.shape.brands, POLICY.card)
    for query in ("toner ce278a", "hp toner ce278a", "black toner", ""):
        assert back.skips(understand(query)) == POLICY.skips(understand(query))


def test_a_person_can_write_one() -> None:
    rule = {"route": "dense", "when": [{"feature": "part_number", "above": 0.5}]}
    policy = RulePolicy.from_json(json.dumps({"format": 1, "rules": [rule]}))
    assert set(policy.skips(understand("ce278a"))) == {"dense"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "broken"), ("[]", "broken"), ("{}", "broken"), ('{"format": 2, "rules": []}', "format 2"),
        ('{"format": 1, "rules": [{"route": "dense", "when": []}]}', "1 or 2 conditions"),
        ('{"format": 1, "rules": [{"route": "", "when": [{"feature": "words", "above": 1}]}]}', "needs a route"),
        ('{"format": 1, "rules": [{"route": "dense", "when": [{"feature": "mood", "above": 1}]}]}', "'mood'"),
        ('{"format": 1, "rules": [{"route": "dense", "when": [{"feature": "words"}]}]}', "broken"),
        ('{"format": 1, "rules": [{"route": "dense", "when": [{"feature": "words", "above": "x"}]}]}', "broken"),
        ('{"format": 1, "rules": 7}', "broken"), ('{"format": 1, "rules": [], "card": 7}', "broken"),
    ],
)  # fmt: skip
def test_a_file_that_is_wrong_says_what_is_wrong_and_what_to_do(text: str, why: str) -> None:
    with pytest.raises(InvalidSettings, match=why) as caught:
        RulePolicy.from_json(text)
    assert "routes-report" in caught.value.hint


def test_a_rule_of_three_conditions_is_refused() -> None:
    with pytest.raises(InvalidInput, match="1 or 2"):
        SkipRule(route="dense", when=(NUMBER, SHORT, NUMBER))
