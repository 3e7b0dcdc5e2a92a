"""A product's words as one string: written, read back, and cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multirecall.core.errors import InvalidInput
from multirecall.core.match_text import MAX_MATCH_TEXT_CHARS, MatchText, match_text_error, split_parts

LAMP = MatchText(
    title=("red", "lamp", "red"),
    brand=("acm",),
    attribute_names=("colour", "width_mm"),
    codes=("l100", "40w"),
    other=("light",),
)

words = st.lists(st.text(st.characters(exclude_categories=["Cs", "Z", "Cc"]), min_size=1, max_size=12)).map(tuple)
match_texts = st.builds(MatchText, title=words, brand=words, attribute_names=words, codes=words, other=words)


def numbered(prefix: str, n: int) -> tuple[str, ...]:
    return tuple(f"{prefix}{i:05d}" for i in range(n))


def test_five_parts_joined_by_tabs() -> None:
    assert split_parts(LAMP.to_text()) == ("red lamp red", "acm", "colour width_mm", "l100 40w", "light")
    assert LAMP.to_text() == "red lamp red\tacm\tcolour width_mm\tl100 40w\tlight"


def test_no_words_are_four_tabs() -> None:
    assert MatchText().to_text() == "\t\t\t\t"
    assert MatchText.of("\t\t\t\t") == MatchText()


def test_the_empty_text_of_a_product_without_one_holds_no_words() -> None:
    assert split_parts("") == ("", "", "", "", "")
    assert MatchText.of("") == MatchText()
    assert "5 parts" in match_text_error("")  # but no record holds it


@given(match_texts)
def test_what_fits_is_read_back_as_it_was(made: MatchText) -> None:
    text = made.to_text()
    n_chars = sum(len(" ".join(getattr(made, name))) for name in made.__slots__) + 4
    assert len(text) <= MAX_MATCH_TEXT_CHARS
    assert not match_text_error(text)
    if n_chars <= MAX_MATCH_TEXT_CHARS:
        assert MatchText.of(text) == made


def test_other_words_are_cut_first_and_between_two_words() -> None:
    whole = MatchText(title=("a",), codes=numbered("c", 100), other=numbered("o", 1_000))
    kept = MatchText.of(whole.to_text())
    assert (kept.title, kept.codes) == (whole.title, whole.codes)
    room = MAX_MATCH_TEXT_CHARS - 4 - len("a") - len(" ".join(whole.codes))
    assert kept.other == whole.other[: (room + 1) // 7]


def test_then_the_codes() -> None:
    whole = MatchText(title=numbered("t", 100), attribute_names=("width",), codes=numbered("c", 1_000), other=("o",))
    kept = MatchText.of(whole.to_text())
    room = MAX_MATCH_TEXT_CHARS - 4 - len(" ".join(whole.title)) - len("width")
    assert (kept.title, kept.attribute_names, kept.other) == (whole.title, whole.attribute_names, ())
    assert kept.codes == whole.codes[: (room + 1) // 7]


def test_a_title_without_end_leaves_the_tabs() -> None:
    assert MatchText(title=("x" * 5_000,), other=("y",)).to_text() == "\t\t\t\t"
    text = MatchText(title=numbered("t", 1_000), brand=("acm",)).to_text()
    assert text.count("\t") == 4
    assert MatchText.of(text).title == numbered("t", (MAX_MATCH_TEXT_CHARS - 4 + 1) // 7)


@pytest.mark.parametrize("word", ["", "two words", "two\twords", " "])
def test_a_word_that_could_not_be_read_back_is_refused(word: str) -> None:
    with pytest.raises(InvalidInput, match="empty or holds a space"):
        MatchText(codes=("a", word)).to_text()


@pytest.mark.parametrize("text", ["lamp", "a\tb\tc\td", "a\tb\tc\td\te\tf"])
def test_a_text_of_another_number_of_parts_is_refused(text: str) -> None:
    assert "5 parts" in match_text_error(text)
    with pytest.raises(InvalidInput, match=f"got {text.count(chr(9)) + 1}"):
        MatchText.of(text)


def test_too_long_a_text_is_an_error() -> None:
    assert "4,001" in match_text_error("\t\t\t\t" + "x" * (MAX_MATCH_TEXT_CHARS - 3))
