"""What shoppers type and how catalogues write it: both must meet."""

from __future__ import annotations

import pytest

from multirecall.core.codes import query_codes
from multirecall.core.errors import UnsupportedFeature
from multirecall.engines.base import Engine, IndexedProduct, Text
from multirecall.engines.schema import LANGUAGES
from tests.contract.asking import found, put, search, text_ids
from tests.contract.shop import contract_schema
from tests.support.records import product

__all__ = ["PartNumberContract", "TypoContract", "WordContract", "written_products"]


def shopper(engine: Engine, typed: str) -> list[str]:
    """What the lexical route sends for a query: its words and its codes."""
    return found(engine, Text(text=typed, codes=query_codes(typed)))


class PartNumberContract:
    @pytest.mark.parametrize(
        "typed",
        ["LJ-4250", "lj4250", "LJ 4250", "lj-4250", "LJ4250", "laserjet LJ-4250", "(LJ-4250)", "LJ_4250", "lj/4250"],
    )
    def test_a_part_number_is_found_however_typed(self, shop: Engine, typed: str) -> None:
        assert shopper(shop, typed)[0] == "p01"

    @pytest.mark.parametrize("typed", ["19mm", "19 mm", "19MM", "19-mm", "wrench 19mm"])
    def test_a_size_is_found_however_typed(self, shop: Engine, typed: str) -> None:
        assert shopper(shop, typed)[0] == "p06"

    @pytest.mark.parametrize("typed", ["USB-C", "usbc", "usb c", "USB C", "usb-c cable"])
    def test_a_hyphenated_name_is_found_however_typed(self, shop: Engine, typed: str) -> None:
        assert shopper(shop, typed)[0] == "p05"

    @pytest.mark.parametrize("written", ["LJ-4250", "LJ4250", "LJ 4250", "lj-4250"])
    def test_a_part_number_in_the_title_is_found_however_both_are_written(self, empty: Engine, written: str) -> None:
        put(empty, product("other", "Printer LX-4350"), product("this", f"Printer {written} black"))
        for typed in ("LJ-4250", "lj4250", "LJ 4250"):
            assert shopper(empty, typed)[0] == "this", typed

    def test_the_right_one_among_near_ones_is_first(self, empty: Engine) -> None:
        put(
            empty,
            *(product(f"LJ-42{n:02d}", f"LaserJet {4200 + n}", identifiers=(f"LJ-42{n:02d}",)) for n in range(60)),
        )
        for typed in ("LJ-4217", "lj4217", "lj 4217"):
            assert shopper(empty, typed)[0] == "LJ-4217"

    def test_a_long_number_is_found_with_and_without_its_zeros(self, empty: Engine) -> None:
        put(empty, product("1", identifiers=("0012345678905",)), product("2", identifiers=("4006381333931",)))
        assert shopper(empty, "0012345678905") == ["1"]
        assert shopper(empty, "12345678905") == ["1"]
        assert shopper(empty, "4006381333931") == ["2"]


MEETING = [
    ("printers", "printer"), ("printer", "printers"), ("running shoes", "shoe"), ("washing machine", "machines"),
    ("café", "cafe"), ("cafe", "café"), ("CAFE\u0301", "café"), ("CAFÉ", "cafe"), ("Søren", "soren"),
    ("straße", "STRASSE"), ("Müller", "muller"), ("naïve", "naive"), ("Škoda", "skoda"),
    ("men's shoes", "mens"), ("men's shoes", "men"), ("men’s shoes", "men's"), ("mens shoes", "men's"),
    ("kids' bike", "kids"), ("Levi's", "levis"), ("Levis", "Levi's"),
    ("Printer", "PRINTER"), ("ＰＲＩＮＴＥＲ", "printer"), ("wi-fi", "wi fi"), ("black/white", "white"),
    ("A4,paper", "paper"), ("(new)box", "box"), ("USB3.0", "USB3.0"), ("принтер", "ПРИНТЕР"),
    ("лазерный принтер", "принтер"), ("프린터 토너", "토너"), ("طابعة ليزر", "ليزر"), ("מדפסת", "מדפסת"),
    ("λάμπα", "ΛΆΜΠΑ"), ("ﬁlter", "filter"), ("the who", "the"), ("n°5", "5"), ("プリンター 用紙", "プリンター"),
    ("プリンター 用紙", "用紙"),
]  # fmt: skip
"""What a catalogue writes, and what a shopper types who means it."""

STRANGERS = [("hpx", "hpz"), ("printer", "pri"), ("toner", "ton"), ("men's shoes", "s"), ("Häuser", "auser")]

INFLECTED = {
    "english": ("batteries", "battery"), "german": ("Häuser", "Häusern"), "french": ("imprimantes", "imprimante"),
    "spanish": ("impresoras", "impresora"), "italian": ("stampanti", "stampante"), "dutch": ("printers", "printer"),
    "portuguese": ("impressoras", "impressora"),
}  # fmt: skip


def written_products() -> list[IndexedProduct]:
    """One product for each thing written, with that as its id."""
    return [product(written, written) for written in dict.fromkeys(w for w, _ in MEETING + STRANGERS)]


class WordContract:
    @pytest.mark.parametrize(("written", "typed"), MEETING)
    def test_words_meet(self, words: Engine, written: str, typed: str) -> None:
        hits = text_ids(words, typed, min_match=1.0)
        assert written in hits
        assert len(hits) < 6

    @pytest.mark.parametrize(("written", "typed"), STRANGERS)
    def test_parts_of_words_do_not_meet(self, words: Engine, written: str, typed: str) -> None:
        assert written not in text_ids(words, typed)

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_each_language_has_its_stemmer_and_folds(self, fresh: Engine, language: str) -> None:
        fresh.swap(fresh.create(contract_schema(fresh.capabilities, language=language)))
        written, typed = INFLECTED.get(language, ("Wort", "wort"))
        put(fresh, product("1", written), product("2", "Café X200"))
        assert text_ids(fresh, typed) == ["1"]
        assert text_ids(fresh, "CAFE x200", min_match=1.0) == ["2"]

    def test_brand_and_category_are_searched_as_text(self, shop: Engine) -> None:
        assert set(text_ids(shop, "hp")) == {"p01", "p02", "p07"}
        assert text_ids(shop, "societe") == ["p03"]
        assert set(text_ids(shop, "bosch")) == {"p06", "p10", "p11"}
        assert text_ids(shop, "notebooks") == ["p08"]
        assert text_ids(shop, "kitchen") == ["p03"]

    def test_attribute_values_are_searched_as_text(self, shop: Engine) -> None:
        assert text_ids(shop, "steel") == ["p06"]
        assert set(text_ids(shop, "black")) == {"p02", "p05"}


class TypoContract:
    @pytest.mark.parametrize(
        ("typed", "expected"),
        [("pritner", "p01"), ("printr", "p01"), ("prinnter", "p01"), ("notebok", "p08"), ("espreso", "p03"),
         ("machne", "p03"), ("cartrigde", "p02"), ("wrnech", "p06"), ("laserjett", "p01")],
    )  # fmt: skip
    def test_a_typo_is_forgiven_when_asked_for(self, shop: Engine, typed: str, expected: str) -> None:
        assert text_ids(shop, typed) == []
        if not shop.capabilities.typo_tolerance:
            with pytest.raises(UnsupportedFeature):
                text_ids(shop, typed, fuzzy=True)
            return
        assert expected in text_ids(shop, typed, fuzzy=True)

    def test_two_edits_are_forgiven_in_long_words_only(self, empty: Engine) -> None:
        put(empty, product("long", "laserjet"), product("short", "lamp"))
        if empty.capabilities.typo_tolerance:
            assert text_ids(empty, "lazerjat", fuzzy=True) == ["long"]
            assert text_ids(empty, "lnmo", fuzzy=True) == []

    def test_the_first_letter_is_fixed(self, empty: Engine) -> None:
        put(empty, product("1", "camera"))
        if empty.capabilities.typo_tolerance:
            assert text_ids(empty, "xamera", fuzzy=True) == []
            assert text_ids(empty, "camrea", fuzzy=True) == ["1"]

    def test_the_exact_word_scores_higher_than_a_near_one(self, empty: Engine) -> None:
        """Also where the near word is far rarer, and so would weigh more by itself."""
        put(empty, *(product(f"exact{n}", "printer") for n in range(8)), product("near", "prunter"))
        if empty.capabilities.typo_tolerance:
            hits = search(empty, Text(text="printer", fuzzy=True), 20).hits
            assert len(hits) == 9
            assert hits[-1].id == "near"
            assert hits[-1].score < hits[-2].score

    def test_typos_go_with_filters_and_min_match(self, shop: Engine) -> None:
        if shop.capabilities.typo_tolerance:
            assert text_ids(shop, "hp tonre", fuzzy=True, min_match=1.0) == ["p02"]
