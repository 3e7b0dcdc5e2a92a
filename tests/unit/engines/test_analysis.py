"""The reference analysis, by example and by its invariants."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import snowballstemmer
from hypothesis import given, settings
from hypothesis import strategies as st

from multirecall.core.errors import InvalidSettings
from multirecall.engines.analysis import fold, split_words, stem, terms
from multirecall.engines.schema import LANGUAGES


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("?! --", []),
        ("HP LaserJet 4250", ["hp", "laserjet", "4250"]),
        ("Café CAFE\u0301", ["cafe", "cafe"]),
        ("Straße Ærø Łódź", ["strasse", "aero", "lodz"]),
        ("men's men’s kids' rock'n'roll", ["men", "men", "kids", "rocknroll"]),
        ("usb-c 3.5mm a_b x/y", ["usb", "c", "3", "5mm", "a", "b", "x", "y"]),
        ("Ｐｒｉｎｔｅｒ ﬁlter", ["printer", "filter"]),
        ("принтер プリンター 프린터", ["принтер", "プリンター", "프린터"]),
        ("🧪 a\u0000b \ud800", ["a", "b"]),
    ],
)
def test_words_are_folded_runs_of_letters_and_digits(text: str, words: list[str]) -> None:
    assert split_words(text) == words


def test_terms_are_the_stems_of_the_words() -> None:
    oracle = snowballstemmer.stemmer("english")
    text = "Printers printing batteries running generously"
    assert terms(text, "english") == [oracle.stemWord(word) for word in text.lower().split()]
    assert terms(text, "none") == text.lower().split()
    assert terms("Drucker Druckern", "german") == ["druck", "druck"]


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(InvalidSettings, match="klingon"):
        stem("word", "klingon")


def test_the_stemmer_is_shared_by_threads() -> None:
    words = [f"{start}{end}" for start in "bcdfgklmprst" for end in ("unning", "atteries", "rinters", "ational")] * 20
    expected = [snowballstemmer.stemmer("english").stemWord(word) for word in words]
    stem.__globals__["_stems"].cache_clear()
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda word: stem(word, "english"), words)) == expected


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.text(max_size=60))
def test_any_text_gives_clean_words(text: str) -> None:
    for word in split_words(text):
        assert word
        assert "'" not in word
        assert word.isalnum()
        assert word.isascii() or fold(word)
    assert split_words(text) == split_words(f" {text}\n")


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.text(st.characters(max_codepoint=127), max_size=60))
def test_the_short_way_for_ascii_finds_the_same_words(text: str) -> None:
    without = text.replace("'", "")
    assert split_words(without) == split_words(f"{without} é")[:-1]


@settings(derandomize=True, max_examples=50, deadline=None)
@given(st.text(max_size=40), st.sampled_from(LANGUAGES))
def test_terms_do_not_depend_on_their_neighbours(text: str, language: str) -> None:
    assert terms(f"{text} {text}", language) == terms(text, language) * 2
