"""Dictionary: words and phrases of one language and what an English catalogue calls them; endings are folded.

The files of `data/languages` hold a row per English name, with a column per language (see `computing.toml`). The
tables say how a word behaves: `things` and `properties` change places, `relations` (with, for) stand between them,
`links` (of) join two things to one, `dropped` words (articles) have no English.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Literal

from multirecall.core.errors import InvalidInput

__all__ = [
    "LANGUAGES",
    "Dictionary",
    "Entry",
    "Role",
    "english_words",
    "fold",
    "load_dictionaries",
    "read_rows",
    "words_of",
]

Role = Literal["things", "properties", "relations", "links", "dropped"]

LANGUAGES = ("de", "fr", "es", "it", "nl")
"""The columns, in their order."""

_COMPOUNDING = frozenset({"de", "nl"})
_ROLES: tuple[Role, ...] = ("things", "properties", "relations", "links", "dropped")
_WORD = re.compile(r"[^\W_]+")
_LINKING = ("", "s", "n", "en", "e", "es", "er")  # Druckerpatrone, Arbeitsspeicher, Taschenlampe
_MIN_PART = 3
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
_LIGATURES = str.maketrans({"ß": "ss", "œ": "oe", "æ": "ae"})
_DOUBLE_VOWEL = re.compile(r"([aeou])\1")
_ENDINGS = {"de": ("ern", "en", "er", "es", "em", "e", "n", "s"), "nl": ("en", "e", "s")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a phrase means: its English names, the usual one first."""

    english: tuple[str, ...]
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dictionary:
    """One language. `entries` by folded words as they are written, `stems` by their stems; `longest` phrase in words.

    `loans` are folded English words that may be parts of compounds.
    """

    language: str
    entries: Mapping[tuple[str, ...], Entry]
    stems: Mapping[tuple[str, ...], Entry]
    longest: int
    loans: frozenset[str] = frozenset()
    _split: dict[str, tuple[Entry, ...]] = field(default_factory=dict, repr=False)

    @property
    def joins_words(self) -> bool:
        """Whether compounds are written as one word: `Netzwerkkabel`."""
        return self.language in _COMPOUNDING

    def look_up(self, words: Sequence[str]) -> Entry | None:
        """The meaning of folded words as one phrase: as they are, joined to one (German, Dutch), then by stems."""
        key = tuple(words)
        found = self.entries.get(key)
        if found is None and len(key) > 1 and self.joins_words:
            found = self.entries.get(("".join(key),))
        if found is not None or (len(key) == 1 and (len(key[0]) < 4 or is_english(key[0]))):
            return found  # an English word is no other language's in another form
        return self.stems.get(tuple([stem(word, self.language) for word in key]))

    def split(self, word: str) -> tuple[Entry, ...]:
        """The parts of a compound, the last one its head; empty if it cannot be taken apart wholly."""
        if not self.joins_words or len(word) < 2 * _MIN_PART:
            return ()
        if word not in self._split:
            if len(self._split) > 20_000:  # queries are many, words are few: this holds the commonest
                self._split.clear()
            self._split[word] = self._parts(word, 4)
        return self._split[word]

    def _parts(self, word: str, most: int) -> tuple[Entry, ...]:
        for cut in range(_MIN_PART, len(word) - _MIN_PART + 1):  # longest head first
            tail = self._part(word[cut:], is_last=True)
            if tail is None:
                continue
            before = self._part(word[:cut], is_last=False)
            if before is not None:
                return (before, tail)
            if most > 2 and (rest := self._parts(word[:cut], most - 1)):
                return (*rest, tail)
        return ()

    def _part(self, text: str, *, is_last: bool) -> Entry | None:
        if is_last:
            found = self.look_up((text,)) if len(text) > 4 else self.entries.get((text,))
            return found if found is not None and found.role == "things" else None
        for linking in _LINKING:
            part = text.removesuffix(linking) if linking else text
            if len(part) < _MIN_PART or (linking and part == text):
                continue
            found = self.entries.get((part,)) if linking else self.look_up((part,))
            if found is not None and found.role in ("things", "properties"):
                return found
            if part in self.loans:
                return Entry(english=(part,), role="properties")
        return None


def fold(word: str) -> str:
    """Lower case, without accents; `ß` is `ss`."""
    if word.isascii():
        return word.lower()
    decomposed = unicodedata.normalize("NFKD", word.lower().translate(_LIGATURES))
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def words_of(text: str) -> list[str]:
    """The folded words of a text: runs of letters and digits, so that `d'encre` and `USB-Kabel` are two each."""
    return [fold(word) for word in _WORD.findall(unicodedata.normalize("NFC", text))]


@lru_cache(maxsize=65_536)
def stem(word: str, language: str) -> str:
    """A folded word without the endings of number, gender and case. Two words may share a stem by accident."""
    if len(word) < 4 or not word.isalpha():
        return word
    if language in ("es", "it", "fr"):
        return _romance_stem(word, language)
    for ending in _ENDINGS[language]:
        if word.endswith(ending) and len(word) - len(ending) >= (4 if ending == "s" else 3):
            word = word.removesuffix(ending)
            break
    if language == "nl":  # tas, tassen; rood, rode; muis, muizen
        if word[-1] == word[-2]:
            word = word[:-1]
        word = _DOUBLE_VOWEL.sub(r"\1", word)
        word = word[:-1] + {"z": "s", "v": "f"}.get(word[-1], word[-1])
    return word


def _romance_stem(word: str, language: str) -> str:
    if language == "it":
        word = word.rstrip("aeio") if len(word.rstrip("aeio")) >= 3 else word
        return word[:-1] if word[-2:] in ("ch", "gh") else word
    if language == "fr" and word.endswith("aux") and not word.endswith("eaux"):
        return word[:-3] + "al"
    if word[-1] in "sx":
        word = word[:-1]
    if language == "fr":
        return word[:-1] if word[-1] == "e" and len(word) > 3 else word
    if word[-1] in "aoe" and len(word) > 3:
        word = word[:-1]
    return word[:-1] + "c" if word[-1] == "z" else word


@cache
def load_dictionaries() -> Mapping[str, Dictionary]:
    """The packaged dictionaries by language, read once."""
    entries: dict[str, dict[tuple[str, ...], Entry]] = {language: {} for language in LANGUAGES}
    for role, name, columns in _rows():
        said = () if role in ("dropped", "links") else tuple(name.split("|"))
        for language, column in zip(LANGUAGES, columns, strict=True):
            for phrase in column.split("|"):
                for key in _keys(phrase, language):
                    entries[language].setdefault(key, Entry(english=said, role=role))
    loans = frozenset(word for word in english_words() if len(word) >= _MIN_PART)
    return {language: _dictionary(language, by_words, loans) for language, by_words in entries.items()}


@cache
def english_words() -> frozenset[str]:
    """Words that are English, whatever else they are: the list `english.txt` and the English names of all rows."""
    lines = (_folder() / "english.txt").read_text(encoding="utf-8").splitlines()
    found = {word for line in lines if not line.startswith("#") for word in words_of(line)}
    found.update(word for _, name, _ in _rows() for word in words_of(name))
    return frozenset(found)


@lru_cache(maxsize=65_536)
def is_english(word: str) -> bool:
    """Whether a folded word is among `english_words`, or a plural of one of them, or a number or a single letter."""
    if len(word) == 1 or word.isdigit():
        return True
    english = english_words()
    return (
        word in english
        or (word.endswith("s") and (word[:-1] in english or word.removesuffix("es") in english))
        or (word.endswith("ies") and f"{word[:-3]}y" in english)
    )


def _folder() -> Traversable:
    return files(__package__) / "data" / "languages"


@cache
def _rows() -> tuple[tuple[Role, str, tuple[str, ...]], ...]:
    """Role, English names and columns of every row, in the files' order."""
    rows: list[tuple[Role, str, tuple[str, ...]]] = []
    for path in sorted(_folder().iterdir(), key=lambda path: path.name):
        if path.name.endswith(".toml"):
            rows += read_rows(path.name, path.read_text(encoding="utf-8"))
    return tuple(rows)


def read_rows(name: str, text: str) -> list[tuple[Role, str, tuple[str, ...]]]:
    """The rows of one file. Raises InvalidInput that names file and row."""
    tables: Mapping[str, Any] = tomllib.loads(text)
    if unknown := sorted(set(tables) - set(_ROLES)):
        raise InvalidInput(
            f"{name}: there is no table [{unknown[0]}].", hint=f"Tables: {', '.join(_ROLES)}.", field=unknown[0]
        )
    rows: list[tuple[Role, str, tuple[str, ...]]] = []
    for role in _ROLES:
        for key, columns in tables.get(role, {}).items():
            if not isinstance(columns, list) or len(columns) != len(LANGUAGES):
                raise InvalidInput(
                    f"{name}: {key!r} needs {len(LANGUAGES)} columns ({', '.join(LANGUAGES)}), got {columns!r:.100}.",
                    field=key,
                )
            rows.append((role, key, tuple(columns)))
    return rows


def _keys(phrase: str, language: str) -> set[tuple[str, ...]]:
    """The ways in which a phrase may be looked up: German umlauts as `ae` too, hyphens as one word too."""
    spellings = {phrase}
    if language == "de":
        spellings.add(unicodedata.normalize("NFC", phrase).lower().translate(_UMLAUTS))
    if language in _COMPOUNDING:
        spellings |= {spelling.replace("-", "") for spelling in spellings}
    return {key for spelling in spellings if (key := tuple(words_of(spelling)))}


def _dictionary(language: str, entries: dict[tuple[str, ...], Entry], loans: frozenset[str]) -> Dictionary:
    stems: dict[tuple[str, ...], Entry] = {}
    for key, entry in entries.items():
        if entry.role in ("things", "properties"):
            stems.setdefault(tuple([stem(word, language) for word in key]), entry)
    longest = max(map(len, entries), default=0)
    return Dictionary(language=language, entries=entries, stems=stems, longest=longest, loans=loans)
