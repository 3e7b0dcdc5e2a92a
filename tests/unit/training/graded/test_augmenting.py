from __future__ import annotations

import re

from rapidfuzz.distance import OSA

from multirecall.evaluation.testbed.draws import Dice
from multirecall.training.graded.augmenting import slipped, with_slips
from tests.unit.training.graded.groups import group

TEXTS = ("black toner 12x15cm", "usb-c cable 3m", "samsung galaxy s21 case", "Größe XXL jacke", "hp laserjet m404dn")


def test_every_slip_is_one_edit_in_a_word_without_a_digit() -> None:
    seen = set()
    for at in range(400):
        text = TEXTS[at % len(TEXTS)]
        wrong = slipped(text, Dice(1, str(at)))
        assert wrong is not None
        assert OSA.distance(text, wrong) == 1
        kept = [token for token in text.split() if re.search(r"\d", token) or token in ("XXL", "hp")]
        assert [token for token in wrong.split() if token in kept] == kept
        seen.add(wrong)
    assert len(seen) > 150


def test_all_five_slips_are_made_and_no_other() -> None:
    made = {slipped("oven", Dice(2, str(at))) for at in range(300)}
    kinds = {
        "left out": {"ven", "oen", "ovn", "ove"},
        "swapped": {"voen", "oevn", "ovne"},
        "doubled": {"ooven", "ovven", "oveen", "ovenn"},
        "another vowel": {"aven", "even", "iven", "uven", "ovan", "ovin", "ovon", "ovun"},
        # On the keyboard: o has i, p, k, l; v has c, b, f, g; e has w, r, s, d; n has b, m, h, j.
        "neighbour": {*(f"{c}ven" for c in "ipkl"), *(f"o{c}en" for c in "cbfg"), *(f"ov{c}n" for c in "wrsd"),
                      *(f"ove{c}" for c in "bmhj")},
    }  # fmt: skip
    assert made <= set().union(*kinds.values())
    assert {name for name, texts in kinds.items() if texts & made} == set(kinds)


def test_what_cannot_slip_does_not() -> None:
    assert [slipped(text, Dice(0, "x")) for text in ("12x15", "xl", "q2612a", "3 xxl", "")] == [None] * 5


def test_copies_are_added_behind_and_say_whose_they_are() -> None:
    groups = [group(f"q{at}", f"desk lamp {at}", 2, 1, 0, **{"class": "head"}) for at in range(200)]
    augmented = with_slips(groups, seed=4)
    assert augmented[:200] == groups
    copies = augmented[200:]
    assert 40 < len(copies) < 80  # 60 expected; 3 standard deviations are 19
    for copy in copies:
        original = groups[int(copy.original[1:])]
        assert copy.qid == f"{original.qid}~slip"
        assert (copy.products, copy.grades, copy.columns) == (original.products, original.grades, original.columns)
        assert copy.query != original.query
    assert with_slips(groups[::-1], seed=4)[200:] == copies[::-1]
    again = with_slips(augmented, share=1.0, seed=9)[len(augmented) :]
    assert again
    assert not any(copy.original.endswith("~slip") for copy in again)


def test_short_queries_are_left_alone_and_no_text_comes_twice() -> None:
    assert with_slips([group("a", "pen")], share=1.0, seed=0) == [group("a", "pen")]
    clean = group("a", "oven")
    (_, copy) = with_slips([clean], share=1.0, seed=0)
    other = group("b", copy.query)
    assert copy not in with_slips([clean, other], share=1.0, seed=0)
