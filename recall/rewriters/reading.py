"""Reads what a language model answered. It is untrusted: search queries come out of it, or nothing.

Each candidate is cleaned (control characters, markup, numbering, quotes) and dropped if it is no search query or speaks
to us instead (a refusal, an instruction). A candidate is a text: words are all it can bring, never a filter.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from multirecall.recall.rewriters.generator import MAX_ANSWER_CHARS

__all__ = ["VERSION", "Reading", "joined_letters", "read_answer"]

VERSION = 1
"""Raise it with any change of what is read out of an answer."""

MAX_CANDIDATE_CHARS = 120
MAX_CANDIDATE_WORDS = 14
MAX_WORD_CHARS = 40
_MOST_LOOKED_AT = 50

_THOUGHT = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"```[a-zA-Z]*")
_MARKUP = re.compile(r"</?[a-zA-Z!][^<>]{0,200}>|<\|[^<>]{0,40}\|>|\[/?INST\]|\*\*|__|`")
_NUMBERING = re.compile(r"^\s*(?:[-*•‣–—>#]+\s+|\(?\d{1,2}[.):]\s+|\(?[a-h][.)]\s+)+")  # "19 mm" is no numbering
_LABEL = re.compile(
    r"^\s*(?:(?:search\s+)?quer(?:y|ies)|rewrites?|rewritten(?:\s+quer(?:y|ies))?|alternatives?|candidates?|shopper|"
    r"assistant|user|system|output|answer)\s*\d{0,2}\s*[:=]\s*",
    re.IGNORECASE,
)
_QUOTES = "\"'“”‘’«»„`"
_SPACES = re.compile(r"\s+")
_TALK = re.compile(
    r"(?:sure|certainly|of course|okay|ok|here(?:'s| is| are)|below (?:is|are)|these are|the following|i hope|let me|"
    r"note that|please (?:let|note|provide)|as requested|i (?:have|would|will|can|think|am)|you (?:can|could|are))\b",
    re.IGNORECASE,
)
_REFUSAL = re.compile(
    r"\b(?:i(?:'m| am) (?:sorry|unable|not able)|i (?:can(?:'|no)?t|cannot|won't|do not|don't|must)|sorry,|"
    r"as an? (?:ai|language model|assistant)|unable to (?:help|assist|comply)|not (?:able|allowed) to|"
    r"against (?:my|the) (?:policy|guidelines))\b",
    re.IGNORECASE,
)
_INSTRUCTION = re.compile(
    r"\b(?:(?:ignore|disregard|forget|override)\b.{0,30}\b(?:above|previous|prior|instructions?|prompt|rules|"
    r"everything)|system prompt|developer message|jailbreak|prompt injection|new instructions|act as (?:an?|if)|"
    r"pretend (?:to be|you)|you are now)\b",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"https?://|www\.|\S@\S+\.\S|javascript:", re.IGNORECASE)
_SYNTAX = re.compile(r"[{}\[\]<>\\;=$^~]|&&|[^\W\d]:\S|\b(?:AND|OR|NOT)\b")
_REASONS = (
    (_INSTRUCTION.search, "an instruction"),
    (_REFUSAL.search, "a refusal"),
    (_TALK.match, "talk"),
    (_ADDRESS.search, "an address"),
    (_SYNTAX.search, "syntax"),
)
_LIKE_LATIN = ("LATIN", "MICRO SIGN", "OHM SIGN", "GREEK CAPITAL LETTER OMEGA", "GREEK SMALL LETTER MU")  # µm, kΩ


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What an answer holds: search queries in its order, each once; for each other candidate `reason: text`."""

    texts: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()


def read_answer(answer: str, query: str) -> Reading:
    """The search queries in a model's answer to `query`, whose own text is none of them.

    An answer may be a JSON array (of texts, or of objects with a `query`, `text` or `rewrite`), an object that holds
    one, texts in one line joined by `|`, or lines; with talk around it. Whatever it is, nothing is raised.
    """
    texts: dict[str, str] = {}
    dropped: list[str] = []
    own = joined_letters(query)
    for raw in _candidates(answer[:MAX_ANSWER_CHARS]):
        text = _cleaned(raw)
        letters = joined_letters(text)
        reason = _no_query(text) or _strange_script(text, query)
        if not reason and (letters == own or letters in texts):
            reason = "the query itself" if letters == own else "said before"
        if reason:
            dropped.append(f"{reason}: {text[:80]}")
        else:
            texts[letters] = text
    return Reading(texts=tuple(texts.values()), dropped=tuple(dropped))


def joined_letters(text: str) -> str:
    """Letters and digits of a text as one word, in lower case: texts that agree in them say the same."""
    return "".join(c for c in text.casefold() if c.isalnum())


def _candidates(answer: str) -> list[str]:
    """The texts of an answer in their order, uncleaned; a bounded number."""
    body = _FENCE.sub("\n", _THOUGHT.sub("\n", answer)).strip()
    found = _from_json(body)
    if found is None:
        found = body.split("|") if "|" in body and "\n" not in body else body.splitlines()
    return [text for text in found if text.strip()][:_MOST_LOOKED_AT]


def _from_json(body: str) -> list[str] | None:
    """The texts of the JSON in an answer, also with talk around it; None if there is none."""
    spans = [body]
    for opening, closing in ("[]", "{}"):
        start, end = body.find(opening), body.rfind(closing)
        if 0 <= start < end:
            spans.append(body[start : end + 1])
    for span in spans:
        try:
            value = orjson.loads(span)  # bounded in depth, unlike the parser of the standard library
        except ValueError:
            continue
        texts = value.splitlines() if isinstance(value, str) else list(_texts_in(value))
        if texts or span is body:
            return texts
    return None


def _texts_in(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            if isinstance(inner, list):
                yield from _texts_in(inner)
    elif isinstance(value, list):
        for item in value:
            match item:
                case str():
                    yield item
                case {"query": str(said)} | {"text": str(said)} | {"rewrite": str(said)}:
                    yield said


def _cleaned(raw: str) -> str:
    """Compatibility forms unified, what cannot be seen made spaces, and everything taken off that is not the query."""
    plain = unicodedata.normalize("NFKC", raw)
    visible = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in plain)
    text = _NUMBERING.sub("", _LABEL.sub("", _NUMBERING.sub("", _MARKUP.sub(" ", visible)))).strip(" ,;")
    while len(text) > 1 and text[0] in _QUOTES and text[-1] in _QUOTES:
        text = text[1:-1].strip()
    return _SPACES.sub(" ", text.lstrip(_QUOTES)).strip(" .,;:!?")  # a quote at the end may be inches: 24"


def _no_query(text: str) -> str:
    """Why this is no search query; empty if it is one."""
    if not any(c.isalnum() for c in text):
        return "no words"
    words = text.split()
    if len(text) > MAX_CANDIDATE_CHARS or len(words) > MAX_CANDIDATE_WORDS or max(map(len, words)) > MAX_WORD_CHARS:
        return "too long"
    return next((reason for found, reason in _REASONS if found(text)), "")


def _strange_script(text: str, query: str) -> str:
    """Catalogues are read in Latin script; another must be the query's own."""
    strange = {_script(c) for c in text if c.isalpha()} - {_script(c) for c in query if c.isalpha()} - {"LATIN"}
    return f"another script ({', '.join(sorted(strange)).lower()})" if strange else ""


def _script(letter: str) -> str:
    name = "LATIN" if letter.isascii() else unicodedata.name(letter, "unknown")
    return "LATIN" if name.startswith(_LIKE_LATIN) else name.partition(" ")[0]
