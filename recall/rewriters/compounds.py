"""Compounds: words that the catalogue writes apart or in one, and part numbers that were typed in pieces.

`power bank` becomes `powerbank` where that is what the catalogue says, `tonercartridge` `toner cartridge`,
`druckerpatrone` `drucker patrone`, `ce 505 a` `ce505a`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from multirecall.core.codes import looks_like_part_number, normalise_code, query_codes
from multirecall.core.deadline import Deadline
from multirecall.core.query import Query
from multirecall.core.rewriting import MAX_REWRITING_CHARS, Rewriting
from multirecall.recall.rewriters.chain import joined_fingerprint
from multirecall.recall.rewriters.units import is_measure
from multirecall.recall.rewriters.vocabulary import Vocabulary, fold

__all__ = ["Change", "Compounds"]

_KNOWN = 3  # products that must write it so
_TIMES = 3  # how much commoner the other writing must be than what was typed
_MIN_PART, _MIN_UNSEEN_PART = 2, 4
_MIN_JOINED = 5
_MAX_CODE_PIECES, _MAX_CODE_LETTERS = 4, 4
_P_CODE = 0.95
_P_UNSEEN = 0.6  # two known words that no product has side by side
_LINKS = ("", "s", "es", "n", "en", "er")  # what German and Dutch put between the parts
_DIMENSIONS = re.compile(r"\d x \d", re.IGNORECASE)
_TOKEN = re.compile(r"\S+")


class Change(NamedTuple):
    """`n` words from the first on are to be written `as_text`."""

    n: int
    as_text: str
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Compounds:
    """Rewriter. `known_words` are folded words of other languages: they are not split, and may be parts."""

    vocabulary: Vocabulary = field(compare=False, repr=False)
    known_words: Set[str] = field(default=frozenset(), compare=False, repr=False)
    fingerprint: str = field(init=False)

    def __post_init__(self) -> None:
        parts = ("compounds 1", self.vocabulary.fingerprint, *sorted(self.known_words))
        object.__setattr__(self, "fingerprint", joined_fingerprint(parts))

    @property
    def name(self) -> str:
        return "compounds"

    @property
    def is_model(self) -> bool:
        return False

    def rewrite(self, query: Query, deadline: Deadline) -> tuple[Rewriting, ...]:
        """The query with every compound written as the catalogue does, or nothing."""
        words = _TOKEN.findall(query.text)
        written: list[str] = []
        log: list[str] = []
        confidence = 1.0
        at = 0
        while at < len(words):
            change = self._change(words[at:])
            if change is None:
                written.append(words[at])
                at += 1
                continue
            written.append(change.as_text)
            log.append(f"{' '.join(words[at : at + change.n])} → {change.as_text}")
            confidence *= change.confidence
            at += change.n
        text = " ".join(written)
        if not log or len(text) > MAX_REWRITING_CHARS:
            return ()
        return (Rewriting(text=text, by=self.name, confidence=confidence, log=tuple(log)),)

    def _change(self, words: Sequence[str]) -> Change | None:
        """What is to be done with the first of the words, and perhaps with those behind it."""
        if len(words) > 1 and words[0].isalpha() and words[1].isalpha():
            joined = self._joined(words[0], words[1])
            if joined is not None:
                return joined
        return self._joined_code(words) or (self._split(words[0]) if words[0].isalpha() else None)

    def _joined(self, left: str, right: str) -> Change | None:
        word = fold(left) + fold(right)
        if len(word) < _MIN_JOINED or min(len(left), len(right)) < _MIN_PART:
            return None
        together, apart = self.vocabulary.folded.get(word, 0), self.vocabulary.pair(left, right)
        if together < _KNOWN or together < _TIMES * apart:
            return None
        return Change(2, self.vocabulary.written(word), together / (together + apart + 1))

    def _joined_code(self, words: Sequence[str]) -> Change | None:
        """The longest run of pieces that is one part number of the catalogue, unless `query_codes` sees it anyway."""
        for n in range(min(len(words), _MAX_CODE_PIECES), 1, -1):
            pieces = [normalise_code(word) for word in words[:n]]
            code = "".join(pieces)
            if (
                code in self.vocabulary.codes
                and looks_like_part_number(code)
                and all(map(self._is_code_piece, words[:n], pieces))
                and not _DIMENSIONS.search(" ".join(words[:n]))
                and not any(map(is_measure, (*words[:n], *map(" ".join, pairwise(words[:n])))))
                and not any(piece in self.vocabulary.codes for piece in pieces)
                and code not in query_codes(" ".join(words[:n]))
            ):
                return Change(n, code, _P_CODE)
        return None

    def _is_code_piece(self, word: str, piece: str) -> bool:
        """Whether it may be part of a part number: `600 x 600` and `ipaq 900 stylus kit` are none."""
        if not piece or not word[-1].isalnum() or not word[0].isalnum():
            return False
        if any(c.isdigit() for c in piece):
            return True
        return len(piece) <= 2 or (len(piece) <= _MAX_CODE_LETTERS and self.vocabulary.count(piece) < _KNOWN)

    def _split(self, word: str) -> Change | None:
        folded = fold(word)
        own = self.vocabulary.folded.get(folded, 0)
        best: Change | None = None
        for left, right in self._parts(folded):
            apart = self.vocabulary.pairs.get((left, right), 0)
            if apart >= _KNOWN and apart >= _TIMES * own and (not own or min(len(left), len(right)) > _MIN_PART):
                sure = apart / (apart + own + 1)
            elif not own and apart < _KNOWN and self._stands_alone(left) and self._stands_alone(right):
                sure = _P_UNSEEN
            else:
                continue
            if best is None or sure > best.confidence:
                text = f"{self.vocabulary.written(left)} {self.vocabulary.written(right)}"
                best = Change(1, text, sure)
        return best

    def _parts(self, folded: str) -> Iterator[tuple[str, str]]:
        """Two parts of the word, with and without a link between them; none for a name or a word that is known."""
        if len(folded) < _MIN_JOINED or folded in self.known_words or self.vocabulary.is_name(folded):
            return
        for at in range(_MIN_PART, len(folded) - _MIN_PART + 1):
            for link in _LINKS:
                if folded[:at].endswith(link) and at - len(link) >= (_MIN_UNSEEN_PART if link else _MIN_PART):
                    yield folded[: at - len(link)], folded[at:]

    def _stands_alone(self, part: str) -> bool:
        if len(part) < _MIN_UNSEEN_PART:
            return False
        return part in self.known_words or self.vocabulary.folded.get(part, 0) >= _KNOWN
