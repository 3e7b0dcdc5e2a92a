from __future__ import annotations

import pytest

from multirecall.recall.rewriters.compounds import Compounds
from tests.unit.recall.rewriters.shop import NEVER, query, said, vocabulary

COMPOUNDS = Compounds(vocabulary=vocabulary(), known_words=frozenset({"tastatur", "maus"}))


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("key board black", "keyboard black"),
        ("note book bag", "notebook bag"),
        ("powerbank", "power bank"),
        ("tonercartridge hp", "toner cartridge hp"),
        ("druckerpatrone", "drucker patrone"),
        ("druckertastatur", "drucker tastatur"),  # a part that another language knows
        ("ce 505 a toner", "ce505a toner"),
        ("CE-505 A", "ce505a"),
        ("hp 7703 x", "hp7703x"),
    ],
)
def test_words_are_written_as_the_catalogue_does(typed: str, expected: str) -> None:
    assert said(COMPOUNDS, typed) == [expected]


@pytest.mark.parametrize(
    "typed",
    [
        "power bank", "keyboard", "toner cartridge", "",  # so already
        "logitech", "kensington",  # a brand is not split
        "tastatur",  # known
        "ce505a", "2 tb", "15.6 inch",  # a part number, sizes
        "lens bag", "lensbagx",  # no such word
    ],
)  # fmt: skip
def test_the_rest_is_left_alone(typed: str) -> None:
    assert said(COMPOUNDS, typed) == []


def test_what_was_done_is_told_and_how_sure_it_is() -> None:
    (seen,) = COMPOUNDS.rewrite(query("key board powerbank"), NEVER)
    assert seen.log == ("key board → keyboard", "powerbank → power bank")
    (unseen,) = COMPOUNDS.rewrite(query("backpacktoner"), NEVER)
    assert unseen.text == "backpack toner"
    assert unseen.confidence < seen.confidence
    assert Compounds(vocabulary=vocabulary()).fingerprint != COMPOUNDS.fingerprint
