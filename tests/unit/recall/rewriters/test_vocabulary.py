from __future__ import annotations

import pytest

from multirecall.recall.rewriters.vocabulary import BoundedCounter, Vocabulary, fold, learn_vocabulary, phrases
from tests.unit.recall.rewriters.shop import KINDS, records, vocabulary

TIMES = {title: times for title, _, times, _ in KINDS}
TONER = TIMES["HP CE505A toner cartridge black"]


def test_words_are_counted_by_products() -> None:
    learned = vocabulary()
    assert learned.n_products == sum(TIMES.values())
    assert learned.count("toner") == TONER
    assert learned.count("BÜRO") == learned.count("buro") == TIMES["Siemens Drucker Patrone schwarz"]
    assert learned.written("buro") == "büro"
    assert learned.count("notebook") == TIMES['Kensington notebook bag 15.6"'] + TIMES["Hama backpack for notebooks"]
    assert learned.folded_named["notebook"] == TIMES['Kensington notebook bag 15.6"']
    assert learned.count("sturdy") == learned.n_products
    assert learned.count("colour") == 1  # the name of an attribute alone
    assert learned.count("ce") == 0  # the letters of a part number


def test_pairs_stand_side_by_side_in_two_products() -> None:
    learned = vocabulary()
    assert learned.pair("power", "bank") == TIMES["Anker power bank 10000 mAh"]
    assert learned.pair("Toner", "Cartridge") == TONER
    once = learn_vocabulary([{"title": "red shoe"}, {"title": "red hat"}, {"title": "red hat"}])
    assert (once.pair("red", "shoe"), once.pair("red", "hat")) == (0, 2)


def test_brands_and_part_numbers_are_names() -> None:
    learned = vocabulary()
    assert all(map(learned.is_name, ("logitech", "HP", "HP-7703X", "hp7703x", "CE505A")))
    assert not learned.is_name("toner")
    assert not any(code.isdigit() for code in learned.codes)


def test_the_fingerprint_is_over_the_content() -> None:
    assert learn_vocabulary(reversed(records())).fingerprint == vocabulary().fingerprint
    assert learn_vocabulary(records()[1:]).fingerprint != vocabulary().fingerprint
    assert Vocabulary(words={"a": 1}).fingerprint != Vocabulary(words={"a": 2}).fingerprint


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("HP CE505A toner, black", [["hp"], ["toner"], ["black"]]),
        ("wi-fi cable (5 m)", [["wi", "fi", "cable"], ["m"]]),
        ("first\\nSecond", [["first"], ["second"]]),
        ("", []),
    ],
)
def test_phrases_end_at_punctuation_and_numbers(text: str, expected: list[list[str]]) -> None:
    assert list(phrases(text)) == expected


def test_fold() -> None:
    assert fold("Größe") == "grosse"
    assert fold("Écran") == "ecran"


def test_a_bounded_counter_loses_the_rarest() -> None:
    counter = BoundedCounter(max_keys=3)
    counter.add(["often"] * 5 + ["some"] * 3)
    counter.add(["a", "b", "c", "d"])
    assert counter.counts == {"often": 5, "some": 3}
