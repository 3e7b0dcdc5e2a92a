"""Vocabulary: the words, pairs of words, brands and part numbers of a catalogue, learned in one pass over it."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from multirecall.core.codes import MAX_CODE_CHARS, looks_like_part_number, normalise_code
from multirecall.recall.rewriters.chain import joined_fingerprint

__all__ = [
    "VOCABULARY_FIELDS",
    "BoundedCounter",
    "Vocabulary",
    "details_of",
    "fold",
    "learn_vocabulary",
    "names_of",
    "phrases",
]

VOCABULARY_FIELDS = ("title", "description", "brand", "category_path", "attributes", "identifiers")
"""What of a product is read."""

MAX_WORDS = 400_000
MAX_PAIRS = 2_000_000
MAX_CODES = 1_000_000
"""Most entries counted at a time. A larger catalogue loses its rarest first."""

_MIN_PAIR_COUNT = 2
_MIN_CODE_CHARS = 3
_SHORT_TEXT = 80
_CHUNK = re.compile(r"\S+")
_CODE_CHUNK = re.compile(r"\S*\d\S*")
_LETTERS = re.compile(r"[^\W\d_]+")
_ENDS_PHRASE = re.compile(r"[,;:.!?()\[\]|/*•]$")
_WRITTEN_BREAK = re.compile(r"\\[nrt](?=[A-Z\W\d]|$)")  # exports hold line breaks as backslash and n
_STARTS_PHRASE = re.compile(r"^[(\[]")


@lru_cache(maxsize=65_536)
def fold(word: str) -> str:
    """Lower case without accents: words that differ in nothing else are one word."""
    if word.isascii():
        return word.lower()
    decomposed = unicodedata.normalize("NFKD", word.lower().replace("ß", "ss"))
    return "".join(c for c in decomposed if not unicodedata.combining(c))


class BoundedCounter:
    """Counts in bounded memory: when there are too many keys, the rarest go. A key that stays may lose early counts."""

    def __init__(self, max_keys: int) -> None:
        self.counts: Counter[Any] = Counter()
        self._max_keys = max_keys
        self._floor = 0

    def add(self, keys: Iterable[Any]) -> None:
        """Counts each key once; repeats in `keys` count too."""
        self.counts.update(keys)
        while len(self.counts) > self._max_keys:
            self._floor += 1
            self.counts = Counter({key: count for key, count in self.counts.items() if count > self._floor})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Vocabulary:
    """What a catalogue says. Counts are numbers of products.

    `words` are lower-case words of letters as they are written (one that only names of attributes hold counts 1),
    `named` those of them in titles, brands and categories, which is where queries take their words from. `pairs` are
    two folded words that stand side by side (in 2 products or more), `brands` the lower-case names, `codes` normalised
    part numbers, `kinds` the lower-case names of the lowest categories. Two with the same fingerprint hold the same.
    """

    words: Mapping[str, int]
    named: Mapping[str, int] = field(default_factory=dict)
    pairs: Mapping[tuple[str, str], int] = field(default_factory=dict)
    brands: Mapping[str, int] = field(default_factory=dict)
    codes: Set[str] = frozenset()
    kinds: Mapping[str, int] = field(default_factory=dict)
    n_products: int = 0
    fingerprint: str = field(init=False)
    _written: dict[str, str] = field(init=False, repr=False)
    _counts: dict[str, int] = field(init=False, repr=False)
    _named: dict[str, int] = field(init=False, repr=False)
    _brand_words: frozenset[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        written: dict[str, str] = {}
        counts: dict[str, int] = {}
        named: dict[str, int] = {}
        for word in sorted(self.words, key=lambda word: (-self.words[word], word)):
            folded = fold(word)
            written.setdefault(folded, word)
            counts[folded] = counts.get(folded, 0) + self.words[word]
            named[folded] = named.get(folded, 0) + self.named.get(word, 0)
        brand_words = {fold(part) for brand in self.brands for part in _LETTERS.findall(brand)}
        object.__setattr__(self, "_written", written)
        object.__setattr__(self, "_counts", counts)
        object.__setattr__(self, "_named", named)
        object.__setattr__(self, "_brand_words", frozenset(brand_words))
        object.__setattr__(self, "fingerprint", self._digest())

    def _digest(self) -> str:
        return joined_fingerprint(
            (
                str(self.n_products),
                *(f"w {word} {self.words[word]} {self.named.get(word, 0)}" for word in sorted(self.words)),
                *(f"p {left} {right} {self.pairs[left, right]}" for left, right in sorted(self.pairs)),
                *(f"b {brand} {self.brands[brand]}" for brand in sorted(self.brands)),
                *(f"c {code}" for code in sorted(self.codes)),
                *(f"k {kind} {self.kinds[kind]}" for kind in sorted(self.kinds)),
            )
        )

    @property
    def folded(self) -> Mapping[str, int]:
        """Counts by folded word."""
        return self._counts

    @property
    def folded_named(self) -> Mapping[str, int]:
        """The same for titles, brands and categories; 0 for words that stand elsewhere."""
        return self._named

    def count(self, word: str) -> int:
        """In how many products the word stands, however it is accented; 0 for one that is not known."""
        return self._counts.get(fold(word), 0)

    def pair(self, left: str, right: str) -> int:
        """In how many products the two stand side by side; 0 for fewer than 2."""
        return self.pairs.get((fold(left), fold(right)), 0)

    def written(self, folded: str) -> str:
        """How the catalogue mostly writes the word, in lower case."""
        return self._written.get(folded, folded)

    def is_name(self, word: str) -> bool:
        """Whether it is a word of a brand, or a part number."""
        return fold(word) in self._brand_words or normalise_code(word) in self.codes


def phrases(text: str) -> Iterator[list[str]]:
    """The words of letters, in lower case, that stand side by side with no punctuation and no number between them.

    The letters of a chunk with digits are no words: `CE505A` ends a phrase. A hyphen does not: `wi-fi` is two.
    """
    phrase: list[str] = []
    for chunk in _CHUNK.findall(_WRITTEN_BREAK.sub(" . ", text)):
        if phrase and _STARTS_PHRASE.search(chunk):
            yield phrase
            phrase = []
        coded = any(c.isdigit() for c in chunk)
        if not coded:
            phrase.extend(_LETTERS.findall(chunk.lower()))
        if phrase and (coded or _ENDS_PHRASE.search(chunk)):
            yield phrase
            phrase = []
    if phrase:
        yield phrase


def names_of(record: Mapping[str, Any]) -> Iterator[str]:
    """The title, the brand and the categories of a stored record."""
    for name in ("title", "brand"):
        if record.get(name):
            yield str(record[name])
    yield from map(str, record.get("category_path") or ())


def details_of(record: Mapping[str, Any]) -> Iterator[str]:
    """The description and the text values of the attributes."""
    if record.get("description"):
        yield str(record["description"])
    for value in (record.get("attributes") or {}).values():
        values = value if isinstance(value, list | tuple) else (value,)
        yield from (one for one in values if isinstance(one, str))


def learn_vocabulary(records: Iterable[Mapping[str, Any]]) -> Vocabulary:
    """The vocabulary of records with `VOCABULARY_FIELDS`, in one pass and in memory that does not grow without end."""
    words, named, pairs = BoundedCounter(MAX_WORDS), BoundedCounter(MAX_WORDS), BoundedCounter(MAX_PAIRS)
    codes, brands, kinds = BoundedCounter(MAX_CODES), BoundedCounter(MAX_WORDS), BoundedCounter(MAX_WORDS)
    names: set[str] = set()
    n_products = 0
    for record in records:
        n_products += 1
        titles = [_heard(text) for text in names_of(record)]
        heard = titles + [_heard(text) for text in details_of(record)]
        named.add({word for one in titles for word in one.words})
        words.add({word for one in heard for word in one.words})
        pairs.add({pair for one in heard for pair in one.pairs})
        codes.add({code for one in heard for code in one.codes} | _identifiers(record.get("identifiers") or ()))
        if record.get("brand"):
            brands.add((" ".join(str(record["brand"]).lower().split()),))
        if path := record.get("category_path"):
            kinds.add((" ".join(str(path[-1]).lower().split()),))
        if len(names) < MAX_WORDS:
            names.update(record.get("attributes") or ())
    told = {word for name in names for word in _heard(str(name).replace("_", " ")).words}
    return Vocabulary(
        words=dict.fromkeys(told, 1) | dict(words.counts),
        named={word: count for word, count in named.counts.items() if word in words.counts},
        pairs={pair: count for pair, count in pairs.counts.items() if count >= _MIN_PAIR_COUNT},
        brands=dict(brands.counts),
        codes=frozenset(codes.counts),
        kinds={kind: count for kind, count in kinds.counts.items() if kind},
        n_products=n_products,
    )


class _Heard(NamedTuple):
    """What one text holds, each once."""

    words: frozenset[str]
    pairs: frozenset[tuple[str, str]]
    codes: frozenset[str]


def _heard(text: str) -> _Heard:
    """Values of attributes come again and again; descriptions seldom do."""
    return _remembered(text) if len(text) <= _SHORT_TEXT else _listen(text)


def _listen(text: str) -> _Heard:
    spoken = list(phrases(text))
    return _Heard(
        words=frozenset(word for phrase in spoken for word in phrase),
        pairs=frozenset((fold(a), fold(b)) for phrase in spoken for a, b in itertools.pairwise(phrase)),
        codes=frozenset(
            code
            for chunk in _CODE_CHUNK.findall(text)
            if looks_like_part_number(code := normalise_code(chunk)) and _is_kept(code)
        ),
    )


_remembered = lru_cache(maxsize=65_536)(_listen)


def _identifiers(identifiers: Iterable[str]) -> set[str]:
    return {code for identifier in identifiers if _is_kept(code := normalise_code(identifier))}


def _is_kept(code: str) -> bool:
    """Numbers alone (an EAN) are left out: nothing here would take them for a word."""
    return _MIN_CODE_CHARS <= len(code) <= MAX_CODE_CHARS and not code.isdigit()
