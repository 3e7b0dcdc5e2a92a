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
from multirecall.service.suggesting.near_words import near_ranges
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
        ("ble", []),  # within a word nothing begins
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


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("cabel", ["Cable ties", "USB-C Cable 2 m"]),  # swapped
        ("cble", ["Cable ties", "USB-C Cable 2 m"]),
        ("caable t", ["Cable ties"]),
        ("cabblee", []),  # two mistakes
        ("kable", ["Straße Kabel"]),  # swapped; the first letter is taken for right
        ("cab", ["Cable ties", "USB-C Cable 2 m"]),
        ("cxb", []),  # too short
        ("cafr creme beens", ["Café Crème beans"]),  # one in each word
        ("cabel ", ["Cable ties", "USB-C Cable 2 m"]),
        ("cabe ", ["Cable ties", "Café Crème beans", "USB-C Cable 2 m"]),
        ("cbae ", []),
    ],
)
def test_one_typing_error_in_a_word_is_forgiven(typed: str, expected: list[str]) -> None:
    assert found(typed) == expected


def test_what_is_spelt_right_comes_first_and_alone_if_it_is_enough() -> None:
    texts = {"toner": 1, "toner black": 2, "tuner": 9}
    assert found("tone", 3, texts) == ["toner black", "toner", "tuner"]
    assert found("tone", 2, texts) == ["toner black", "toner"]


def is_near(typed: str, word: str) -> bool:
    """One edit, by trying them all."""
    letters = set(typed + word)
    places = range(1, len(typed) + 1)
    edits = {typed[:i] + typed[i + 1 :] for i in places[:-1]}
    edits |= {typed[:i] + c + typed[i:] for i in places for c in letters}
    edits |= {typed[:i] + c + typed[i + 1 :] for i in places[:-1] for c in letters}
    edits |= {typed[:i] + typed[i + 1] + typed[i] + typed[i + 2 :] for i in places[:-2]}
    return word in edits


near_letters = st.text("abcé", min_size=1, max_size=6)


@settings(max_examples=200, deadline=None)
@given(st.lists(near_letters, max_size=30, unique=True).map(sorted), st.text("abc", min_size=4, max_size=6))
def test_near_words_are_those_that_trying_every_edit_finds(words: list[str], typed: str) -> None:
    for as_prefix in (True, False):
        ranges = near_ranges(words, typed, as_prefix=as_prefix)
        near = {word for first, last in ranges for word in words[first:last]}
        beginnings = {word: [word[:end] for end in range(1, len(word) + 1)] if as_prefix else [word] for word in words}
        looked = {word for word in words if any(is_near(typed, one) for one in beginnings[word])}
        exact = {word for word in words if (word.startswith(typed) if as_prefix else word == typed)}
        assert near | exact == looked | exact


def test_numbers_are_not_corrected() -> None:
    assert near_ranges(["2055", "cf280x"], "2056", as_prefix=False) == []
    assert near_ranges(["cf280x"], "cf281x", as_prefix=True) == []


words = st.text("abcäé", min_size=1, max_size=4)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.lists(words, min_size=1, max_size=4).map(" ".join), st.integers(1, 5), max_size=15), words)
def test_the_same_is_found_as_by_looking_at_every_text(texts: dict[str, int], typed: str) -> None:
    looked = {
        tuple(folded_words(text))
        for text in texts
        if any(w.startswith(folded_words(typed)[0]) for w in folded_words(text))
    }
    all_found = [tuple(folded_words(text)) for text in found(typed, 50, texts)]
    assert set(all_found[: len(looked)]) == looked
    assert not any(len(folded_words(typed)[0]) < 4 for _ in all_found[len(looked) :])


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
