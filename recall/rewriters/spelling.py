"""Spelling: words that the catalogue does not know, mended by those it does; names, codes and numbers are not touched.

A noisy channel: for each word that was typed, what it may have been meant to be (candidates by symspellpy), weighed by
how often that is said (catalogue, everyday English, the words beside it) and by how easily it is typed so
(`channel.py`). The confidence is the posterior of the words that were changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from multirecall.core.codes import looks_like_part_number, normalise_code
from multirecall.core.deadline import Deadline
from multirecall.core.query import Query
from multirecall.core.rewriting import MAX_REWRITING_CHARS, Rewriting
from multirecall.recall.rewriters.chain import joined_fingerprint
from multirecall.recall.rewriters.channel import MAX_EDITS, typed_as
from multirecall.recall.rewriters.vocabulary import Vocabulary, fold

__all__ = ["Correction", "Spelling", "everyday_english"]

_P_MISSPELT = 0.05  # of the words of queries
_NAMED, _TOLD, _EVERYDAY = 0.5, 0.35, 0.15  # where words of queries come from: names of products, texts, English
_P_UNSEEN = 2e-8  # of any one word that neither knows
_BESIDE = 0.2  # weight of what each neighbour says
_P_NO_SPACE = 0.1  # of the slips, those that leave out a space
_SURE_ENOUGH = 0.4  # less is no help
_NEAR_ENOUGH = 0.9  # so sure after one edit that two need not be looked for
_KNOWN = 3  # products: fewer may hold a slip themselves
_P_RARE = 0.3
_SLIP_RATIO = 200  # how much commoner a word must be for its neighbour to be one
_MAX_TARGETS = 50_000  # words that may be meant; some 4 KB each
_MIN_CHARS, _MIN_CHARS_TWO = 4, 6
_MAX_CHARS = 30
_MIN_CODE_CHARS = 6
_P_CODE = 0.8
_TOKEN = re.compile(r"\S+")
_LETTERS = re.compile(r"[^\W\d_]+")
_CONFUSED = str.maketrans("oils", "0115")
_UNSPOKEN = re.compile(r"[./@\\_]\w")  # an address, a version: its letters are no words


@cache
def everyday_english() -> Mapping[str, float]:
    """How probable each of some 80,000 English words is: the list that symspellpy brings along. Reads a file once."""
    text = (files("symspellpy") / "frequency_dictionary_en_82_765.txt").read_text(encoding="utf-8-sig")
    counts = {word: int(count) for word, count in (line.split() for line in text.splitlines())}
    total = sum(counts.values())
    return {word: count / total for word, count in counts.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    typed: str
    meant: str
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """Rewriter. `known_words` are folded words of other languages that are right as they are.

    Opening it takes a second per 10,000 words of the vocabulary. Words of fewer than 4 letters are left alone.
    """

    vocabulary: Vocabulary = field(compare=False, repr=False)
    known_words: Set[str] = field(default=frozenset(), compare=False, repr=False)
    fingerprint: str = field(init=False)
    _symspell: Any = field(init=False, compare=False, repr=False)
    _codes: Mapping[str, str] = field(init=False, compare=False, repr=False)
    _total: int = field(init=False, compare=False, repr=False)
    _total_named: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        parts = ("spelling 1", self.vocabulary.fingerprint, *sorted(self.known_words))
        object.__setattr__(self, "fingerprint", joined_fingerprint(parts))
        object.__setattr__(self, "_symspell", _dictionary(self.vocabulary))
        object.__setattr__(self, "_codes", _by_confusion(self.vocabulary.codes))
        everyday_english()  # not in the middle of the first query
        object.__setattr__(self, "_total", max(1, sum(self.vocabulary.folded.values())))
        object.__setattr__(self, "_total_named", max(1, sum(self.vocabulary.folded_named.values())))

    @property
    def name(self) -> str:
        return "spelling"

    @property
    def is_model(self) -> bool:
        return False

    def rewrite(self, query: Query, deadline: Deadline) -> tuple[Rewriting, ...]:
        """The query with all its corrections, or nothing."""
        corrections: list[Correction] = []
        text, at = [], 0
        for start, end, correction in self._corrections(query.text):
            corrections.append(correction)
            text += [query.text[at:start], correction.meant]
            at = end
        text.append(query.text[at:])
        mended = "".join(text)
        if not corrections or len(mended) > MAX_REWRITING_CHARS:
            return ()
        confidence = 1.0
        for correction in corrections:
            confidence *= correction.confidence
        log = tuple(f"{one.typed} → {one.meant}" for one in corrections)
        return (Rewriting(text=mended, by=self.name, confidence=confidence, log=log),)

    def _corrections(self, text: str) -> Iterator[tuple[int, int, Correction]]:
        """Where in the text what is to be changed, left to right."""
        words = list(_words(text))
        folded = [fold(word) for _, word in words]
        for i, (start, word) in enumerate(words):
            if any(c.isdigit() for c in word):
                correction = self._code(word)
            else:
                before = folded[i - 1] if i else ""
                after = folded[i + 1] if i + 1 < len(words) else ""
                correction = self.correct(word, before, after)
            if correction is not None:
                folded[i] = fold(correction.meant)  # the next word stands beside what was meant
                yield start, start + len(word), correction

    def correct(self, word: str, before: str = "", after: str = "") -> Correction | None:
        """What was meant by a word of letters between two others (folded; empty: none); None to leave it as it is."""
        typed = fold(word)
        if not _MIN_CHARS <= len(typed) <= _MAX_CHARS or not self._may_be_wrong(typed, before, after):
            return None
        stays = (1 - _P_MISSPELT) * self._said(typed, before, after)
        if self.vocabulary.folded.get(typed, 0):  # a rare word, and no English one: often a slip of the catalogue
            stays *= _P_RARE
        split = self._split(typed)
        weighed: dict[str, float] = {}
        for edits in (1, 2) if len(typed) >= _MIN_CHARS_TWO else (1,):
            for meant in self._candidates(typed, edits):
                if meant not in weighed:
                    slip = typed_as(meant, typed)
                    weighed[meant] = _P_MISSPELT * slip * self._said(meant, before, after) if slip else 0.0
            best = max(weighed, key=lambda one: (weighed[one], one), default="")
            if best and weighed[best] / (stays + split + sum(weighed.values()) or 1.0) >= _NEAR_ENOUGH:
                break
        if not best:
            return None
        confidence = weighed[best] / (stays + split + sum(weighed.values()) or 1.0)
        own = self.vocabulary.folded.get(typed, 0)
        if confidence < _SURE_ENOUGH or (own and self.vocabulary.folded[best] < _SLIP_RATIO * own):
            return None
        return Correction(typed=word, meant=self.vocabulary.written(best), confidence=confidence)

    def _may_be_wrong(self, typed: str, before: str, after: str) -> bool:
        vocabulary = self.vocabulary
        count = vocabulary.folded.get(typed, 0)
        if count >= _KNOWN or typed in self.known_words or vocabulary.is_name(typed):
            return False
        if count and typed in everyday_english():
            return False
        joined = [one for one in (before + typed, typed + after) if len(one) > len(typed)]
        if any(normalise_code(one) in vocabulary.codes for one in joined):  # a part number in two pieces
            return False
        return not any(vocabulary.folded.get(one, 0) >= _KNOWN for one in joined)  # a space too many: for compounds

    def _said(self, word: str, before: str, after: str) -> float:
        """How probable the word is, between these two."""
        vocabulary = self.vocabulary
        alone = _NAMED * vocabulary.folded_named.get(word, 0) / self._total_named
        alone += _TOLD * vocabulary.folded.get(word, 0) / self._total
        alone += _EVERYDAY * everyday_english().get(word, 0.0) + _P_UNSEEN
        beside, weight = 0.0, 0.0
        for pair, neighbour in (((before, word), before), ((word, after), after)):
            count = vocabulary.folded.get(neighbour, 0)
            if count >= _KNOWN:
                beside += _BESIDE * vocabulary.pairs.get(pair, 0) / count
                weight += _BESIDE
        return (1 - weight) * alone + beside

    def _split(self, typed: str) -> float:
        """How probable it is that two words were meant which the catalogue has side by side."""
        pairs = self.vocabulary.pairs
        best = max((pairs.get((typed[:i], typed[i:]), 0) for i in range(2, len(typed) - 1)), default=0)
        return _P_MISSPELT * _P_NO_SPACE / len(typed) * best / self._total

    def _candidates(self, typed: str, edits: int) -> list[str]:
        from symspellpy import Verbosity

        return [one.term for one in self._symspell.lookup(typed, Verbosity.ALL, edits)]

    def _code(self, word: str) -> Correction | None:
        """A part number that is not known but for an O that should be a zero, or the like."""
        code = normalise_code(word)
        if len(code) < _MIN_CODE_CHARS or code in self.vocabulary.codes or not looks_like_part_number(code):
            return None
        meant = self._codes.get(code.translate(_CONFUSED), "")
        if not meant or meant == code:
            return None
        return Correction(typed=word, meant=meant, confidence=_P_CODE)


def _words(text: str) -> Iterator[tuple[int, str]]:
    """Words of letters, and chunks with digits, each with its place. Addresses and the like give none."""
    for chunk in _TOKEN.finditer(text):
        if any(c.isdigit() for c in chunk[0]):
            yield chunk.start(), chunk[0]
        elif not _UNSPOKEN.search(chunk[0]):
            for word in _LETTERS.finditer(chunk[0]):
                yield chunk.start() + word.start(), word[0]


def _dictionary(vocabulary: Vocabulary) -> Any:
    from rapidfuzz.distance import OSA
    from symspellpy import SymSpell
    from symspellpy.abstract_distance_comparer import AbstractDistanceComparer
    from symspellpy.editdistance import DistanceAlgorithm, EditDistance

    class Fast(AbstractDistanceComparer):  # type: ignore[misc] # the package's own is Python
        def distance(self, string_1: str, string_2: str, max_distance: int) -> int:
            found = OSA.distance(string_1, string_2, score_cutoff=max_distance)
            return found if found <= max_distance else -1

    symspell = SymSpell(
        max_dictionary_edit_distance=MAX_EDITS,
        distance_comparer=EditDistance(DistanceAlgorithm.USER_PROVIDED, Fast()),
    )
    ranked = sorted(vocabulary.folded.items(), key=lambda item: (-item[1], item[0]))
    able = (item for item in ranked if _MIN_CHARS - 1 <= len(item[0]) <= _MAX_CHARS)
    for (word, count), _ in zip(able, range(_MAX_TARGETS), strict=False):
        symspell.create_dictionary_entry(word, count)
    return symspell


def _by_confusion(codes: Set[str]) -> dict[str, str]:
    """Codes by what is left of them when letters that look like digits are digits; without those that meet there."""
    found: dict[str, str] = {}
    for code in sorted(codes):
        if len(code) >= _MIN_CODE_CHARS and looks_like_part_number(code):
            key = code.translate(_CONFUSED)
            found[key] = "" if key in found else code
    return found
