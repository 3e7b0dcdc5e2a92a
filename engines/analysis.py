"""The reference text analysis: what a word is, before and after stemming.

The engine `exact` indexes by it, and the other engines' analysis is held against it by the contract suite:

    text -> NFC, lower case, folded to ASCII where a letter has an ASCII base (café -> cafe, ß -> ss, Ø -> o)
         -> runs of letters and digits (combining marks dropped); a possessive 's is cut off, other apostrophes dropped
         -> stemmed by the schema's language (Snowball; `none` keeps the folded word)

No word is dropped: stop words carry little weight in BM25 anyway, and "the who" or "it" may be what is sought.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from functools import lru_cache

import snowballstemmer

from multirecall.core.errors import InvalidSettings
from multirecall.engines.schema import LANGUAGES

__all__ = ["fold", "split_words", "stem", "terms"]

_NO_DECOMPOSITION = {
    "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "þ": "th", "ħ": "h", "ı": "i",
    "ŋ": "n", "ĸ": "k", "ſ": "s", "’": "'", "‘": "'", "＇": "'", "ʼ": "'",
}  # fmt: skip
"""Letters without a Unicode decomposition whose ASCII form is common, and the apostrophes."""

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_POSSESSIVE = re.compile(r"'s$")
_ASCII_WORDS = bytes(ord(chr(code).lower()) if code < 128 and chr(code).isalnum() else 32 for code in range(256))
"""A `bytes.translate` table: letters and digits in lower case, all else a space."""


class _Folding(dict[int, str]):
    """A `str.translate` table that works each character out once."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        folded = _NO_DECOMPOSITION.get(char)
        if folded is None:
            base = "".join(c for c in unicodedata.normalize("NFKD", char) if not unicodedata.combining(c))
            folded = base.lower() if base and base.isascii() else char
        self[code] = folded
        return folded


_FOLDING = _Folding()
_STEMMER_LOCK = threading.Lock()
_MAX_STEMS = 1 << 17


def fold(text: str) -> str:
    """Lower case and ASCII where the letters have an ASCII base; other scripts stay as they are."""
    return unicodedata.normalize("NFC", text).lower().translate(_FOLDING)


def split_words(text: str) -> list[str]:
    """The folded words of a text in order, before stemming; repeated words repeat."""
    if text.isascii() and "'" not in text:  # nearly all English: a third of the time, and the same words
        return text.encode().translate(_ASCII_WORDS).decode().split()
    folded = fold(_without_marks(text))
    words: list[str] = _WORD.findall(folded)
    if "'" in folded:
        words = [_POSSESSIVE.sub("", word).replace("'", "") for word in words]
    return words


def stem(word: str, language: str) -> str:
    """The stem of one folded word. Raises InvalidSettings for a language that is none of `LANGUAGES`."""
    return word if language == "none" else _stems(language)[word]


def terms(text: str, language: str) -> list[str]:
    """The index terms of a text in order: `split_words`, each stemmed."""
    words = split_words(text)
    return words if language == "none" else [*map(_stems(language).__getitem__, words)]


def _without_marks(text: str) -> str:
    """The text without free combining marks, at which `\\w` would cut a word in two."""
    text = unicodedata.normalize("NFC", text)
    return text if text.isascii() else text.translate(_UNMARKED)


class _Unmarked(dict[int, str]):
    """A `str.translate` table that takes combining marks away, and looks each character up once."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        kept = "" if unicodedata.category(char).startswith("M") else char
        self[code] = kept
        return kept


_UNMARKED = _Unmarked()


class _Stems(dict[str, str]):
    """Stems by word, each worked out once: a look-up in C, since a catalogue asks for the same words all the time."""

    def __init__(self, language: str) -> None:
        super().__init__()
        self._stemmer = snowballstemmer.stemmer(language)

    def __missing__(self, word: str) -> str:
        with _STEMMER_LOCK:  # a Snowball stemmer keeps the word it works on as state
            found = str(self._stemmer.stemWord(word))
        if len(self) >= _MAX_STEMS:
            self.clear()
        self[word] = found
        return found


@lru_cache(maxsize=len(LANGUAGES))
def _stems(language: str) -> _Stems:
    if language not in LANGUAGES:
        raise InvalidSettings(f"Language {language!r} is none of {', '.join(LANGUAGES)}.", field="language")
    return _Stems(language)
