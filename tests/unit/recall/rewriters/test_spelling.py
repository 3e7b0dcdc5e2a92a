from __future__ import annotations

from functools import cache

import pytest

from multirecall.recall.rewriters.spelling import Spelling
from multirecall.recall.rewriters.vocabulary import Vocabulary
from multirecall.recall.rewriting import Rewriter
from tests.unit.recall.rewriters.shop import NEVER, query, said, vocabulary


@cache
def spelling() -> Spelling:
    return Spelling(vocabulary=vocabulary(), known_words=frozenset({"lader"}))


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("tonner cartrige", "toner cartridge"),
        ("logitec wirless keybord", "logitech wireless keyboard"),
        ("cannon lens", "canon lens"),  # a word of everyday English, but not of this shop
        ("kensigton notbook bag", "kensington notebook bag"),
        ("HP Tonner CE505A", "HP toner CE505A"),
        ("drucker patronne", "drucker patrone"),
        ("tonner, black!", "toner, black!"),
        ("buero, Büor", "büro, büro"),
    ],
)
def test_words_are_mended_where_they_stand(typed: str, expected: str) -> None:
    assert said(spelling(), typed) == [expected]


@pytest.mark.parametrize(
    "typed",
    [
        "toner cartridge black", "Büro", "buro",  # known, with and without accents
        "logitech", "kensington", "apc",  # brands
        "ce505a", "CE505X", "ce 505 a", "2tb", "15.6", "HP-7703X", "4001234500001",  # part numbers and sizes
        "birthday gift for daughter", "wedding shoes",  # everyday English, near no word of the shop
        "lader", "zzyzx", "qwfp",  # of another language, of none
        "keyb", "bag", "new", "",  # short, or nothing
        "key board", "note book",  # a space too many is no slip of spelling
        "tonercartridge", "powerbank",  # a space too few neither
        "www.tonner.com", "tonner@hp.com",  # addresses
    ],
)  # fmt: skip
def test_what_is_right_or_not_ours_is_left_alone(typed: str) -> None:
    assert said(spelling(), typed) == []


def test_a_slip_that_the_catalogue_makes_itself_is_still_one() -> None:
    said = {"toner": 500, "tonner": 1, "owner": 40, "towner": 3, "cartridge": 400}
    large = Spelling(vocabulary=Vocabulary(words=said, named=said, n_products=600))
    correction = large.correct("tonner")
    assert correction is not None
    assert correction.meant == "toner"
    assert large.correct("towner") is None  # three products say so
    small = Spelling(vocabulary=Vocabulary(words={**said, "toner": 50}, n_products=60))
    assert small.correct("tonner") is None


def test_how_sure_it_is() -> None:
    (sure,) = spelling().rewrite(query("wirless keyboard"), NEVER)
    (less,) = spelling().rewrite(query("wirless keybord"), NEVER)
    assert sure.log == ("wirless → wireless",)
    assert 0.9 < sure.confidence < 1
    assert less.confidence < sure.confidence
    assert less.by == "spelling"


def test_neighbours_have_a_say() -> None:
    alone, beside = spelling().correct("bnak"), spelling().correct("bnak", before="power")
    assert beside is not None
    assert beside.meant == "bank"
    assert alone is None or alone.confidence < beside.confidence


def test_a_zero_typed_as_o_in_a_part_number() -> None:
    assert said(spelling(), "toner HP77O3X") == ["toner hp7703x"]
    assert said(spelling(), "toner HP77O9Q") == []


def test_a_part_number_in_two_pieces_is_one() -> None:
    said = {"lite": 400}
    lite = Vocabulary(words=said, named=said, codes=frozenset({"lide70"}), n_products=500)
    assert Spelling(vocabulary=lite).correct("lide", after="70") is None
    assert Spelling(vocabulary=lite).correct("lide", after="90") is not None


def test_it_is_a_value() -> None:
    same = Spelling(vocabulary=vocabulary(), known_words=frozenset({"lader"}))
    assert isinstance(same, Rewriter)
    assert same == spelling()
    assert Spelling(vocabulary=vocabulary()) != spelling()
    assert same.fingerprint != Spelling(vocabulary=vocabulary()).fingerprint
