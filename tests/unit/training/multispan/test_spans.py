"""Spans of titles: literal, by importance, with what is known kept whole."""

from __future__ import annotations

import math

from multirecall.training.multispan.spans import learn_phrases, phrases_of, words_of

TITLES = [
    "Acme Laser Toner for LaserJet 4250, black",
    "Acme Laser Toner for LaserJet 1320, black",
    "Acme Desk Lamp with dimmer (white)",
    "Brother Laser Toner yellow",
]


def cut(title: str, known: tuple[str, ...] = ()) -> list[str]:
    words = words_of(title)
    return [" ".join(words[a:b]) for a, b in phrases_of(words, frozenset(words_of(text) for text in known))]


def test_phrases_break_at_function_words_marks_and_after_four_words() -> None:
    assert cut(TITLES[0]) == ["acme laser toner", "laserjet 4250,", "black"]
    assert cut(TITLES[2]) == ["acme desk lamp", "dimmer", "(white)"]
    assert cut("one two three four five six") == ["one two three four", "five six"]
    assert cut("") == []
    assert cut("for the - ") == []


def test_known_phrases_stay_whole_the_longest_first() -> None:
    assert cut(TITLES[0], ("Acme", "laser", "laser toner")) == ["acme", "laser toner", "laserjet 4250,", "black"]


def test_the_most_important_spans_are_rare_and_near_to_the_query() -> None:
    phrases = learn_phrases(TITLES, ["Acme", "laser toner"])
    assert phrases.titles_with["laser", "toner"] == 3
    plain = phrases.spans(TITLES[0], "")
    assert plain[0] == "laserjet 4250"
    assert set(plain) == {"acme", "laser toner", "laserjet 4250", "black"}
    asked = phrases.spans(TITLES[0], "laser toner", m=2)
    idf = {"laser toner": math.log(4 / 3), "laserjet 4250,": math.log(4), "black": math.log(2)}
    assert idf["laserjet 4250,"] * 0.3 > idf["laser toner"] * 1.0 > idf["black"] * 0.3
    assert asked == ["laserjet 4250", "laser toner"]


def test_every_span_stands_in_the_title() -> None:
    phrases = learn_phrases(TITLES)
    for title in TITLES:
        for span in phrases.spans(title, "toner lamp"):
            assert f" {span}" in f" {' '.join(words_of(title))}"
