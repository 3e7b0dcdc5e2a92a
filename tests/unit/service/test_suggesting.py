"""Completions: words by their beginnings, anywhere, without case and accents, the most frequent first; bounded."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multirecall.core.errors import EngineUnavailable
from multirecall.service.suggesting import Completions, Suggester, Suggestion, SuggestionKind, read_texts
from multirecall.service.suggesting.completions import folded_words
from multirecall.service.suggesting.reading import frequent_queries
from tests.unit.service.shop import filled_engine

TITLE = SuggestionKind.TITLE
TEXTS = {"USB-C Cable 2 m": 1, "Café Crème beans": 4, "Cable ties": 9, "usb hub": 3, "Straße Kabel": 2}


def found(typed: str, size: int = 10, texts: dict[str, int] = TEXTS) -> list[str]:
    completions = Completions(Suggestion(text, TITLE, count) for text, count in texts.items())
    return [one.text for one in completions.find(typed, size)]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("cab", ["Cable ties", "USB-C Cable 2 m"]),
        ("CABLE u", ["USB-C Cable 2 m"]),  # in any order
        ("usb c", ["USB-C Cable 2 m"]),
        ("us", ["usb hub", "USB-C Cable 2 m"]),
        ("cafe cre", ["Café Crème beans"]),
        ("café", ["Café Crème beans"]),
        ("strasse", ["Straße Kabel"]),
        ("cab ", []),  # the word has ended, and is none
        ("cable ", ["Cable ties", "USB-C Cable 2 m"]),
        ("2", ["USB-C Cable 2 m"]),
        ("able", []),  # within a word nothing begins
        ("", []),
        ("-- !", []),
        ("\ud800", []),
    ],
)
def test_texts_are_found_by_the_beginnings_of_their_words(typed: str, expected: list[str]) -> None:
    assert found(typed) == expected


def test_the_most_frequent_come_first_and_no_more_than_asked() -> None:
    assert found("c", 2) == ["Cable ties", "Café Crème beans"]


def test_texts_that_read_the_same_are_one_the_most_frequent() -> None:
    completions = Completions(
        [
            Suggestion("Toner", SuggestionKind.CATEGORY, 3),
            Suggestion("toner", SuggestionKind.QUERY, 9),
            Suggestion("TONER!", TITLE, 1),
        ]
    )
    assert completions.find("ton", 5) == [Suggestion("toner", SuggestionKind.QUERY, 9)]


words = st.text("abcäé", min_size=1, max_size=4)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.lists(words, min_size=1, max_size=4).map(" ".join), st.integers(1, 5), max_size=15), words)
def test_the_same_is_found_as_by_looking_at_every_text(texts: dict[str, int], typed: str) -> None:
    looked = {
        tuple(folded_words(text))
        for text in texts
        if any(w.startswith(folded_words(typed)[0]) for w in folded_words(text))
    }
    assert {tuple(folded_words(text)) for text in found(typed, 50, texts)} == looked


def test_brands_categories_and_titles_of_an_index_are_counted() -> None:
    with filled_engine() as engine:
        texts = {(one.kind.value, one.text): one.count for one in read_texts(engine, "products-000001", max_texts=10)}
        few = list(read_texts(engine, "products-000001", max_texts=1))
    assert texts["brand", "HP"] == 2
    assert texts["category", "Printing"] == 3
    assert texts["title", "Black toner"] == 1
    assert sorted(one.kind.value for one in few) == ["brand", "category", "title"]


def test_rare_queries_are_suggested_to_nobody() -> None:
    asked = ["usb  cable", "USB cable", "usb cable", "john doe 1 main street"]
    assert list(frequent_queries(asked, min_count=3, max_texts=10)) == [
        Suggestion("usb cable", SuggestionKind.QUERY, 3)
    ]


class Source:
    """What a suggester reads, and how often it did."""

    def __init__(self) -> None:
        self.generation, self.read, self.broken = "i-1", 0, False

    def __call__(self, index: str) -> Iterator[Suggestion]:
        self.read += 1
        if self.broken:
            raise EngineUnavailable("down")
        yield Suggestion(f"text of {index}", TITLE, 1)


def test_texts_are_read_anew_for_another_index_and_after_a_while_and_kept_if_they_cannot_be() -> None:
    source, now = Source(), [1000.0]
    suggester = Suggester(source, generation=lambda: source.generation, every_s=60, clock=lambda: now[0])

    def text() -> str:
        suggester.refresh()
        return ", ".join(one.text for one in suggester.find("text", 5))

    assert text() == text() == "text of i-1"
    assert source.read == 1
    now[0] += 61
    assert text() == "text of i-1"
    assert source.read == 2
    source.generation, source.broken = "i-2", True
    assert text() == "text of i-1"
    source.broken = False
    assert text() == "text of i-2"
    assert suggester.generation == "i-2"
    assert threading.active_count() < 50
