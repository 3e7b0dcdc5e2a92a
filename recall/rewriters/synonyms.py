"""Synonyms: other words for the same thing, by the user's file, by what was mined, and by a list of the trade."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

from multirecall.core.deadline import Deadline
from multirecall.core.query import Query
from multirecall.core.rewriting import MAX_REWRITING_CHARS, Rewriting
from multirecall.recall.rewriters.artefact import SYNONYMS_FILE, rows_of
from multirecall.recall.rewriters.chain import joined_fingerprint
from multirecall.recall.rewriters.synonym_rules import Meaning, SynonymFile, SynonymRules, key_of, parse_synonyms
from multirecall.recall.rewriters.vocabulary import Vocabulary

__all__ = ["Synonyms", "mined_rules", "trade_rules"]

_TRADE = 0.85  # of what a file says
_SAID_WEIGHS, _APART_WEIGHS = 10, 0.3
_LEAST = 0.2  # less is no help
_MOST = 6


@cache
def trade_rules() -> SynonymRules:
    """The built-in list (`data/synonyms.txt`): some 400 lines on electronics, computing and office."""
    text = (files(__package__) / "data" / "synonyms.txt").read_text(encoding="utf-8")
    return parse_synonyms(text, source="trade", name="data/synonyms.txt")


def mined_rules(folder: Path) -> SynonymRules:
    """What `multirecall rewriters build` found, and people may have edited; nothing if there is no such file.

    Raises InvalidSettings that names the line.
    """
    path = folder / SYNONYMS_FILE
    if not path.is_file():
        return SynonymRules()
    rows = rows_of(path, "ssps")
    return SynonymRules.of(
        [(said, Meaning(text=meant, confidence=float(sure), source=source)) for said, meant, sure, source in rows]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Match:
    start: int
    n: int
    meanings: Sequence[Meaning]


@dataclass(frozen=True, slots=True, kw_only=True)
class Synonyms:
    """Rewriter. A phrase of the user's file is read as the file says, any other as was mined and as the trade has it.

    The longest phrase counts. But for the user's, a meaning is only offered if the catalogue has such words, and the
    surer the more it has of them: `rucksack → backpack` where backpacks are sold, never `cable → lead`. Each rewriting
    replaces one phrase; where there are several, one more replaces all.
    """

    user: SynonymFile | None = None
    mined: SynonymRules = field(default_factory=SynonymRules, repr=False)
    trade: SynonymRules = field(default_factory=SynonymRules, repr=False)
    vocabulary: Vocabulary | None = field(default=None, compare=False, repr=False)

    @property
    def name(self) -> str:
        return "synonyms"

    @property
    def fingerprint(self) -> str:
        """Changes when the user's file does."""
        user = self.user.rules().fingerprint if self.user else ""
        known = self.vocabulary.fingerprint if self.vocabulary else ""
        return joined_fingerprint(("synonyms 1", user, self.mined.fingerprint, self.trade.fingerprint, known))

    @property
    def is_model(self) -> bool:
        return False

    def rewrite(self, query: Query, deadline: Deadline) -> tuple[Rewriting, ...]:
        """At most 6, confidence descending, then text ascending."""
        words = query.text.split()
        matches = list(self._matches(words))
        found = [self._said(words, [(match, one)]) for match in matches for one in match.meanings]
        if len(matches) > 1:
            found.append(self._said(words, [(match, match.meanings[0]) for match in matches]))
        kept = [one for one in found if one is not None]
        return tuple(sorted(kept, key=lambda one: (-one.confidence, one.text))[:_MOST])

    def _matches(self, words: Sequence[str]) -> Iterator[_Match]:
        """The longest phrases from left to right that may be read differently."""
        keys = [key_of(word) for word in words]
        user = self.user.rules() if self.user else SynonymRules()
        longest = max(user.longest, self.mined.longest, self.trade.longest)
        at = 0
        while at < len(words):
            step = 1
            for n in range(min(longest, len(words) - at), 0, -1):
                key = tuple(part for word in keys[at : at + n] for part in word)
                meanings = self._meanings(user, key, " ".join(words[at : at + n]))
                if meanings:
                    yield _Match(start=at, n=n, meanings=meanings)
                    step = n
                    break
            at += step

    def _meanings(self, user: SynonymRules, key: tuple[str, ...], phrase: str) -> Sequence[Meaning]:
        told = user.meanings.get(key)
        if told:
            return sorted(told, key=lambda one: -one.confidence)
        weighed: dict[str, Meaning] = {}
        for rules, trust in ((self.mined, 1.0), (self.trade, _TRADE)):
            for one in rules.meanings.get(key, ()):
                sure = trust * one.confidence * self._share(one.text, phrase)
                if sure >= _LEAST and (one.text not in weighed or sure > weighed[one.text].confidence):
                    weighed[one.text] = Meaning(text=one.text, confidence=sure, source=one.source)
        return sorted(weighed.values(), key=lambda one: -one.confidence)

    def _share(self, meant: str, said: str) -> float:
        """How much of what the catalogue calls by these two names it calls by the first. Where it says both often, the
        query is understood as it is: what was said weighs more, and also where its words stand apart."""
        if self.vocabulary is None:
            return 0.75
        has_meant = _named(self.vocabulary, meant)
        has_said = max(_named(self.vocabulary, said), _APART_WEIGHS * _named(self.vocabulary, said, side_by_side=False))
        return has_meant / (has_meant + _SAID_WEIGHS * has_said) if has_meant else 0.0

    def _said(self, words: Sequence[str], choices: Sequence[tuple[_Match, Meaning]]) -> Rewriting | None:
        text, log, at, confidence = [], [], 0, 1.0
        for match, meaning in choices:
            end = match.start + match.n
            text += [*words[at : match.start], meaning.text]
            log.append(f"{' '.join(words[match.start : end])} → {meaning.text} ({meaning.source})")
            confidence *= meaning.confidence
            at = end
        rewritten = " ".join((*text, *words[at:]))
        if len(rewritten) > MAX_REWRITING_CHARS:
            return None
        return Rewriting(text=rewritten, by=self.name, confidence=confidence, log=tuple(log))


def _named(vocabulary: Vocabulary, phrase: str, *, side_by_side: bool = True) -> int:
    """In the names of how many products the phrase can stand at most, in singular or plural."""
    words = [word for word in key_of(phrase.replace("-", " ")) if word.isalpha()]
    named = vocabulary.folded_named
    counts = [named.get(word, 0) + named.get(f"{word}s", 0) for word in words]
    if side_by_side:
        counts += [max(vocabulary.pair(a, b), vocabulary.pair(a, f"{b}s")) for a, b in pairwise(words)]
    return min(counts, default=0)
