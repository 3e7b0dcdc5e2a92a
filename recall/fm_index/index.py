"""FMIndex: segments that are asked together, so that new products need no index of all."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from multirecall.core.errors import InvalidInput
from multirecall.recall.fm_index.segment import Followers, Int32Array, Int64Array, Segment

__all__ = ["FMIndex", "Occurrences", "Part", "Ranges"]

Ranges = tuple[int, ...]
"""The rows of a span in every segment: low, high, low, high and so on. All rows: the empty span."""

_ABSORBED = 200_000
"""Tokens: adding never builds a larger segment again; this many take .15 s."""

_PLACE_BITS = 16  # of a place in a title
_MAX_PARTS = 8
_MAX_DEAD = 0.2


class Part(NamedTuple):
    """A segment with the ordinals, ascending, of its titles that are deleted."""

    segment: Segment
    dead: Int32Array


class Occurrences(NamedTuple):
    """The places of a span in titles that are not deleted, ascending: a title's number and where in it the span starts.

    Both int64 of one shape. Numbers count through all segments of this one index, and mean nothing in another.
    """

    titles: Int64Array
    starts: Int64Array


class FMIndex:
    """Which spans the titles of some products hold, what may follow one, and which products hold it.

    A value: adding and deleting give another index that shares the segments, so readers need no lock. Safe for several
    threads. `counts` and what may follow are sums over the segments.

    **New products** are a segment of their own as soon as `added` returns. It takes in its smaller neighbours up to
    200,000 tokens, so that it costs .2 s at most beside the new titles themselves, and there are few segments.
    **Deleted products** are never among the `occurrences`. Their spans can still be followed, and count, until
    their segment is built again: a span that only they hold then finds nothing.
    **`compacted`** builds all segments into one without them; due when `wants_compacting`.
    """

    def __init__(self, parts: Sequence[Part], *, vocab: int) -> None:
        """Raises InvalidInput for a segment of another vocabulary."""
        if any(part.segment.vocab != vocab for part in parts):
            raise InvalidInput(
                f"A segment has {next(p.segment.vocab for p in parts if p.segment.vocab != vocab)} tokens in its "
                f"vocabulary, the index {vocab}.",
                hint="Index all titles with one tokenizer.",
                field="vocab",
            )
        self.vocab = vocab
        self.parts = tuple(parts)
        self.start: Ranges = tuple([row for part in parts for row in (0, part.segment.n_rows)])
        self._first_title = [0, *accumulate(part.segment.n_titles for part in parts)]
        self._alive = [_alive(part) for part in parts]
        self.n_tokens = sum(part.segment.n_tokens for part in parts)
        self.n_titles = self._first_title[-1] - sum(len(part.dead) for part in parts)
        self._first = self._union(self.start)

    @classmethod
    def build(cls, ids: Sequence[str], titles: Iterable[Sequence[int]], *, vocab: int) -> FMIndex:
        """An index in memory of titles as tokens, the products' ids in the same order. Raises as `Segment.build`."""
        segment = Segment.build(ids, titles, vocab=vocab)
        return cls([Part(segment, _none())] if segment.n_titles else [], vocab=vocab)

    @property
    def n_numbers(self) -> int:
        """Numbers of titles are below this; deleted ones have theirs still."""
        return self._first_title[-1]

    @property
    def wants_compacting(self) -> bool:
        """Whether there are more than 8 segments, or more than a fifth of the titles are deleted."""
        return len(self.parts) > _MAX_PARTS or self.n_titles < (1 - _MAX_DEAD) * self.n_numbers

    def narrowed(self, ranges: Ranges, token: int) -> Ranges:
        """The rows of the span continued with the token. Some 5 us for each segment that holds the span."""
        return tuple(
            [
                row
                for at, part in enumerate(self.parts)
                for row in part.segment.narrowed(ranges[2 * at], ranges[2 * at + 1], token)
            ]
        )

    def ranges(self, span: Sequence[int]) -> Ranges:
        """The rows of this span."""
        found = self.start
        for token in span:
            found = self.narrowed(found, token)
        return found

    def count(self, span: Sequence[int]) -> int:
        """How often the titles hold the span, deleted ones too. The empty one: the number of tokens."""
        return self.size(self.ranges(span)) if span else self.n_tokens

    @staticmethod
    def size(ranges: Ranges) -> int:
        """How many rows these are: the count of their span."""
        return sum(ranges[1::2]) - sum(ranges[::2])

    def following(self, ranges: Ranges) -> Followers:
        """What may follow the span, distinct and ascending, with counts summed over the segments. Not to be written to.

        The cost is that of `Segment.following` for each segment that holds the span.
        """
        return self._first if ranges == self.start else self._union(ranges)

    def occurrences(self, span: Sequence[int], *, among: NDArray[np.bool_] | None = None) -> Occurrences:
        """Where products hold the span; `among`, shape (n_numbers,), leaves only the titles for which it is true."""
        ranges = self.ranges(span)
        found: list[Occurrences] = []
        for at, part in enumerate(self.parts):
            low, high = ranges[2 * at : 2 * at + 2]
            if high <= low:
                continue
            titles, lasts = part.segment.rows_of(low, high)
            first, alive = self._first_title[at], self._alive[at]
            wanted = alive
            if among is not None:
                here = among[first : self._first_title[at + 1]]
                wanted = here if alive is None else here & alive
            if wanted is not None:
                kept = wanted[titles]
                titles, lasts = titles[kept], lasts[kept]
            # as one number each: a fifth of the time that sorting by two takes
            places = np.sort(((titles.astype(np.int64) + first) << _PLACE_BITS) + lasts - (len(span) - 1))
            found.append(Occurrences(places >> _PLACE_BITS, places & (1 << _PLACE_BITS) - 1))
        if not found:
            return Occurrences(np.zeros(0, np.int64), np.zeros(0, np.int64))
        return Occurrences(*map(np.concatenate, zip(*found, strict=True)))

    def product_ids(self, titles: Iterable[int]) -> list[str]:
        """The products that titles of these numbers belong to."""
        return [self._of_title(title, Segment.product_id) for title in titles]

    def lengths(self, titles: Int64Array) -> Int64Array:
        """How many tokens each of these titles has, in the order given."""
        found = np.empty(len(titles), np.int64)
        for at, part in enumerate(self.parts):
            first, stop = self._first_title[at : at + 2]
            here = (titles >= first) & (titles < stop)
            found[here] = part.segment.lengths(titles[here] - first)
        return found

    def added(self, ids: Sequence[str], titles: Iterable[Sequence[int]]) -> FMIndex:
        """The index with these products too; one that was there is replaced. Raises as `Segment.build`.

        Takes 1 us a token of the new titles, and .2 s at most beside that.
        """
        new = Segment.build(ids, titles, vocab=self.vocab)
        parts = [*self.without(ids).parts]
        absorbed = [Part(new, _none())]
        size = new.n_tokens
        while parts and (below := parts[-1].segment.n_tokens) < 4 * size and size + below <= _ABSORBED:
            absorbed.insert(0, parts.pop())
            size += below
        return FMIndex([*parts, *_merged(absorbed, self.vocab)], vocab=self.vocab)

    def without(self, ids: Collection[str]) -> FMIndex:
        """The index without these products; ids it does not know are passed over. About 10 us each."""
        parts = []
        for segment, dead in self.parts:
            gone = [title for one in ids if (title := segment.find(one)) is not None]
            parts.append(Part(segment, np.union1d(dead, np.array(gone, np.int32)) if gone else dead))
        return FMIndex(parts, vocab=self.vocab)

    def compacted(self) -> FMIndex:
        """One segment of all that is not deleted. Costs what building costs."""
        if len(self.parts) == 1 and not len(self.parts[0].dead):
            return self
        return FMIndex(_merged(self.parts, self.vocab), vocab=self.vocab)

    def _union(self, ranges: Ranges) -> Followers:
        found = [
            part.segment.following(low, high)
            for part, low, high in zip(self.parts, ranges[::2], ranges[1::2], strict=True)
            if high > low
        ]
        if len(found) == 1:
            return found[0]
        if not found:
            return Followers(_none(), np.zeros(0, np.int64))
        tokens, places = np.unique(np.concatenate([one.tokens for one in found]), return_inverse=True)
        counts = np.bincount(places, weights=np.concatenate([one.counts for one in found]), minlength=len(tokens))
        return Followers(tokens, counts.astype(np.int64))

    def _of_title(self, title: int, read: Callable[[Segment, int], str]) -> str:
        at = int(np.searchsorted(self._first_title, title, side="right")) - 1
        return read(self.parts[at].segment, title - self._first_title[at])


def _merged(parts: Sequence[Part], vocab: int) -> list[Part]:
    """One segment of the titles that are not deleted; none if none are left. One whole segment is taken as it is."""
    if len(parts) == 1 and not len(parts[0].dead):
        return [*parts] if parts[0].segment.n_titles else []
    ids: list[str] = []
    tokens: list[Int32Array] = []
    lengths: list[Int64Array] = []
    for part in parts:
        text, sizes = part.segment.text()
        alive = _alive(part)
        names = part.segment.product_ids()
        if alive is not None:
            text, sizes = text[np.repeat(alive, sizes)], sizes[alive]
            names = [name for name, lives in zip(names, alive.tolist(), strict=True) if lives]
        ids += names
        tokens.append(text)
        lengths.append(sizes)
    if not ids:
        return []
    return [Part(Segment.of_text(ids, np.concatenate(tokens), np.concatenate(lengths), vocab=vocab), _none())]


def _alive(part: Part) -> NDArray[np.bool_] | None:
    """Which titles are not deleted; None if none is."""
    if not len(part.dead):
        return None
    alive: NDArray[Any] = np.ones(part.segment.n_titles, np.bool_)
    alive[part.dead] = False
    return alive


def _none() -> Int32Array:
    return np.zeros(0, np.int32)
