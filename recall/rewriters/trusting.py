"""How far a model's rewrite is to be trusted: what the shopper insisted on must be there, and nothing invented."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from multirecall.core.codes import looks_like_part_number, normalise_code
from multirecall.recall.rewriters.prompts import EXAMPLE_REWRITES
from multirecall.recall.rewriters.reading import joined_letters

__all__ = ["VERSION", "CatalogueWords", "Trust", "trust"]

VERSION = 1
"""Raise it with any change of the confidences."""

_UNTOLD = 0.7  # of a first rewrite whose model gives no probabilities
_PER_POSITION = 0.95
_NUMBER_CHANGED = 0.3  # one that was lost or came in: another product, mostly
_BRAND_CHANGED = 0.5
_NO_KNOWN_WORD = 0.3
_LEAST = 0.02

_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")
_WORD = re.compile(r"[^\W_]+")
_TOKEN = re.compile(r"[^\s,;()/]+")


class CatalogueWords(Protocol):
    """What a catalogue knows of words, which come in lower case."""

    @property
    def fingerprint(self) -> str: ...

    def count(self, word: str) -> int:
        """How many products have this word."""
        ...

    def is_name(self, word: str) -> bool:
        """Whether it is the name of a brand, or a part of one."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Confidence 0 to 1 and what lowered it; or `refused`, why the rewrite is not to be used at all."""

    confidence: float = 0.0
    why: tuple[str, ...] = ()
    refused: str = ""


def trust(
    query: str, rewrite: str, *, position: int, log_probability: float | None, words: CatalogueWords | None = None
) -> Trust:
    """Of the rewrite that came at `position` (from 0) of the accepted ones.

    It begins with the mean probability of the answer's tokens where the model tells it, and falls with the position. A
    part number that was lost or invented refuses the rewrite, and so does an example of the prompt that is merely said
    again. Of the confidence, 0.3 is left for any other number, 0.5 for a brand, that was lost or came in, and 0.3 if no
    word is the catalogue's, in proportion. Without a catalogue's words neither brands nor words are looked at. The
    constants are set by hand: the blender learns what they are worth.
    """
    if rewrite.lower() in EXAMPLE_REWRITES and not _words(query) & _words(rewrite):
        return Trust(refused="an example of the prompt")
    for lost, gone in ((True, _part_numbers(query)), (False, _part_numbers(rewrite))):
        there = joined_letters(rewrite if lost else query)
        for number in sorted(gone):
            if number not in there:
                return Trust(refused=f"{'loses' if lost else 'invents'} {number}")
    told = log_probability is not None and log_probability <= 0.0  # NaN is no probability
    confidence = (math.exp(log_probability) if told and log_probability is not None else _UNTOLD) * (
        _PER_POSITION**position
    )
    why = []
    if changed := _changed(_numbers(query), _numbers(rewrite)):
        confidence *= _NUMBER_CHANGED
        why.append(changed)
    if words is not None:
        of_query, of_rewrite = _words(query), _words(rewrite)
        if changed := _changed(_which(of_query, words.is_name), _which(of_rewrite, words.is_name)):
            confidence *= _BRAND_CHANGED
            why.append(changed)
        known = _which(of_rewrite, lambda word: words.count(word) > 0)
        if of_rewrite and not known:
            return Trust(refused="no word of it is in the catalogue")
        if len(known) < len(of_rewrite):
            confidence *= _NO_KNOWN_WORD + (1.0 - _NO_KNOWN_WORD) * len(known) / len(of_rewrite)
            why.append(f"not in the catalogue: {', '.join(sorted(of_rewrite - known))}")
    return Trust(confidence=max(round(confidence, 4), _LEAST), why=tuple(why))


def _part_numbers(text: str) -> set[str]:
    """Letters and digits of each, without separators."""
    codes = (normalise_code(token) for token in _TOKEN.findall(text))
    return {joined_letters(code) for code in codes if looks_like_part_number(code)}


def _numbers(text: str) -> set[str]:
    return {number.replace(",", ".") for number in _NUMBER.findall(text)}


def _words(text: str) -> set[str]:
    """Words of letters; what has digits is looked at as a number."""
    return {word for word in _WORD.findall(text.lower()) if len(word) > 1 and word.isalpha()}


def _which(words: set[str], are: Callable[[str], bool]) -> set[str]:
    return {word for word in words if are(word)}


def _changed(before: set[str], after: set[str]) -> str:
    parts = [f"without {', '.join(sorted(before - after))}"] if before - after else []
    if after - before:
        parts.append(f"with {', '.join(sorted(after - before))}")
    return " and ".join(parts)
