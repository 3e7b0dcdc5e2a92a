r"""Files of synonyms in the syntax of Solr and Elasticsearch, read again when they change.

# a comment
laptop, notebook            each may stand for the others
telly, goggle box => tv     what stands on the left is read as what stands on the right
1\,5 inch, one and a half   a backslash takes the next character as it is
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from multirecall.core.errors import InvalidSettings
from multirecall.recall.rewriters.chain import joined_fingerprint
from multirecall.recall.rewriters.vocabulary import fold

__all__ = ["MAX_PHRASE_WORDS", "Meaning", "SynonymFile", "SynonymRules", "key_of", "parse_synonyms"]

MAX_PHRASE_WORDS = 5

_log = logging.getLogger("multirecall.recall")
_EQUAL, _EXPLICIT = 0.9, 0.95
_LOOK_EVERY_S = 1.0
_ARROW = re.compile(r"(?<!\\)=>")
_COMMA = re.compile(r"(?<!\\),")
_ESCAPED = re.compile(r"\\(.)")
_EDGES = ".,;:!?()[]\"'"


def key_of(phrase: str) -> tuple[str, ...]:
    """The words by which a phrase is looked up: folded, without punctuation around them, and without a plural's `s`."""
    words = (fold(word.strip(_EDGES)) for word in phrase.split())
    return tuple(_singular(word) for word in words if word)


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What a phrase may be read as. `source` says who says so."""

    text: str
    confidence: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SynonymRules:
    """Meanings by phrase (`key_of`), each list in the order of the file; `longest` is the longest phrase, in words."""

    meanings: Mapping[tuple[str, ...], tuple[Meaning, ...]] = field(default_factory=dict)
    fingerprint: str = ""
    longest: int = 0

    @classmethod
    def of(cls, rows: Sequence[tuple[str, Meaning]]) -> SynonymRules:
        """The rules of (phrase, meaning) pairs; of equal ones the first counts."""
        found: dict[tuple[str, ...], dict[str, Meaning]] = {}
        for phrase, meaning in rows:
            key = key_of(phrase)
            if key and key != key_of(meaning.text):
                found.setdefault(key, {}).setdefault(meaning.text, meaning)
        told = (f"{' '.join(key)}={one}" for key in sorted(found) for one in found[key].values())
        return cls(
            meanings={key: tuple(meanings.values()) for key, meanings in found.items()},
            fingerprint=joined_fingerprint(told),
            longest=max(map(len, found), default=0),
        )


def parse_synonyms(text: str, *, source: str, name: str = "synonyms") -> SynonymRules:
    """The rules of a file's text. Raises InvalidSettings that names the line for one that says nothing."""
    rows: list[tuple[str, Meaning]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                rows += _rules_of(line, source)
            except ValueError as error:
                raise InvalidSettings(
                    f"{name}, line {number}: {error}: {line.strip()[:120]!r}.",
                    hint="Write `a, b, c` for words that mean the same, or `a, b => c`. A comma in a word is `\\,`.",
                    field="synonyms",
                    line=number,
                ) from None
    return SynonymRules.of(rows)


def _rules_of(line: str, source: str) -> Iterator[tuple[str, Meaning]]:
    sides = _ARROW.split(line)
    if len(sides) > 2:
        raise ValueError("more than one `=>`")
    groups = [_phrases(side) for side in sides]
    if len(groups) == 2:
        said, meant, confidence = groups[0], groups[1], _EXPLICIT
    else:
        said, meant, confidence = groups[0], groups[0], _EQUAL
        if len(said) < 2:
            raise ValueError("one phrase alone means nothing else")
    for phrase in said:
        for text in meant:
            if text != phrase:
                yield phrase, Meaning(text=text, confidence=confidence, source=source)


def _phrases(side: str) -> list[str]:
    phrases = [" ".join(_ESCAPED.sub(r"\1", part).split()) for part in _COMMA.split(side)]
    for phrase in phrases:
        if not any(c.isalnum() for c in phrase):
            raise ValueError("a phrase is empty" if not phrase else f"{phrase!r} holds no letter or digit")
        if len(phrase.split()) > MAX_PHRASE_WORDS:
            raise ValueError(f"{phrase!r} has more than {MAX_PHRASE_WORDS} words")
    return phrases


class SynonymFile:
    """A user's file. It is looked at once a second at most, and read again when its time or size has changed.

    A file that has become unreadable or wrong keeps the rules that were there before; `problem` then says what is the
    matter, and so does the log, once. Safe for several threads. Compares by path.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """Reads it. Raises InvalidSettings: what is wrong from the beginning is not put up with."""
        self.path = path
        self.problem = ""
        self._clock = clock
        self._lock = threading.Lock()
        self._seen = self._stamp()
        self._rules = self._read()
        self._looked_at = clock()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SynonymFile) and self.path == other.path

    def __hash__(self) -> int:
        return hash(self.path)

    def rules(self) -> SynonymRules:
        """What the file says now, or a second ago. Whoever comes while it is read gets what was there before."""
        if self._clock() - self._looked_at >= _LOOK_EVERY_S and self._lock.acquire(blocking=False):
            try:
                self._look()
            finally:
                self._lock.release()
        return self._rules

    def _look(self) -> None:
        self._looked_at = self._clock()
        stamp = self._stamp()
        if stamp == self._seen:
            return
        self._seen = stamp
        try:
            self._rules = self._read()
            self.problem = ""
        except InvalidSettings as error:
            self.problem = str(error)
            _log.warning("The synonyms of before are kept: %s", error)

    def _stamp(self) -> tuple[int, int, int]:
        try:
            found = self.path.stat()
        except OSError:
            return (0, 0, 0)  # to read it will say why
        return (found.st_mtime_ns, found.st_size, found.st_ino)

    def _read(self) -> SynonymRules:
        try:
            text = self.path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise InvalidSettings(
                f"Cannot read the synonyms {self.path}: {reason}.",
                hint="Correct MULTIRECALL_SYNONYMS, or leave it empty.",
                field="synonyms",
            ) from None
        return parse_synonyms(text, source="file", name=str(self.path))
