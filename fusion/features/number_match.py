"""Numbers, units and part numbers: one wrong digit is another product."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from multirecall.fusion.compiled import compiled
from multirecall.fusion.features.base import MISSING, Column, Feature, FeatureGroup
from multirecall.fusion.features.incidence import Floats, Positions
from multirecall.fusion.features.pool import Pool

__all__ = ["NUMBER_MATCH"]

_SHORTEST_PREFIX = 4
_SPACE = ord(" ")
_NOT_CODE = re.compile(r"[^a-z0-9]+")


class _Codes:
    """The codes of all candidates against all that are asked, letter by letter: candidates bring tens of thousands."""

    def __init__(self, texts: Sequence[str], asked: Sequence[str]) -> None:
        """`texts`: of each candidate its codes, with a space between; `asked` must not be empty, nor have a space."""
        self.places = {text: place for place, text in enumerate(asked)}
        lengths = np.array([len(text) for text in texts], dtype=np.intp)
        sought = _letters("".join(asked))
        ends = np.array([len(text) for text in asked], dtype=np.intp).cumsum()
        self._within, self._shared = _found(_letters(f" {' '.join(texts)} "), (lengths + 1).cumsum(), sought, ends)

    def within(self, asked: Sequence[str]) -> Floats:
        """Per text asked the largest share of a candidate's code that it makes up: 1 is the code itself, 0 is none."""
        within: Floats = self._within[[self.places[text] for text in asked]]
        return within

    def shared(self, asked: str) -> Floats:
        """The most letters that a candidate's code and `asked` have in common at their beginning. Shape (n,)."""
        shared: Floats = self._shared[self.places[asked]]
        return shared


def _letters(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)


@compiled
def _found(
    text: NDArray[np.uint32], ends: Positions, asked: NDArray[np.uint32], asked_ends: Positions
) -> tuple[Floats, Floats]:
    """`within` and `shared` of `_Codes`, shape (number asked, n).

    The codes of a candidate stand before its end, each between two spaces.
    """
    n_asked = len(asked_ends)
    within, shared = np.zeros((n_asked, len(ends))), np.zeros((n_asked, len(ends)))
    # of what is asked, by the first letter's lowest bits: the first one, and after each one the next
    first, following = np.full(256, -1), np.full(n_asked, -1)
    for one in range(n_asked):
        letter = asked[asked_ends[one - 1] if one else 0] & 255
        following[one] = first[letter]
        first[letter] = one
    begin = place = 0
    for row in range(len(ends)):
        while place < ends[row]:
            if text[place] == _SPACE:
                begin = place + 1
            one = first[text[place] & 255]
            while one >= 0:
                of_asked = asked[asked_ends[one - 1] if one else 0 : asked_ends[one]]
                same = 0  # letters; at a space none is
                while same < len(of_asked) and text[place + same] == of_asked[same]:
                    same += 1
                if place == begin:
                    shared[one, row] = max(shared[one, row], same)
                if same == len(of_asked):
                    end = place + same
                    while text[end] != _SPACE:
                        end += 1
                    within[one, row] = max(within[one, row], same / (end - begin))
                one = following[one]
            place += 1
    return within, shared


class _Numbers:
    """Missing where the query has no number, or no code with a digit."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.lengths = np.array([len(code) for code in pool.codes], dtype=np.float64)

    @cached_property
    def codes(self) -> _Codes:
        return _Codes(self.pool.texts.codes, [*dict.fromkeys((*self.pool.codes, *self.pool.numbers))])

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
        share: Column = (self.codes.within([*self.pool.numbers]) == 1.0).mean(axis=0)
        return share

    @cached_property
    def within(self) -> Floats:
        """Per code asked, the largest share of a candidate's code that it makes up: 1 is the code itself."""
        return self.codes.within(self.pool.codes)

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
            shared = self.codes.shared(code)
            best = np.maximum(best, np.where(shared >= _SHORTEST_PREFIX, shared / len(code), 0.0))
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
