"""What a text clause looks for, the same for every engine."""

from __future__ import annotations

import pytest

from multirecall.engines.base import FieldBoosts, Text
from multirecall.engines.scoring import MAX_WORDS, is_common, sought


def test_words_are_sought_once_by_stem_in_order() -> None:
    words, codes = sought(Text(text="Toner toners HP men's", codes=("b2", "a1", "b2")), "english")
    assert list(words.items()) == [("toner", "toner"), ("hp", "hp"), ("men", "men")]
    assert codes == ["b2", "a1"]
    assert list(sought(Text(text="Toner toners"), "none")[0]) == ["toner", "toners"]


def test_no_more_than_the_most_are_sought() -> None:
    many = Text(text=" ".join(f"w{n}" for n in range(100)), codes=tuple(f"c{n}" for n in range(100)))
    words, codes = sought(many, "english")
    assert list(words.values()) == [f"w{n}" for n in range(MAX_WORDS)]
    assert codes == [f"c{n}" for n in range(MAX_WORDS)]


@pytest.mark.parametrize(
    ("boosts", "found"),
    [
        (FieldBoosts(codes=0), ({"hp": "hp"}, [])),
        (FieldBoosts(title=0, brand=0, category=0, description=0, attributes_text=0), ({}, ["x1"])),
        (FieldBoosts(title=0, brand=0, category=0, description=0), ({"hp": "hp"}, ["x1"])),
    ],
)
def test_what_has_no_boost_is_not_sought(boosts: FieldBoosts, found: tuple[dict[str, str], list[str]]) -> None:
    assert sought(Text(text="hp", codes=("x1",), boosts=boosts), "english") == found


def test_a_lone_surrogate_is_no_word_and_no_code() -> None:
    assert sought(Text(text="\ud800 a\udfffb", codes=("\ud800", "x\ud800")), "none") == ({"a": "a", "b": "b"}, [])


def test_a_word_is_common_from_twenty_products_or_one_in_a_thousand_on() -> None:
    assert not is_common(19, 1_000)
    assert is_common(20, 1_000)
    assert not is_common(999, 1_000_000)
    assert is_common(1_000, 1_000_000)
