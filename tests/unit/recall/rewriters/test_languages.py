"""Queries of five languages in English; English ones left alone."""

from __future__ import annotations

import json
import random
import zipfile
from pathlib import Path

import pytest

from multirecall.core.deadline import Deadline
from multirecall.core.query import Query
from multirecall.core.rewriting import MAX_REWRITING_CHARS, Rewriting
from multirecall.recall.rewriters.languages import Languages, known_words
from multirecall.recall.rewriters.opening import open_rewriters
from multirecall.recall.rewriting import Rewriter

PLAIN = Languages()


def said(text: str, rewriter: Languages = PLAIN) -> tuple[Rewriting, ...]:
    return rewriter.rewrite(Query(raw=text, text=text), Deadline.never())


@pytest.mark.parametrize(
    ("text", "english"),
    [
        # German
        ("netzwerkkabel 5 m blau", "network cable 5 m blue"),
        ("Festplatte extern 2 TB", "hard drive external 2 TB"),
        ("Cat6-Kabel grau 3m", "Cat6 cable gray 3m"),
        ("wasserdichte Kamera für Kinder", "waterproof camera for kids"),
        ("buerostuhl schwarz", "office chair black"),
        ("Schreibtischlampe LED", "desk lamp LED"),
        ("Hülle für Tablet 10 Zoll", "case for tablet 10 inch"),
        # French
        ("souris sans fil noire", "black wireless mouse"),
        ("imprimante laser couleur", "colour laser printer"),
        ("support mural pour écran plat 42 pouces", "wall mount for monitor 42 inch"),
        ("petite enceinte bluetooth", "small bluetooth speaker"),
        ("chargeur d'ordinateur hp", "hp"),
        # Spanish
        ("cable de red cat 6", "network cable cat 6"),
        ("ratón inalámbrico negro", "black wireless mouse"),
        ("funda para tablet 10 pulgadas", "tablet case 10 inch"),
        ("papel fotográfico brillante a4", "glossy photo paper a4"),
        # Italian
        ("cavo di rete 10 m", "network cable 10 m"),
        ("stampante multifunzione wifi", "wifi multifunction printer"),
        ("scheda di memoria sd 32 gb", "memory card sd 32 gb"),
        ("cuffie senza fili nere", "black wireless headphones"),
        # Dutch
        ("draadloze muis zwart", "wireless mouse black"),
        ("laptoptas 15 inch", "laptop bag 15 inch"),
        ("bureaustoel zwart leer", "office chair black leather"),
    ],
)
def test_golden_translations(text: str, english: str) -> None:
    texts = [one.text for one in said(text)]
    if english == "hp":
        assert all(one.endswith(" hp") and "charger" in one for one in texts)
        assert texts
    else:
        assert texts[0] == english


def test_the_catalogue_s_other_name_comes_second() -> None:
    first, second = said("laptoptas 15 inch")
    assert (first.text, second.text) == ("laptop bag 15 inch", "notebook case 15 inch")
    assert first.confidence > second.confidence


def test_part_numbers_numbers_and_brands_pass_unchanged() -> None:
    (best, *_) = said("cartucho negro epson T0711-XL 7,4 ml", Languages(brands=frozenset({"epson"})))
    assert best.text == "black ink cartridge epson T0711-XL 7,4 ml"


def test_a_brand_is_no_colour_and_no_article() -> None:
    rewriter = Languages(brands=frozenset({"braun", "dell"}))
    assert said("braun rasierer", rewriter)[0].text == "braun electric shaver"
    assert said("batteria dell latitude", rewriter)[0].text == "rechargeable battery dell latitude"


def test_a_misspelled_word_is_read_as_what_it_nearly_is() -> None:
    assert said("festplate extern")[0].text == "hard drive external"


def test_the_less_is_understood_the_less_it_is_sure() -> None:
    well, half = said("schwarze tasche"), said("schwarze tasche grombulisch")
    assert well[0].confidence > half[0].confidence > 0
    assert said("grombulisch fnordig zwackel schwarz") == ()


def test_the_log_says_what_was_read_as_what() -> None:
    (best, *_) = said("souris sans fil")
    assert best.by == "languages"
    assert best.log == ("fr: souris sans fil → wireless mouse",)


@pytest.mark.parametrize(
    "text",
    """hdmi cable
    black laser printer
    laptop bag 15 inch
    red cable 3m
    usb c to hdmi adapter
    best noise cancelling headphones under 100
    how to connect a laptop to a projector
    canon pixma mg5350 ink
    hp 301 xl black ink cartridge
    wireless mouse for small hands
    cat6 patch cable 5 m blue
    ddr4 ram 16 gb 3200 mhz
    toner for brother hl-2130
    labels 70 x 36 mm white a4
    digital camera with optical zoom
    mini displayport adapter
    printer with scanner and fax
    gaming chair
    port replicator
    film camera
    phone case
    television wall mount
    braun shaver series 3
    art paper
    pile of plates
    die cast car
    main board socket am4
    fan for pc case
    vase
    usb hub 4 port
    surge protector
    rack mount shelf 19 inch
    smart watch
    battery for dell latitude e6400
    lamp for epson projector
    samsung galaxy s9 cover
    memory stick pro duo
    de-icer
    external hard drive 2tb
    office chair with arm rests""".splitlines(),
)
def test_english_is_left_alone(text: str) -> None:
    assert said(text.strip()) == ()


@pytest.mark.parametrize(
    "text", ["", "   ", "???", "1234567890", "q3c-00012", "für", "de la", "x" * 1_000, "ß", "\x00"]
)
def test_nothing_to_translate(text: str) -> None:
    assert said(text) == ()


@pytest.mark.parametrize("text", ["kabel\x00 schwarz", "kabel " * 100, "(kabel) -schwarz +rot", "kabel\u202e schwarz"])
def test_odd_texts_give_rewritings_that_are_valid(text: str) -> None:
    for one in said(text):
        assert 0 < len(one.text) <= MAX_REWRITING_CHARS
        assert not set(one.text) & set("+\x00()")


def test_it_is_a_rewriter_that_compares_by_value() -> None:
    other = Languages(brands=frozenset({"hp"}))
    assert isinstance(PLAIN, Rewriter)
    assert Languages() == PLAIN
    assert Languages().fingerprint == PLAIN.fingerprint != other.fingerprint
    assert not PLAIN.is_model


def test_only_the_languages_asked_for() -> None:
    assert said("souris sans fil", Languages(languages=("de",))) == ()


@pytest.mark.parametrize(("language", "texts"), [("english", ["black wireless mouse"]), ("french", [])])
def test_beside_an_index_of_another_language_it_is_silent(language: str, texts: list[str]) -> None:
    query = Query(raw="souris sans fil noire", text="souris sans fil noire")
    chain = open_rewriters("languages", language=language)
    assert [one.text for one in chain.rewrite(query, Deadline.never())] == texts


def test_known_words_hold_what_a_spelling_must_not_touch() -> None:
    assert {"drucker", "imprimante", "raton", "stampante", "toetsenbord"} <= known_words()


@pytest.mark.data
def test_english_titles_are_left_alone(icecat_dir: Path) -> None:
    with zipfile.ZipFile(icecat_dir / "1.json.zip") as archive:
        products = json.loads(archive.read(archive.namelist()[0]))
    titles = random.Random(5).sample([product["title"] for product in products], 500)
    rewriter = Languages(brands=frozenset(product["supplier"].lower() for product in products))
    touched = [title for title in titles if said(title, rewriter)]
    assert len(touched) <= len(titles) // 50, touched  # some titles are French or German
