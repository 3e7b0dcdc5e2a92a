from __future__ import annotations

import dataclasses

import pytest

from multirecall.core.errors import InvalidInput
from multirecall.training.clicks.log import ClickLog
from multirecall.training.clicks.rejects import Rejects
from multirecall.training.clicks.tally import Tally
from multirecall.training.graded.audit import AuditRule, audit
from multirecall.training.graded.groups import GradedGroup


def _log(shown: dict[tuple[str, str, int], tuple[int, int]]) -> ClickLog:
    """Impressions and clicks by (query, product, position)."""
    tally = Tally()
    for (query, product, position), (impressions, clicks) in shown.items():
        for at in range(impressions):
            tally.add(
                qid=query, text=query, product=product, position=position, clicked=at < clicks, carted=False,
                purchased=False,
            )  # fmt: skip
    tally.end_file()
    with Rejects(None) as rejects:
        return tally.log(lines=0, ignored=0, rejects=rejects)


USUAL = {(f"q{at}", "p", 1): (100, 20 + at) for at in range(30)}
"""Rates of 20% to 49% at the first position."""


def test_what_clicks_contradict_is_flagged_with_its_reason() -> None:
    log = _log(
        USUAL
        | {
            ("Lamp", "loved", 1): (60, 50),  # labelled 0
            ("Lamp", "fine", 1): (60, 20),
            ("Lamp", "hated", 1): (60, 1),  # labelled 2
            ("Lamp", "seldom loved", 1): (19, 19),  # too few impressions for an opinion
            ("Lamp", "seldom hated", 1): (49, 0),
            ("Lamp", "middle", 1): (60, 59),  # labelled 1: clicks say nothing against it
        }
    )
    group = GradedGroup(
        query="lamp",
        qid="a",
        products=("loved", "fine", "hated", "seldom loved", "seldom hated", "middle", "never shown"),
        grades=(0, 0, 2, 0, 2, 1, 0),
    )
    flags = audit([group], log, top=2)
    assert [(flag.query, flag.product, flag.level) for flag in flags] == [("Lamp", "loved", 0), ("Lamp", "hated", 2)]
    loved, hated = flags
    mean = log.clicks.sum() / log.impressions.sum()
    assert loved.rate == pytest.approx((50 + 10 * mean) / (60 + 10))
    assert hated.rate == pytest.approx((1 + 10 * mean) / (60 + 10))
    assert loved.reason.startswith("level 0, but 50 clicks in 60 impressions at position 1: 0.7")
    assert "above the 0." in loved.reason
    assert "below the 0." in hated.reason


def test_rates_are_compared_within_their_place_on_the_page() -> None:
    low = {(f"q{at}", "p", 30): (100, at % 3) for at in range(30)}
    group = GradedGroup(query="lamp", qid="a", products=("top", "deep"), grades=(0, 0))
    log = _log(USUAL | low | {("lamp", "top", 1): (100, 15), ("lamp", "deep", 30): (100, 15)})
    (flag,) = audit([group], log, top=2)
    assert (flag.product, flag.positions) == ("deep", "positions 21 and below")


def test_a_pair_is_flagged_once_where_it_is_doubted_most() -> None:
    second = {(f"q{at}", "p", 3): (100, 10) for at in range(30)}
    group = GradedGroup(query="lamp", qid="a", products=("x",), grades=(0,))
    log = _log(USUAL | second | {("lamp", "x", 1): (100, 60), ("lamp", "x", 3): (100, 60)})
    (flag,) = audit([group], log, top=2)
    assert flag.positions == "positions 2 to 3"


def test_a_place_that_hardly_anything_was_shown_at_says_nothing() -> None:
    group = GradedGroup(query="lamp", qid="a", products=("x",), grades=(0,))
    log = _log({**dict(list(USUAL.items())[:10]), ("lamp", "x", 1): (100, 100)})
    assert audit([group], log, top=2) == []
    (flag,) = audit([group], log, top=2, rule=AuditRule(least_pairs=10))
    assert flag.product == "x"


@pytest.mark.parametrize("wrong", [{"low": 0.9, "high": 0.1}, {"bands": (2, 3)}, {"bands": (1, 5, 4)}, {"bands": ()}])
def test_a_rule_without_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidInput, match="low < high"):
        dataclasses.replace(AuditRule(), **wrong)
