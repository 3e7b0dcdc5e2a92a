"""Numbers, units and part numbers: one wrong digit is another product."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np

from multirecall.fusion.features.base import MISSING, Column, Feature, FeatureGroup
from multirecall.fusion.features.incidence import Floats, Positions
from multirecall.fusion.features.pool import Pool

__all__ = ["NUMBER_MATCH"]

_SHORTEST_PREFIX = 4
_NOT_CODE = re.compile(r"[^a-z0-9]+")


_SPACE = ord(" ")


class _Codes:
    """The codes of all candidates as one row of characters, a space before each: one search instead of some hundred."""

    def __init__(self, texts: Sequence[str]) -> None:
        text = f" {' '.join(texts)} "
        self._characters = (
            np.frombuffer(text.encode("ascii"), dtype=np.uint8)
            if text.isascii()
            else np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
        )
        self._spaces = (self._characters == _SPACE).nonzero()[0]
        self.begins = self._spaces[:-1] + 1
        """Where each code begins; a candidate without codes has one without letters."""
        self.lengths = np.diff(self._spaces) - 1
        self._ends = np.array([len(text) + 1 for text in texts], dtype=np.intp).cumsum()

    def code_at(self, places: Positions) -> Positions:
        """Which code each place belongs to."""
        at: Positions = self._spaces.searchsorted(places) - 1
        return at

    def rows(self, places: Positions) -> Positions:
        """The candidate whose code is at each place."""
        return self._ends.searchsorted(places)

    def reading(self, text: str, places: Positions) -> Iterator[Positions]:
        """Those of the places at which the first letter of `text` stands, then the first two, and so on to all."""
        for offset, character in enumerate(map(ord, text)):
            places = places[self._characters[places + offset] == character]
            yield places

    def beginning(self, text: str) -> Positions:
        """Where a code begins with `text`."""
        *_, places = self.reading(text, self.begins)
        return places

    def holding(self, text: str) -> Positions:
        """Where a code holds `text`, which has a letter."""
        first, *rest = (self._characters == ord(character) for character in text[:2])
        both = first[:-1] & rest[0][1:] if rest else first
        *_, places = self.reading(text, both.nonzero()[0])
        return places


class _Numbers:
    """Missing where the query has no number, or no code with a digit."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.lengths = np.array([len(code) for code in pool.codes], dtype=np.float64)

    @cached_property
    def codes(self) -> _Codes:
        return _Codes(self.pool.texts.codes)

    def numbers_in_title(self) -> Column | float:
        if not self.pool.numbers:
            return MISSING
        titles, lexicon = self.pool.title_incidence, self.pool.lexicon
        found = np.zeros(len(self.pool))
        for number in self.pool.numbers:
            holds = np.zeros(len(lexicon.title_words))
            holds[[word for word in lexicon.with_number.get(number, ()) if word < len(holds)]] = 1.0
            found += titles.largest(holds[titles.numbers])
        return found / len(self.pool.numbers)

    def numbers_in_codes(self) -> Column | float:
        if not self.pool.numbers:
            return MISSING
        found = np.zeros(len(self.pool))
        for number in self.pool.numbers:
            rows = self.codes.rows(self.codes.beginning(f"{number} "))
            found[np.unique(rows)] += 1.0
        return found / len(self.pool.numbers)

    @cached_property
    def within(self) -> Floats:
        """Per code asked, the largest share of a candidate's code that it makes up: 1 is the code itself."""
        shares = np.zeros((len(self.pool.codes), len(self.pool)))
        for share, code in zip(shares, self.pool.codes, strict=True):
            places = self.codes.holding(code)
            lengths = self.codes.lengths[self.codes.code_at(places)]
            order = np.argsort(-lengths, kind="stable")  # a candidate's shortest is written last, and stays
            share[self.codes.rows(places)[order]] = len(code) / lengths[order]
        return shares

    def matched(self) -> Column | float:
        return (self.within == 1.0).mean(axis=0) if self.pool.codes else MISSING

    def longest(self) -> Column | float:
        if not self.pool.codes:
            return MISSING
        share: Column = ((self.within == 1.0) * self.lengths[:, None]).max(axis=0) / self.lengths.max()
        return share

    def longest_prefix(self) -> Column | float:
        """Part numbers of one family share their beginning; shorter beginnings than four characters say nothing."""
        if not self.pool.codes:
            return MISSING
        best = np.zeros(len(self.pool))
        for code in self.pool.codes:
            if len(code) < _SHORTEST_PREFIX:
                continue
            for n, places in enumerate(self.codes.reading(code, self.codes.begins), start=1):
                if n >= _SHORTEST_PREFIX:
                    rows = self.codes.rows(places)
                    best[rows] = np.maximum(best[rows], n / len(code))
        return best

    def title_contains(self) -> Column | float:
        asked = _NOT_CODE.sub("", "".join(self.pool.query_words))
        if not asked:
            return MISSING
        return np.array([asked in title for title in self.pool.texts.title_run], dtype=np.float64)


NUMBER_MATCH: FeatureGroup[_Numbers] = FeatureGroup(
    name="NumberMatch",
    view=_Numbers,
    features=(
        Feature(
            name="numbers.title",
            description="share of the query's numbers in the title",
            monotone=1,
            column=lambda numbers: numbers.numbers_in_title(),
        ),
        Feature(
            name="numbers.codes",
            description="share of the query's numbers among the product's",
            monotone=1,
            column=lambda numbers: numbers.numbers_in_codes(),
        ),
        Feature(
            name="codes.matched",
            description="share of the query's codes that the product has",
            monotone=1,
            column=lambda numbers: numbers.matched(),
        ),
        Feature(
            name="codes.longest",
            description="letters of the longest code matched, by the longest asked",
            monotone=1,
            column=lambda numbers: numbers.longest(),
        ),
        Feature(
            name="codes.prefix",
            description="longest common beginning with a code, by the code's length",
            monotone=1,
            column=lambda numbers: numbers.longest_prefix(),
        ),
        Feature(
            name="codes.within",
            description="largest share of a product's code that a query's code makes up",
            monotone=1,
            column=lambda numbers: numbers.within.max(axis=0) if numbers.pool.codes else MISSING,
        ),
        Feature(
            name="title.contains",
            description="1 if the title, without spaces, holds the whole query",
            monotone=1,
            column=lambda numbers: numbers.title_contains(),
        ),
    ),
)
