from __future__ import annotations

import math

import pytest

from multirecall.recall.rewriters.mining import BracketMiner, Judged, explanations, log_likelihood, mine_judgments
from multirecall.recall.rewriters.vocabulary import Vocabulary
from tests.unit.recall.rewriters.shop import KINDS, records, vocabulary


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("APC uninterruptible power supply (UPS) 700", [("ups", "uninterruptible power supply")]),
        ("with ADF (automatic document feeder)", [("adf", "automatic document feeder")]),
        ("a Wake-on-LAN (WOL) card", [("wol", "wake-on-lan")]),
        ("power supplies (UPSs)", []),
        ("toner (black), ink (USB)", []),
        ("hard disk (hd)", []),  # an abbreviation is in capitals
    ],
)
def test_explanations_in_brackets(text: str, expected: list[tuple[str, str]]) -> None:
    assert list(explanations(text)) == expected


def test_what_two_products_explain_is_a_synonym_both_ways() -> None:
    miner = BracketMiner()
    assert len(list(miner.hear(records()))) == sum(times for _, _, times, _ in KINDS)
    times = next(times for title, _, times, _ in KINDS if "(UPS)" in title)
    short, long = miner.found()
    assert (short.said, short.meant, short.source) == ("ups", "uninterruptible power supply", "brackets")
    assert (long.said, long.meant, long.evidence) == ("uninterruptible power supply", "ups", times)
    assert short.confidence == round(0.9 * times / (times + 1), 3)
    once = BracketMiner()
    list(once.hear([*records()[:1], {"title": "light bar (LB)"}]))
    assert once.found() == []


def test_words_of_queries_and_of_what_answers_them() -> None:
    judged = [Judged(text=f"rucksack {x}", titles=(f"Hama backpack {x}", f"Case backpack {x}")) for x in "abcdef"]
    judged += [Judged(text=f"bag {x}", titles=(f"Notebook bag {x}",)) for x in "abcdefghijkl"]
    judged += [Judged(text="cheap bag", titles=("Notebook bag",)), Judged(text="nothing", titles=())]
    (found,) = mine_judgments(judged, vocabulary())
    assert (found.said, found.meant, found.evidence, found.source) == ("rucksack", "backpack", 6, "judgments")
    assert found.confidence == round(6 / 7, 3)


def test_too_little_is_no_evidence_and_brands_are_no_synonyms() -> None:
    twice = [Judged(text="rucksack", titles=("backpack",))] * 2 + [Judged(text="bag", titles=("bag",))] * 9
    assert mine_judgments(twice, vocabulary()) == []
    brand = [Judged(text="rucksack", titles=("Logitech",))] * 6 + [Judged(text="bag", titles=("bag",))] * 9
    assert mine_judgments(brand, vocabulary()) == []
    assert (
        len(
            mine_judgments([Judged(text=one.text, titles=("backpack",)) for one in brand[:6]] + brand[6:], vocabulary())
        )
        == 1
    )


def test_words_of_the_catalogue_must_stand_beside_the_same_words() -> None:
    judged = [Judged(text="laptop", titles=("notebook ddr",))] * 6 + [Judged(text="bag", titles=("bag",))] * 9
    assert {one.meant for one in mine_judgments(judged, vocabulary())} == {"notebook", "ddr"}  # laptop is not known
    beside = {("laptop", "bag"): 2, ("laptop", "sleeve"): 2, ("notebook", "bag"): 2, ("notebook", "sleeve"): 2}
    known = Vocabulary(words={"laptop": 4, "notebook": 4, "ddr": 4}, pairs={**beside, ("ddr", "memory"): 2})
    assert [one.meant for one in mine_judgments(judged, known)] == ["notebook"]


def test_log_likelihood() -> None:
    assert log_likelihood(10, 90, 10, 90) == pytest.approx(0)
    n = 20
    assert log_likelihood(n, 0, 0, n) == pytest.approx(2 * 2 * n * math.log(2))  # each row is one bit
