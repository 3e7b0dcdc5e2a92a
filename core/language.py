"""A guess at the language of a query: good enough to cut a table of figures by it, and for a feature among many."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

__all__ = ["CODES", "UNCLEAR", "guess_language"]

UNCLEAR = "unclear"
"""Nothing, or as much for one language as for another: `hp 504a`."""

CODES: Mapping[str, str] = {
    "english": "en", "german": "de", "french": "fr", "spanish": "es", "italian": "it", "dutch": "nl",
}  # fmt: skip
"""What `guess_language` calls the languages that an index can have, as far as it knows them."""

_WORD = re.compile(r"(?<![\w.-])[^\W\d_]{2,}(?![\w.-])")  # not the letters of a code

_WORDS: Mapping[str, frozenset[str]] = {
    language: frozenset(words.split())
    for language, words in {
        "en": """the and for with without from of to in on my is are not or how what which who when where why can does
            need want this that it you your i me keep make get put out off up down over into by at an as be
            black white red blue grey gray green yellow cyan small large cheap wireless cable cables printer keyboard
            mouse screen monitor case cover bag charger battery toner ink cartridge paper desk holder drive memory
            speaker headphones camera lens phone shoes dress chair table lamp women men kids""",
        "de": """der die das und mit für ohne von vom zum zur ein eine einen nicht ich mein auf aus bei oder wie was
            welche gegen schwarz weiß weiss rot blau grau grün gelb zoll drucker kabel tastatur maus bildschirm akku
            tasche hülle netzteil festplatte druckerpatrone patrone papier ladegerät kopfhörer lautsprecher schnurloses
            telefon kamera schuhe kleid stuhl tisch lampe damen herren kinder meter stück günstig klein groß""",
        "fr": """le la les un une des du de et avec sans pour sur dans à au aux ou est mon ma mes pas qui que comment
            noir noire blanc blanche rouge bleu vert gris jaune pouces imprimante souris clavier écran ecran câble
            cartouche encre sacoche ordinateur portable onduleur lecteur carte mémoire chargeur batterie papier
            housse casque antivol objectif étiqueteuse chaussures robe chaise femme homme enfant fil réseau""",
        "es": """el la los las un una unos unas de del y con sin para por en o es mi mis no que cómo como negro negra
            blanco blanca rojo azul verde gris amarillo pulgadas impresora ratón teclado pantalla cable tinta cartucho
            portátil cargador batería papel funda auriculares cámara zapatos vestido silla mesa mujer hombre niños
            multifunción multifuncion color red latiguillo fibra""",
        "it": """il lo la gli le un uno una di del della dei e con senza per su in o è mio mia non che come nero nera
            bianco bianca rosso blu verde grigio giallo pollici stampante tastiera schermo cavo inchiostro cartuccia
            portatile caricabatterie batteria carta custodia cuffie fotocamera scarpe vestito sedia tavolo donna uomo
            armadio muro scheda rete""",
        "nl": """de het een en met zonder voor van op in bij uit of is mijn niet wat hoe welke zwart wit rood blauw
            grijs groen geel kleur kabel netwerkkabel toetsenbord muis scherm inkt inktpatroon inktpatronen papier
            oplader batterij hoes koptelefoon geheugenkaart laptoptas schoenen jurk stoel tafel dames heren kinderen
            meter goedkoop klein groot""",
    }.items()
}
_ENDINGS: Mapping[str, tuple[str, ...]] = {
    "de": ("kabel", "patronen", "patrone", "schutz", "leiste", "führung", "schutzfilter", "ständer"),
    "nl": ("kabel", "patronen", "kaart", "tas", "houder", "scherm"),
}
"""Compounds are written as one word: their last part tells. Only for words of seven letters or more."""

_LETTERS: Mapping[str, str] = {"ß": "de", "ä": "de", "ö": "de", "ü": "de", "ñ": "es", "ç": "fr", "œ": "fr"}
_LETTERS_FR = frozenset("éèêàâîôûë")
_SCRIPTS = {
    "HIRAGANA": "ja", "KATAKANA": "ja", "HANGUL": "ko", "CJK": "zh", "CYRILLIC": "cyrillic", "GREEK": "el",
    "ARABIC": "ar", "HEBREW": "he", "THAI": "th", "DEVANAGARI": "hi",
}  # fmt: skip


def guess_language(text: str) -> str:
    """`en`, `de`, `fr`, `es`, `it`, `nl`, the language of a script (`ja`, `zh`, `ko`, `cyrillic`, …) or UNCLEAR.

    Another script decides alone. Else each word that is among a language's commonest words (articles, prepositions,
    colours, things sold) counts 1 for it, a word with its letters or ending 1 as well; most points win. A list of a few
    dozen words per language and no model: a column `language` of the queries file says it better and is used instead.
    """
    for c in "" if text.isascii() else text:
        if ord(c) > 0x036F and c.isalpha():
            script = unicodedata.name(c, "").split(" ")[0]
            if script in _SCRIPTS:
                return "ja" if _is_japanese(text) else _SCRIPTS[script]
    points = dict.fromkeys(_WORDS, 0)
    for word in _WORD.findall(unicodedata.normalize("NFC", text).lower()):
        for language, words in _WORDS.items():
            points[language] += word in words
        for language, endings in _ENDINGS.items():
            points[language] += len(word) >= 7 and word not in _WORDS[language] and word.endswith(endings)
        told = {_LETTERS[c] for c in word if c in _LETTERS}
        if not told and not _LETTERS_FR.isdisjoint(word):
            told = {"fr"}
        for language in told:
            points[language] += 1
    best = max(points.values())
    winners = [language for language, n in points.items() if n == best]
    return winners[0] if best and len(winners) == 1 else UNCLEAR


def _is_japanese(text: str) -> bool:
    return any(unicodedata.name(c, "").startswith(("HIRAGANA", "KATAKANA")) for c in text)
