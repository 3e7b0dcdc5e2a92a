"""Parts: takes a need apart into smaller ones that a shop can answer, and says each as the catalogue would.

What a language model does in sub-query mode (ReDI: decompose, interpret each part, look each up), by rules over little
words and by what the catalogue and the concepts know.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import NamedTuple

from multirecall.core.codes import looks_like_part_number
from multirecall.core.deadline import Deadline
from multirecall.core.query import Query
from multirecall.core.rewriting import MAX_REWRITING_CHARS, Rewriting
from multirecall.recall.rewriters.chain import joined_fingerprint, with_text
from multirecall.recall.rewriters.knowing import Knowledge
from multirecall.recall.rewriters.knowledge import Concept
from multirecall.recall.rewriters.vocabulary import Vocabulary, fold

__all__ = ["Parts"]

_LISTED, _NAMED_USE, _JOINED = 0.6, 0.6, 0.7
_MAIN, _COMPANION, _CLAUSE = 0.5, 0.3, 0.8
"""How sure a part of each kind is: set by hand."""
_MOST = 4
_MOST_WORDS = 20
_LEAST_PRODUCTS = 3  # as everywhere: what fewer hold may be a slip

_WORD = re.compile(r"[^\W_](?:[^\s,;&+]*[^\W_])?|[,;&+]")
_AND = frozenset({"and", "plus", "&", "+", ",", ";"})
_WITH = frozenset({"with", "including", "incl"})
_FOR = frozenset({"for"})
_CLAUSE_ENDS = _AND | {"but", "so", "because", "while", "or"}
_ASIDE = frozenset({"in", "on", "at", "from", "of", "to", "without", "that", "which", "by", "not", "no", "than"})
_LITTLE_TEXT = "a an the my our your his her their some any both also this that these those i we need want"
_LITTLE = frozenset(_LITTLE_TEXT.split())
_VERB_TEXT = "connect connecting plug plugging hook hooking attach attaching link linking wire join"
_VERBS = frozenset(_VERB_TEXT.split())
_TOWARDS = frozenset({"to", "into", "with", "onto", "and"})
_OLD = frozenset({"old", "vintage", "ancient", "older"})
_FIXED = frozenset({("black", "white"), ("plug", "play"), ("drag", "drop"), ("pick", "place"), ("copy", "paste")})
_PLURALS = {"mice": "mouse", "batteries": "battery", "accessories": "accessory", "lens": "lens", "lenses": "lens"}
_CUT_HEAD = re.compile(r"\s(?:with|for|without|of|from|in|on|at)\s")
_KINDS = re.compile(r"\s*(?:[,&/+]|\band\b)\s*")
_LETTERS = re.compile(r"[a-z]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The rewriter over concepts and a catalogue's vocabulary; it offers parts of a need, not other words for it.

    - `keyboard and mouse …`: each thing of a list, with what they share (`wireless keyboard`, `wireless mouse`) where
      the catalogue says so; `bag with a charger`: the thing, and less surely its companion.
    - `printer for photos and labels`: the thing by its use (`photo printer`), if the catalogue has both words together.
    - `connect X to Y`: a cable or an adapter for the sockets that the two have (`data/connectors.toml`).
    - two clauses that each say a need: what answers either, by the concepts.

    A word is a thing if a category ends with it, or concepts look for products called so and titles have it. Queries
    with a digit or a word of a brand name a product: of these only `connect X to Y` is taken apart. A sub-query is made
    of words of the query, of concepts and of names of sockets, and no words but those.
    """

    concepts: tuple[Concept, ...]
    vocabulary: Vocabulary
    fingerprint: str = field(init=False)
    _things: frozenset[str] = field(init=False, repr=False, compare=False)
    _knowledge: Knowledge = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        knowledge = Knowledge(concepts=self.concepts)
        parts = ("parts 1", knowledge.fingerprint, self.vocabulary.fingerprint, repr(_sockets()))
        object.__setattr__(self, "_knowledge", knowledge)
        object.__setattr__(self, "_things", frozenset(self._heads()))
        object.__setattr__(self, "fingerprint", joined_fingerprint(parts))

    @property
    def name(self) -> str:
        return "parts"

    @property
    def is_model(self) -> bool:
        return False

    def rewrite(self, query: Query, deadline: Deadline) -> tuple[Rewriting, ...]:
        """The surest first, four at most; empty for a query that is of one piece."""
        words = _WORD.findall(query.text.lower())
        if not 3 <= len(words) <= _MOST_WORDS:
            return ()
        parts = [*_joined(words, self.vocabulary)]
        if not self._names_a_product(words):
            parts += [*self._listed(words), *self._said(query, words)]
        found: dict[str, Rewriting] = {}
        for text, confidence, why in sorted(parts, key=lambda part: (-part[1], part[0])):
            if any(c.isalnum() for c in text) and len(text) <= MAX_REWRITING_CHARS:
                said = Rewriting(text=text, by=self.name, confidence=confidence, log=(f"{why} → {text}",))
                found.setdefault(text, said)
        return tuple(found.values())[:_MOST]

    def _names_a_product(self, words: Iterable[str]) -> bool:
        return any(
            any(c.isdigit() for c in word) or looks_like_part_number(word) or self.vocabulary.is_name(word)
            for word in words
        )

    def _heads(self) -> Iterator[str]:
        """Last words of categories, and of what concepts look for if they often are and titles have them."""
        for kind, count in self.vocabulary.kinds.items():
            if count >= _LEAST_PRODUCTS:
                yield from (_singular(words[-1]) for part in _KINDS.split(kind) if (words := _LETTERS.findall(part)))
        last, anywhere = Counter[str](), Counter[str]()
        for concept in self.concepts:
            for text in concept.find:
                words = _LETTERS.findall(_CUT_HEAD.split(text.lower())[0])
                anywhere.update(words)
                last.update(words[-1:])
        for word, count in last.items():
            known = max(self.vocabulary.folded_named.get(form, 0) for form in (word, f"{word}s"))
            if len(word) > 2 and (2 * count >= anywhere[word] or count > 2) and known >= _LEAST_PRODUCTS:
                yield _singular(word)

    def _listed(self, words: Sequence[str]) -> Iterator[tuple[str, float, str]]:
        """Things of a list, a thing and its companion, a thing by its uses."""
        at = next((n for n, word in enumerate(words) if word in _WITH | _FOR | _ASIDE), len(words))
        things = self._shared(_split(words[:at]))
        if not things or not all(self._is_thing(thing[-1]) for thing in things):
            return
        for thing in things if len(things) > 1 else ():
            yield " ".join(thing), _LISTED, "one of a list"
        rest = words[at:]
        if not rest or rest[0] in _ASIDE:
            return
        end = next((n for n, word in enumerate(rest[1:], start=1) if word in _WITH | _FOR | _ASIDE), len(rest))
        others = _split(rest[1:end])
        if rest[0] in _WITH:
            companions = [other for other in others if self._is_thing(other[-1])]
            if len(things) == 1 and companions:
                yield " ".join(things[0]), _MAIN, "the thing itself"
            yield from ((" ".join(other), _COMPANION, "what comes with it") for other in companions)
            return
        for thing in things:
            for use in (_singular(word) for other in others for word in other):
                if use not in thing and self._stand_together(use, thing[-1]):
                    yield " ".join([use, *thing]), _NAMED_USE, "a thing by its use"

    def _shared(self, things: list[list[str]]) -> list[list[str]]:
        """`wireless keyboard | mouse`: the first word goes on; `ink | toner cartridge`: so does the last one."""
        if len(things) < 2 or any((left[-1], right[0]) in _FIXED for left, right in pairwise(things)):
            return [] if len(things) > 1 else things
        first, last = things[0], things[-1]
        known = self._stand_together
        shared = []
        for thing in things:
            if len(thing) == 1 and thing is not last and len(last) > 1 and known(thing[0], last[-1]):
                thing = [*thing, last[-1]]
            elif len(thing) == 1 and thing is not first and len(first) > 1 and known(first[-2], thing[0]):
                thing = [*first[:-1], *thing]
            shared.append(thing)
        return shared

    def _stand_together(self, left: str, right: str) -> bool:
        return any(self.vocabulary.pair(left, form) for form in {right, _singular(right)})

    def _is_thing(self, word: str) -> bool:
        return _singular(word) in self._things

    def _said(self, query: Query, words: Sequence[str]) -> Iterator[tuple[str, float, str]]:
        """What the concepts say to each clause by itself; a query of one clause is for `knowledge`."""
        clauses = _split(words, _CLAUSE_ENDS, keep=True)
        if len(clauses) < 2:
            return
        for clause in clauses:
            for said in self._knowledge.rewrite(with_text(query, " ".join(clause)), Deadline.never())[:2]:
                yield said.text, _CLAUSE * said.confidence, said.log[0]


def _split(words: Sequence[str], at: frozenset[str] = _AND, *, keep: bool = False) -> list[list[str]]:
    """The pieces between those words, without little words (`keep`: with them) and without empty ones."""
    pieces: list[list[str]] = [[]]
    for word in words:
        if word in at:
            pieces.append([])
        elif keep or word not in _LITTLE:
            pieces[-1].append(word)
    return [piece for piece in pieces if piece]


def _singular(word: str) -> str:
    folded = fold(word)
    if folded in _PLURALS:
        return _PLURALS[folded]
    return folded[:-1] if len(folded) > 3 and folded.endswith("s") and not folded.endswith(("ss", "us")) else folded


def _joined(words: Sequence[str], vocabulary: Vocabulary) -> Iterator[tuple[str, float, str]]:
    """A cable for `connect X to Y` where both have one socket, else adapters from one to the other."""
    verb = next((at for at, word in enumerate(words) if word in _VERBS), None)
    if verb is None:
        return
    rest = words[verb + 1 :]
    for at, word in enumerate(rest):
        if word in _TOWARDS and (left := _ends(rest[:at])) and (right := _ends(rest[at + 1 :])):
            break
    else:
        return
    both = [one for one in left if one in right]
    texts = [f"{one} cable" for one in both] or [f"{one} to {other} adapter" for one in left for other in right]
    sold = [text for text in texts if all(vocabulary.count(part) >= _LEAST_PRODUCTS for part in _LETTERS.findall(text))]
    for rank, text in enumerate(sold[:3]):
        yield text, _JOINED * 0.9**rank, f"{'/'.join(left)} and {'/'.join(right)}"


def _ends(words: Sequence[str]) -> Sequence[str]:
    """The sockets of one side: the one that it names, else those of the device."""
    sockets = _sockets()
    text = f" {' '.join(words)} "
    for name, meant in sockets.connectors.items():
        if f" {name} " in text:
            return (meant,)
    singular = f" {' '.join(map(_singular, words))} "
    for device, has in sockets.devices.items():
        if f" {device} " in singular:
            return has if _OLD.isdisjoint(words) else sockets.devices.get(f"old {device}", has)
    return ()


class _Sockets(NamedTuple):
    """Names of connectors and what each stands for; devices and their connectors. Longer names first."""

    connectors: Mapping[str, str]
    devices: Mapping[str, Sequence[str]]


@cache
def _sockets() -> _Sockets:
    body = tomllib.loads((files(__package__) / "data" / "connectors.toml").read_text(encoding="utf-8"))
    names: dict[str, str] = {**{one: one for one in body["connectors"]}, **body["same"]}
    devices: dict[str, list[str]] = body["devices"]
    return _Sockets(
        connectors={name: names[name] for name in sorted(names, key=lambda one: (-len(one), one))},
        devices={name: devices[name] for name in sorted(devices, key=lambda one: (-len(one), one))},
    )
