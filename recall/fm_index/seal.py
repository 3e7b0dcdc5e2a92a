"""SEAL's intersective score: products by the generated spans that their titles hold.

    P(n)    = count(n) / tokens of all titles
    w(n,q)  = max(0, log [P(n|q) (1 - P(n)) / (P(n) (1 - P(n|q)))])
    W(d,q)  = sum over the spans n of K_d of w(n,q)^a * cover(n, K_d)
    cover   = 1 - c + c * |set(n) less C(n, K_d)| / |set(n)|

K_d are the generated spans that product d's title holds at a place of their own: taken by w, highest first, one counts
if somewhere in the title it overlaps none taken before, and takes the first such place. C(n, K_d) are the tokens of
those taken before n. (Bevilacqua et al., "Autoregressive Search Engines", 2022, section 3.2; a = 2, c = .8.)
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from multirecall.recall.fm_index.index import FMIndex, Occurrences
from multirecall.recall.fm_index.segment import Int64Array
from multirecall.recall.generation.beam import Generated
from multirecall.recall.generation.spans import Span, split_spans

__all__ = ["SpanHit", "cover", "generated_spans", "product_scores", "span_weight"]

_LEAST, _MOST = 1e-8, 1 - 1e-6


class SpanHit(NamedTuple):
    """A product with its W, and what each span of its K_d adds to it, by w descending."""

    product_id: str
    score: float
    spans: tuple[tuple[Span, float], ...]


def span_weight(p_given_query: float, p: float) -> float:
    """w(n,q): how much likelier the span is for the query than in the titles. P(n|q) is cut to [1e-8, 1 - 1e-6]."""
    own = min(max(p_given_query, _LEAST), _MOST)
    if p >= 1.0:
        return 0.0
    return max(0.0, math.log(own) + math.log1p(-p) - math.log(p) - math.log1p(-own))


def cover(span: Iterable[int], covered: Iterable[int], *, c: float = 0.8) -> float:
    """1 if none of the span's tokens is covered already, 1 - c if all are."""
    own = set(span)
    return 1 - c + c * len(own.difference(covered)) / len(own)


def generated_spans(sequences: Iterable[Generated], *, separator: int) -> dict[Span, float]:
    """P(n|q) of each span: the product of its tokens' probabilities over what was allowed, its best if written twice.

    The separator or end after it is no part of it.
    """
    found: dict[Span, float] = {}
    for one in sequences:
        for begin, end in split_spans(one.tokens, separator):
            span, p = one.tokens[begin:end], math.exp(math.fsum(one.constrained[begin:end]))
            found[span] = max(found.get(span, 0.0), p)
    return found


def product_scores(
    index: FMIndex, spans: Mapping[Span, float], *, k: int = 100, a: float = 2.0, c: float = 0.8
) -> list[SpanHit]:
    """The k products with the highest W above 0, by W descending, then by id; `spans` are those of `generated_spans`.

    Of equals at the last place those are taken that were indexed first. Exact: titles are left out only once what is
    still to come cannot lift them to the k-th place. Takes time in the places of the spans: a millisecond for some
    thousands, and .1 ms a span.
    """
    counts = {span: index.count(span) for span in spans}
    weights = {span: span_weight(p, counts[span] / index.n_tokens) for span, p in spans.items() if counts[span]}
    ranked = sorted((span for span, w in weights.items() if w > 0), key=lambda span: (-weights[span], span))
    gains = [weights[span] ** a for span in ranked]
    tally = _Tally(index, c)
    for at, span in enumerate(ranked):
        tally.add(span, gains[at], k=k, still_to_come=math.fsum(gains[at + 1 :]))
    return tally.best(k)


class _Tally:
    """What the spans added so far, from the highest w down, make of each title that holds one of them (its slot)."""

    def __init__(self, index: FMIndex, c: float) -> None:
        self._index, self._c = index, c
        self._slot_of = np.full(index.n_numbers, -1, np.int32)
        self._titles: Int64Array = np.zeros(0, np.int64)
        self._scores = np.zeros(0)
        self._first_token: Int64Array = np.zeros(0, np.int64)
        self._taken = np.zeros(0, np.bool_)
        self._added: list[tuple[Span, NDArray[np.float64]]] = []
        self._among: NDArray[np.bool_] | None = None

    def add(self, span: Span, gain: float, *, k: int, still_to_come: float) -> None:
        """Adds the span where it has a place of its own; `still_to_come` is the most that all later ones can add."""
        found = self._index.occurrences(span, among=self._among)
        self._open(found.titles)
        slots = self._own_places(found, len(span))
        fresh = np.zeros(len(slots))
        distinct = set(span)
        for token in distinct:
            is_covered = np.zeros(len(slots), np.bool_)
            for other, shares in self._added:
                if token in other:
                    is_covered |= _at(shares, slots) > 0
            fresh += ~is_covered
        share = gain * (1 - self._c + self._c * fresh / len(distinct))
        self._scores[slots] += share
        shares = np.zeros(len(self._scores))
        shares[slots] = share
        self._added.append((span, shares))
        self._narrow(k, still_to_come)

    def best(self, k: int) -> list[SpanHit]:
        order = np.lexsort((self._titles, -self._scores))[:k]
        order = order[self._scores[order] > 0]
        held = [(span, _at(shares, order).tolist()) for span, shares in self._added]
        hits = [
            SpanHit(name, score, tuple([(span, shares[at]) for span, shares in held if shares[at] > 0]))
            for at, (name, score) in enumerate(
                zip(self._index.product_ids(self._titles[order].tolist()), self._scores[order].tolist(), strict=True)
            )
        ]
        return sorted(hits, key=lambda hit: (-hit.score, hit.product_id))

    def _open(self, titles: Int64Array) -> None:
        """Gives slots to the titles, ascending, that have none yet."""
        new = np.unique(titles[self._slot_of[titles] < 0])
        if not len(new):
            return
        self._slot_of[new] = len(self._titles) + np.arange(len(new))
        lengths = self._index.lengths(new)
        self._first_token = np.concatenate([self._first_token, len(self._taken) + np.cumsum(lengths) - lengths])
        self._taken = np.concatenate([self._taken, np.zeros(int(lengths.sum()), np.bool_)])
        self._titles = np.concatenate([self._titles, new])
        self._scores = np.concatenate([self._scores, np.zeros(len(new))])

    def _own_places(self, found: Occurrences, n: int) -> Int64Array:
        """The slots of titles with a place that overlaps none taken; the first such place is taken now."""
        slots = self._slot_of[found.titles].astype(np.int64)
        tokens = (self._first_token[slots] + found.starts)[:, None] + np.arange(n)
        free = np.flatnonzero(~self._taken[tokens].any(axis=1))
        first = free[np.diff(slots[free], prepend=-1) != 0]
        self._taken[tokens[first]] = True
        own: Int64Array = slots[first]
        return own

    def _narrow(self, k: int, still_to_come: float) -> None:
        """From when no other title can come among the k best, only those that still can are looked for."""
        if len(self._scores) < k:
            return
        kth = np.partition(self._scores, len(self._scores) - k)[len(self._scores) - k]
        if self._among is not None or kth > still_to_come:
            self._among = np.zeros(self._index.n_numbers, np.bool_)
            self._among[self._titles[self._scores + still_to_come >= kth]] = True


def _at(values: NDArray[np.float64], slots: Int64Array) -> NDArray[np.float64]:
    """The values at these slots; 0 at those that were opened later."""
    found = np.zeros(len(slots))
    inside = slots < len(values)
    found[inside] = values[slots[inside]]
    return found
