"""Languages: German, French, Spanish, Italian and Dutch queries in the English of the catalogue, by a dictionary.

Word by word, phrases first, compounds taken apart, what follows its thing put before it: `cavo di rete nero 10 m` is
`black network cable 10 m`. What the dictionary does not know (numbers, brands, part numbers) passes as it is. English
queries are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version

from multirecall.core.deadline import Deadline
from multirecall.core.language import guess_language
from multirecall.core.query import Query
from multirecall.core.rewriting import MAX_REWRITING_CHARS, Rewriting
from multirecall.recall.rewriters.chain import joined_fingerprint
from multirecall.recall.rewriters.dictionary import (
    LANGUAGES,
    Dictionary,
    Role,
    fold,
    is_english,
    load_dictionaries,
    words_of,
)

__all__ = ["Languages", "known_words"]

_TOKEN = re.compile(r"[^\W_]+(?:[.,][^\W_]+)*")
_BREAK = re.compile(r"[^\s'’\-]")  # no phrase goes over a comma or a bracket
_MEASURES = frozenset({"inch", "meter", "centimeter", "millimeter", "gram", "kilogram", "liter", "watt", "volt"})
_SIGNS = """the for with without and from to of my your how what which where when why who this that is are do does can
need want keep get on by not no it i you between into"""
_ENGLISH_SIGNS = frozenset(_SIGNS.split())
_LEAST_SHARE = 0.4
_SURE = 0.9
_NAME = 0.2  # what a name counts that is not understood
_CLOSE = 0.86  # similarity of a misspelled word and the dictionary's
_MIN_CLOSE_CHARS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """Some neighbouring words of the query and what they are in English; `role` None: they are not known."""

    said: str
    english: tuple[str, ...]
    role: Role | None
    foreign: bool = False
    sure: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """The query as one language's."""

    language: str
    pieces: tuple[_Piece, ...]
    share: float
    foreign_letters: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Languages:
    """The rewriter. `languages`: which ones it reads.

    `brands` (lower case) are not translated at a query's start, nor taken for articles. `catalogue` holds words that
    the English catalogue often has: they may be translated, but are no sign of another language.

    Up to three rewritings: with each thing's usual English name, with the catalogue's other name for it (`laptop bag`,
    `notebook case`), and what a second language reads in the same words, if it knows as many of them.
    """

    languages: tuple[str, ...] = LANGUAGES
    brands: Set[str] = frozenset()
    catalogue: Set[str] = frozenset()
    fingerprint: str = field(init=False)

    def __post_init__(self) -> None:
        told = [
            version("multirecall"),
            *self.languages,
            "brands",
            *sorted(self.brands),
            "catalogue",
            *sorted(self.catalogue),
        ]
        for dictionary in self._dictionaries:
            told += (f"{' '.join(k)}={'|'.join(e.english)}/{e.role}" for k, e in dictionary.entries.items())
        object.__setattr__(self, "fingerprint", joined_fingerprint(told))

    @property
    def name(self) -> str:
        return "languages"

    @property
    def is_model(self) -> bool:
        return False

    @property
    def _dictionaries(self) -> Sequence[Dictionary]:
        found: Mapping[str, Dictionary] = load_dictionaries()
        return [found[language] for language in self.languages]

    def rewrite(self, query: Query, deadline: Deadline) -> tuple[Rewriting, ...]:
        """Best first; empty for an English query, and for one of which less than two fifths are understood."""
        text = query.text[: 2 * MAX_REWRITING_CHARS]
        guess = guess_language(text)
        readings = [reading for one in self._dictionaries if (reading := self._read(text, one)) is not None]
        readings.sort(key=lambda one: (-one.share, one.language != guess, -one.foreign_letters))
        found: dict[str, Rewriting] = {}
        for rank, reading in enumerate(readings[:2]):
            if rank and reading.share < readings[0].share:
                break
            agreed = 1.0 if guess == reading.language else 0.95 if guess not in ("en", *LANGUAGES) else 0.85
            confidence = _SURE * agreed * (0.3 + 0.7 * reading.share) * (1.0, 0.8)[rank]
            said = f"{reading.language}: " + ", ".join(
                f"{piece.said} → {piece.english[0]}" for piece in reading.pieces if piece.role and piece.english
            )
            for other in (0, 1):
                english = _in_english(reading, other)
                if english and len(english) <= MAX_REWRITING_CHARS and english.casefold() != text.casefold():
                    rewriting = Rewriting(
                        text=english, by=self.name, confidence=confidence * (1.0, 0.9)[other], log=(said,)
                    )
                    found.setdefault(english.casefold(), rewriting)
        return tuple(sorted(found.values(), key=lambda one: -one.confidence))[:3]

    def _read(self, text: str, dictionary: Dictionary) -> _Reading | None:
        """The query as this language's; None if too little speaks for it."""
        pieces = _pieces(text, dictionary, self.catalogue)
        for at, piece in enumerate(pieces):
            if fold(piece.said) in self.brands and (piece.role in ("links", "dropped") or (at == 0 < len(pieces) - 1)):
                pieces[at] = _Piece(said=piece.said, english=(piece.said,), role=None)
        signs = sum(len(words_of(piece.said)) for piece in pieces if piece.foreign)
        against = 0.0
        for piece in pieces:
            word = fold(piece.said)
            if piece.role is None and len(word) > 1 and word.isalpha() and is_english(word):
                against += 1.0 if word in _ENGLISH_SIGNS else 0.5
        if signs <= against:
            return None
        pieces = [_mended(piece, dictionary, self.catalogue) for piece in pieces]
        known = unknown = 0.0
        for piece in pieces:
            letters = sum(c.isalpha() for c in piece.said)
            if piece.role is not None:
                known += letters * piece.sure
            elif letters > 2 and not is_english(fold(piece.said)) and not any(c.isdigit() for c in piece.said):
                unknown += letters * (_NAME if self._is_name(piece.said) else 1.0)
        share = known / (known + unknown) if known else 0.0
        if share < _LEAST_SHARE or not any(
            piece.role in ("things", "properties") and piece.foreign for piece in pieces
        ):
            return None
        return _Reading(
            language=dictionary.language,
            pieces=tuple(pieces),
            share=share,
            foreign_letters=sum(len(piece.said) for piece in pieces if piece.foreign),
        )

    def _is_name(self, word: str) -> bool:
        return word[0].isupper() or fold(word) in self.brands or fold(word) in self.catalogue


@cache
def known_words() -> frozenset[str]:
    """All words of the dictionaries, folded: no spelling should take one of them for an English word misspelled."""
    return frozenset(word for one in load_dictionaries().values() for key in one.entries for word in key)


def _pieces(text: str, dictionary: Dictionary, catalogue: Set[str]) -> list[_Piece]:
    """The longest phrases that are known, from the left; what is between them as it stands in the text."""
    spans = list(_spans(text, dictionary))
    words = [fold(text[start:end]) for start, end in spans]
    pieces = []
    at = 0
    while at < len(words):
        for n in range(min(dictionary.longest, len(words) - at), 0, -1):
            if any(_BREAK.search(text[spans[i][1] : spans[i + 1][0]]) for i in range(at, at + n - 1)):
                continue
            said = text[spans[at][0] : spans[at + n - 1][1]]
            found = dictionary.look_up(words[at : at + n])
            if found is not None:
                foreign = not all(is_english(word) or word in catalogue for word in words[at : at + n])
                pieces.append(_Piece(said=said, english=found.english, role=found.role, foreign=foreign))
                break
            if n == 1:
                pieces += _unknown(said, words[at], dictionary)
        at += n
    return pieces


def _spans(text: str, dictionary: Dictionary) -> list[tuple[int, int]]:
    """Where the words stand. What holds digits is one word up to the next space, unless a part of it is known."""
    found: list[tuple[int, int]] = []
    for chunk in re.finditer(r"\S+", text):
        words = [(chunk.start() + m.start(), chunk.start() + m.end()) for m in _TOKEN.finditer(chunk.group())]
        if len(words) > 1 and any(c.isdigit() for c in chunk.group()):
            parts = [fold(text[start:end]) for start, end in words]
            if not any(len(part) > 3 and part.isalpha() and dictionary.look_up((part,)) for part in parts):
                words = [(words[0][0], words[-1][1])]
        found += words
    return found


def _unknown(said: str, word: str, dictionary: Dictionary) -> list[_Piece]:
    """A compound's translation, part by part; else the word itself."""
    parts = () if is_english(word) or not said[1:].islower() else dictionary.split(word)
    if not parts:
        return [_Piece(said=said, english=(said,), role=None)]
    english = tuple(" ".join(part.english[min(other, len(part.english) - 1)] for part in parts) for other in (0, 1))
    return [_Piece(said=said, english=english, role="things", foreign=True)]


def _mended(piece: _Piece, dictionary: Dictionary, catalogue: Set[str]) -> _Piece:
    """The dictionary's word that the piece is nearly, if it is one."""
    from rapidfuzz import process
    from rapidfuzz.distance import Levenshtein

    word = fold(piece.said)
    if piece.role is not None or len(word) < _MIN_CLOSE_CHARS or not word.isalpha():
        return piece
    if is_english(word) or word in catalogue:
        return piece
    candidates = [key[0] for key in dictionary.entries if len(key) == 1 and key[0][0] == word[0] and len(key[0]) > 4]
    best = process.extractOne(word, candidates, scorer=Levenshtein.normalized_similarity, score_cutoff=_CLOSE)
    if best is None:
        return piece
    entry = dictionary.entries[(best[0],)]
    return _Piece(said=piece.said, english=entry.english, role=entry.role, sure=0.7)


def _in_english(reading: _Reading, other: int) -> str:
    """The pieces in English order; `other` 1 takes second names where there are some. Empty if there are none."""
    if other and not any(len(set(piece.english)) > 1 for piece in reading.pieces):
        return ""
    reverses = reading.language in ("fr", "es", "it")
    out: list[str] = []
    groups: list[list[_Piece]] = [[]]  # things and properties, a new list behind each `of`

    def flush() -> None:
        for group in reversed(groups):
            out.extend(_name(piece, other) for piece in (_reversed(group) if reverses else group))
        groups[:] = [[]]

    for piece in reading.pieces:
        if piece.role == "links":
            groups.append([])
        elif piece.role == "dropped":
            continue
        elif piece.role in ("things", "properties") and not _is_measure(piece, out, groups):
            groups[-1].append(piece)
        else:
            flush()
            out.append(_name(piece, other))
    flush()
    return " ".join(word for word in out if word)


def _name(piece: _Piece, other: int) -> str:
    return piece.english[min(other, len(piece.english) - 1)] if piece.english else ""


def _is_measure(piece: _Piece, out: Sequence[str], groups: Sequence[Sequence[_Piece]]) -> bool:
    return piece.english[0] in _MEASURES and not any(groups) and bool(out) and out[-1][-1:].isdigit()


def _reversed(group: Sequence[_Piece]) -> list[_Piece]:
    """`imprimante laser couleur`: all behind the thing comes before it, last first; what stood before it stays."""
    ahead = 0
    while ahead < len(group) and group[ahead].role == "properties":
        ahead += 1
    return [*group[:ahead], *reversed(group[ahead:])] if ahead < len(group) else list(group)
