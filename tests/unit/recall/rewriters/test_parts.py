"""Needs of several parts: what is taken apart, and what is left as it was typed."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multirecall.core.filters import Term
from multirecall.core.rewriting import MAX_REWRITING_CHARS
from multirecall.recall.rewriters.knowledge import Concept, built_in_concepts
from multirecall.recall.rewriters.parts import Parts
from multirecall.recall.rewriters.vocabulary import learn_vocabulary
from multirecall.search.understand import understand
from tests.unit.recall.rewriters.shop import NEVER, said

CONCEPTS = (
    Concept(key="hot", kind="question", say=("my laptop gets too hot",), find=("notebook cooling pad",)),
    Concept(key="back", kind="question", say=("my back hurts", "sore spine"), find=("ergonomic office chair",)),
)
TITLES = (
    "Acme wireless keyboard", "Acme wireless mouse", "photo printer", "label printer", "Acme ink cartridge",
    "Acme toner cartridge", "vga adapter usb-c to vga", "usb cable", "laptop bag leather", "charger for laptop bag",
)  # fmt: skip
KINDS = ("Keyboards", "Mice", "Ink & Toner Cartridges", "Photo Printers", "Laptop Bags", "Chargers")


@cache
def parts() -> Parts:
    records = [
        {"title": title, "brand": "Canon", "category_path": ["Office", KINDS[at % len(KINDS)]]}
        for at, title in enumerate(TITLES * 18)
    ]
    return Parts(concepts=CONCEPTS, vocabulary=learn_vocabulary(records))


@pytest.mark.parametrize(
    ("query", "texts"),
    [
        ("Keyboard and mouse for a hospital", ["keyboard", "mouse"]),
        ("a wireless keyboard and a mouse", ["wireless keyboard", "wireless mouse"]),
        ("ink, toner cartridge", ["ink cartridge", "toner cartridge"]),
        ("laptop bag with a charger", ["laptop bag", "charger"]),
        ("printer for photos and labels", ["label printer", "photo printer"]),
        ("connect macbook to old vga projector", ["usb-c to vga adapter"]),
        ("how do i plug my printer into the pc", ["usb cable"]),
        ("my laptop gets too hot and my back hurts", ["ergonomic office chair", "notebook cooling pad"]),
    ],
)
def test_a_need_of_several_parts_is_taken_apart(query: str, texts: list[str]) -> None:
    assert said(parts(), query) == texts


@pytest.mark.parametrize(
    "query",
    [
        "keyboard",
        "wireless mouse",
        "toner cartridge for canon",  # a brand
        "keyboard and mouse k350",  # a digit
        "CE505A and CE505X",
        "keyboard with backlight",  # not a thing: a property
        "black and white printer",
        "love and happiness",
        "vga to usb-c adapter",  # names the product
        "connect my hopes to my dreams",
        "my laptop gets too hot",  # one need: for `knowledge`
        "keyboard " * 30,
        "and and and",
        ", & +",
    ],
)
def test_what_is_of_one_piece_is_left_alone(query: str) -> None:
    assert said(parts(), query) == []


def test_each_part_says_how_sure_it_is_and_why() -> None:
    bag, charger = parts().rewrite(understand("laptop bag with a charger"), NEVER)
    assert bag.confidence > charger.confidence
    assert (bag.by, bag.log) == ("parts", ("the thing itself → laptop bag",))
    assert charger.log == ("what comes with it → charger",)


def test_a_filter_stays_the_querys_and_characters_of_syntax_stay_text() -> None:
    query = understand("keyboard:* and (mouse) for NOT {hospital}", filter=Term(field="brand", value="Acme"))
    assert said(parts(), query.text) == ["keyboard", "mouse"]
    assert query.filter == Term(field="brand", value="Acme")


def test_another_vocabulary_and_other_concepts_are_another_rewriter() -> None:
    other = Parts(concepts=CONCEPTS[:1], vocabulary=parts().vocabulary)
    assert other.fingerprint != parts().fingerprint
    assert parts() == Parts(concepts=CONCEPTS, vocabulary=parts().vocabulary)


def test_built_in_concepts_tell_things_from_other_words() -> None:
    built_in = Parts(concepts=built_in_concepts(), vocabulary=parts().vocabulary)
    assert said(built_in, "mouse and cable") == ["cable", "mouse"]


@settings(max_examples=200)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(["connect", "to", "and", "with", "for", "keyboard", "mouse", "old", "tv", ","]), st.text()
        ),
        max_size=12,
    )
)
def test_whatever_is_typed_gives_texts_or_nothing(words: list[str]) -> None:
    found = parts().rewrite(understand(" ".join(words)), NEVER)
    assert len(found) <= 4
    assert all(0.0 < one.confidence < 1.0 and len(one.text) <= MAX_REWRITING_CHARS for one in found)
    assert len({one.text for one in found}) == len(found)
