"""The data of the dictionaries, and how words are looked up in them."""

from __future__ import annotations

import unicodedata
from collections import Counter
from pathlib import Path

import pytest

from multirecall.core.errors import InvalidInput
from multirecall.recall.rewriters import dictionary
from multirecall.recall.rewriters.dictionary import (
    LANGUAGES,
    english_words,
    fold,
    load_dictionaries,
    read_rows,
    stem,
    words_of,
)

DATA = Path(dictionary.__file__).parent / "data" / "languages"
FILES = sorted(DATA.glob("*.toml"))


def rows() -> list[tuple[str, str, tuple[str, ...]]]:
    return [row for path in FILES for row in read_rows(path.name, path.read_text(encoding="utf-8"))]


def test_there_are_a_thousand_concepts_in_five_languages() -> None:
    said = rows()
    assert len(said) >= 1_000
    assert all(len(columns) == len(LANGUAGES) for _, _, columns in said)


def test_every_row_says_something_in_every_language() -> None:
    for role, name, columns in rows():
        for language, column in zip(LANGUAGES, columns, strict=True):
            phrases = column.split("|")
            if role == "links" and language == "de":  # compounds do what `of` does elsewhere
                continue
            assert all(words_of(phrase) for phrase in phrases), f"{name}: {language} {column!r}"


def test_no_phrase_is_in_two_rows_of_a_language() -> None:
    for at, language in enumerate(LANGUAGES):
        said = Counter(key for *_, columns in rows() for key in {tuple(words_of(p)) for p in columns[at].split("|")})
        assert [phrase for phrase, n in said.items() if n > 1 and phrase] == [], language


def test_files_are_composed_unicode_in_lower_case() -> None:
    for path in FILES:
        text = path.read_bytes().decode("utf-8")
        assert unicodedata.normalize("NFC", text) == text, path.name
    for _, name, columns in rows():
        assert all(text == text.lower() == text.strip() for text in (name, *columns)), name


def test_no_english_name_heads_two_rows() -> None:
    heads = Counter((role, name) for role, name, _ in rows())
    assert [head for head, n in heads.items() if n > 1] == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[things]\n"printer" = ["drucker"]', "printer"),
        ('[things]\n"printer" = "drucker"', "printer"),
        ('[nouns]\n"printer" = ["a", "b", "c", "d", "e"]', "nouns"),
    ],
)
def test_a_wrong_row_is_named(text: str, told: str) -> None:
    with pytest.raises(InvalidInput, match=r"shop\.toml") as caught:
        read_rows("shop.toml", text)
    assert caught.value.data["field"] == told


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("de", "schwarz", "schwarzes"),
        ("de", "kabel", "kabeln"),
        ("fr", "noir", "noires"),
        ("fr", "vertical", "verticaux"),
        ("es", "negro", "negras"),
        ("es", "altavoz", "altavoces"),
        ("it", "bianco", "bianchi"),
        ("it", "stampante", "stampanti"),
        ("nl", "tas", "tassen"),
        ("nl", "rood", "rode"),
        ("nl", "muis", "muizen"),
    ],
)
def test_endings_are_folded(language: str, one: str, other: str) -> None:
    assert stem(one, language) == stem(other, language)


@pytest.mark.parametrize(
    ("language", "said", "english"),
    [
        ("de", "Hülle", "case"),
        ("de", "huelle", "case"),
        ("de", "USB-Stick", "usb flash drive"),
        ("de", "usbstick", "usb flash drive"),
        ("de", "druckerpatrone", "ink cartridge"),
        ("de", "drucker patrone", "ink cartridge"),
        ("fr", "clés USB", "usb flash drive"),
        ("fr", "cartouches d'encre", "ink cartridge"),
        ("es", "ratones inalámbricos", "wireless mouse"),
        ("it", "chiavette usb", "usb flash drive"),
        ("nl", "draadloze muizen", "wireless mouse"),
    ],
)
def test_a_phrase_is_found_however_it_is_written(language: str, said: str, english: str) -> None:
    found = load_dictionaries()[language].look_up(words_of(said))
    assert found is not None
    assert found.english[0] == english


@pytest.mark.parametrize(
    ("language", "word", "parts"),
    [
        ("de", "fotodrucker", None),  # a row of its own
        ("de", "holzstuhl", ["wooden", "chair"]),
        ("de", "lampenhalter", ["lamp", "stand"]),
        ("de", "mausbatterie", ["mouse", "battery"]),
        ("nl", "plastickabel", ["plastic", "cable"]),
        ("nl", "gitaartassen", ["guitar", "bag"]),
    ],
)
def test_compounds_come_apart(language: str, word: str, parts: list[str] | None) -> None:
    found = load_dictionaries()[language]
    if parts is None:
        assert found.look_up((word,)) is not None
    else:
        assert [part.english[0] for part in found.split(word)] == parts


@pytest.mark.parametrize("word", ["vantage", "fuser", "mobilelite", "blender", "xyzzykabel", "kab"])
def test_what_is_no_compound_stays_whole(word: str) -> None:
    assert load_dictionaries()["de"].split(word) == ()


def test_romance_languages_have_no_compounds() -> None:
    assert load_dictionaries()["fr"].split("imprimantecouleur") == ()


def test_the_english_names_are_english_words() -> None:
    assert {"printer", "cartridge", "wireless", "the"} <= english_words()
    assert "drucker" not in english_words()


def test_fold() -> None:
    assert fold("Größe Œuvre") == "grosse oeuvre"
