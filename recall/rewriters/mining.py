"""Synonyms that a catalogue and its judgments give away. What is found is a proposal: people may edit the file.

From the catalogue: abbreviations that are explained in brackets, `uninterruptible power supply (UPS)`. From judgments:
a word of queries and a word of the products that answer them, where the products do not have the query's word.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from multirecall.recall.rewriters.synonym_rules import key_of
from multirecall.recall.rewriters.vocabulary import BoundedCounter, Vocabulary, details_of, fold, names_of

__all__ = ["BracketMiner", "Judged", "MinedSynonym", "mine_judgments"]

_MAX_EXPLANATIONS = 200_000
_MIN_PRODUCTS = 2
_MIN_QUERIES = 3
_NOT_IN_TITLES, _IN_TITLES = 0.1, 0.8  # of the titles that answer a query
_LEAST_LLR = 10.83  # chi square with one degree of freedom: 1 in 1,000 by chance
_LEAST_SHARE = 0.5
_MOST_PER_WORD = 3
_MIN_SHARED = 2  # neighbours
_NOBODY: frozenset[tuple[str, str]] = frozenset()
_MIN_CHARS = 3
_BRACKETS = re.compile(r"((?:[^\W\d_][\w-]*[ ]){1,6})\(([^\W\d_]{2,6})s?\)")
_REVERSED = re.compile(r"(?<![\w-])([^\W\d_]{2,6}) \(((?:[^\W\d_][\w-]*[ ]?){2,6})\)")
_WORDS = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class MinedSynonym:
    """`said` may be read as `meant`; `evidence` is in how many products or queries it was seen."""

    said: str
    meant: str
    confidence: float
    source: str
    evidence: int


class BracketMiner:
    """Hears records as they go by; `found` tells at the end. Memory does not grow without end."""

    def __init__(self) -> None:
        self._seen = BoundedCounter(_MAX_EXPLANATIONS)

    def hear(self, records: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        """The same records, heard."""
        for record in records:
            texts = chain(names_of(record), details_of(record))
            self._seen.add({pair for text in texts if "(" in text for pair in explanations(text)})
            yield record

    def found(self) -> list[MinedSynonym]:
        """Both ways, for explanations in 2 products or more; an abbreviation of many things is less sure of each."""
        of_short: dict[str, int] = Counter()
        for (short, _), count in self._seen.counts.items():
            of_short[short] += count
        return [
            MinedSynonym(said=said, meant=meant, confidence=round(confidence, 3), source="brackets", evidence=count)
            for (short, long), count in sorted(self._seen.counts.items(), key=lambda item: (-item[1], item[0]))
            if count >= _MIN_PRODUCTS
            for said, meant, confidence in (
                (short, long, 0.9 * count / (of_short[short] + 1)),
                (long, short, 0.9 * count / (count + 1)),
            )
        ]


def explanations(text: str) -> Iterator[tuple[str, str]]:
    """(abbreviation, what it stands for), in lower case: as many words as letters, each begins with its letter."""
    found = [(short, long.split()) for long, short in _BRACKETS.findall(text)]
    found += [(short, long.split()) for short, long in _REVERSED.findall(text)]
    for short, words in found:
        for start in range(len(words)) if short.isupper() else ():
            initials = "".join(part[0] for word in words[start:] for part in word.split("-") if part)
            if initials.upper() == short:
                yield short.lower(), " ".join(words[start:]).lower()
                break


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A query and the titles of products that answer it (grade 2 or more)."""

    text: str
    titles: tuple[str, ...]


def mine_judgments(judged: Iterable[Judged], vocabulary: Vocabulary) -> list[MinedSynonym]:
    """Words of titles that stand for words of queries, by log-likelihood over queries.

    A word of a query counts only where no more than one in ten of its titles has it, and a word of titles where it
    stands in four of five of them and is none of the query's. What is left must be seen in 3 queries, beyond chance,
    and in half of the queries with the word. What the answers share need not mean the same (`laptop`, `ddr`): two words
    of the catalogue must also stand beside the same words there (`laptop bag`, `notebook bag`).
    """
    beside = _neighbours(vocabulary)
    said, meant, both = Counter[str](), Counter[str](), Counter[tuple[str, str]]()
    spelt: dict[str, str] = {}
    n = 0
    for one in judged:
        titles = [_keys(title, spelt) for title in one.titles]
        if not titles:
            continue
        n += 1
        asked = _keys(one.text, spelt)
        held = Counter(word for title in titles for word in title)
        missing = {word for word in asked if held[word] <= _NOT_IN_TITLES * len(titles)}
        offered = {word for word, count in held.items() if count >= _IN_TITLES * len(titles) and word not in asked}
        said.update(missing)
        meant.update(offered)
        both.update((word, other) for word in missing for other in offered)
    found: dict[str, list[MinedSynonym]] = defaultdict(list)
    for (word, other), count in both.items():
        share = count / said[word]
        sure = log_likelihood(count, said[word] - count, meant[other] - count, n - said[word] - meant[other] + count)
        if count < _MIN_QUERIES or share < _LEAST_SHARE or sure < _LEAST_LLR or vocabulary.is_name(other):
            continue
        mine, theirs = beside.get(word, _NOBODY), beside.get(other, _NOBODY)
        if len(mine) < _MIN_SHARED or len(mine & theirs) >= _MIN_SHARED:
            found[word].append(
                MinedSynonym(
                    said=spelt[word],
                    meant=spelt[other],
                    confidence=round(share * count / (count + 1), 3),
                    source="judgments",
                    evidence=count,
                )
            )
    ranked = (sorted(pairs, key=lambda one: (-one.confidence, one.meant))[:_MOST_PER_WORD] for pairs in found.values())
    return sorted(chain.from_iterable(ranked), key=lambda one: (-one.evidence, one.said, one.meant))


def _neighbours(vocabulary: Vocabulary) -> dict[str, set[tuple[str, str]]]:
    """By word, without its plural's `s`: the words before and behind it in the catalogue."""
    beside: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for left, right in vocabulary.pairs:
        for word, neighbour in ((left, (">", right)), (right, ("<", left))):
            for key in key_of(word):
                beside[key].add(neighbour)
    return beside


def _keys(text: str, spelt: dict[str, str]) -> set[str]:
    """The words of a text without their plural's `s`; `spelt` remembers how each was written first."""
    keys = set()
    for word in _WORDS.findall(text):
        if len(word) >= _MIN_CHARS:
            (key,) = key_of(word)
            spelt.setdefault(key, fold(word))
            keys.add(key)
    return keys


def log_likelihood(both: int, only_first: int, only_second: int, neither: int) -> float:
    """Dunning's G² of a 2 by 2 table: 0 for independence, larger the less it is chance."""
    cells = (both, only_first, only_second, neither)
    rows, columns = (both + only_first, only_second + neither), (both + only_second, only_first + neither)
    total = sum(cells)
    expected = (rows[0] * columns[0], rows[0] * columns[1], rows[1] * columns[0], rows[1] * columns[1])
    return 2.0 * sum(
        seen * math.log(seen * total / product) for seen, product in zip(cells, expected, strict=True) if seen > 0
    )
