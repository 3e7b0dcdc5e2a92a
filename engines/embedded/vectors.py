"""A Vector clause: the k selected rows with the highest cosine, by the graph or by looking at all of them.

Whatever finds the candidates, their scores are cosines worked out from the float32 rows, each row by the same sum,
so that equal vectors get equal scores and ties are decided by id.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from multirecall.core.deadline import Deadline
from multirecall.engines.base import Float32Array, Vector
from multirecall.engines.embedded.graph import Graph
from multirecall.engines.embedded.ordering import Found
from multirecall.engines.embedded.rows import RowReader, Rows
from multirecall.engines.embedded.snapshot import Selection, Snapshot

__all__ = ["nearest_rows"]

_CANDIDATES = (200, 1.5)
"""How many candidates the graph is asked for: so many, and so many for each hit wanted. On 19,400 products (384
dimensions, int8) 98.6 % of the true hits are among them for k = 100, 98.3 % for k = 10; with 200 candidates for
k = 100 it is 96.7 %, with 600 over 99 %."""

_SHORT_LIST = (30, 1.5)
"""How many of the candidates, nearest first by the graph's rounded vectors, are scored from the float32 rows: more
changes no hit in a thousand, and every row costs a walk to memory."""

_ROWS_PER_CANDIDATE = 13
"""Rows that are looked at exactly in the time that one candidate of the graph takes."""

_SUMMED_ROWS = 4_096
_COPIED_ROWS = 512  # so many vectors stay in the processor's cache between two uses
_ROUNDING = 1e-5  # more than float32 sums over 4,096 dimensions differ by

FloatArray = NDArray[np.float64]


def nearest_rows(
    clause: Vector, k: int, selection: Selection, snapshot: Snapshot, deadline: Deadline
) -> tuple[list[Found], bool]:
    """The k nearest by cosine, score descending, then id (without addresses: the text side was not asked); and whether
    the deadline cut the search."""
    query = clause.vector.astype(np.float32)
    query /= np.linalg.norm(query)
    rows, in_time = _candidates(clause, query, k, selection, snapshot, deadline)
    if not len(rows):
        return [], in_time
    if len(rows) <= _COPIED_ROWS:
        rows, scores = _scored_at_once(clause.field, query, k, rows, snapshot.rows)
    else:
        rows = _nearest_exactly(clause.field, query, k, rows, snapshot.rows)
        scores = _cosines(clause.field, query, rows, snapshot.rows)
    if len(rows) > k:
        cut = np.partition(scores, len(rows) - k)[len(rows) - k]
        rows, scores = rows[scores >= cut], scores[scores >= cut]
    found = sorted(zip((-scores).tolist(), snapshot.rows.ids(rows), rows.tolist(), strict=True))
    return [Found(row, name, -negative, None) for negative, name, row in found[:k]], in_time


def _candidates(
    clause: Vector, query: Float32Array, k: int, selection: Selection, snapshot: Snapshot, deadline: Deadline
) -> tuple[Rows, bool]:
    """Rows among which the k nearest are (by the graph: are likely)."""
    graph = snapshot.graphs.get(clause.field)
    count = max(clause.n_candidates, _so_many(_CANDIDATES, k))
    n = len(selection)
    few = n <= snapshot.tuning.min_graph_rows
    # a filter that lets n of m rows pass makes the graph look at m / n times as many candidates
    if graph is None or few or n * n <= _ROWS_PER_CANDIDATE * count * len(graph):
        return selection.rows, True
    tail = selection.rows[np.searchsorted(selection.rows, graph.stop) :]
    found, in_time = _by_graph(query, k, count, selection, graph, n - len(tail), deadline)
    if found is None:
        return selection.rows, in_time
    short_list = np.sort(found[: _so_many(_SHORT_LIST, k)])
    return np.concatenate([short_list, tail]), in_time


def _so_many(numbers: tuple[int, float], k: int) -> int:
    fixed, per_hit = numbers
    return fixed + int(per_hit * k)


def _by_graph(
    query: Float32Array, k: int, count: int, selection: Selection, graph: Graph, covered: int, deadline: Deadline
) -> tuple[Rows | None, bool]:
    """Asks for more candidates until k of them are selected. None: to look at every selected row is cheaper by now."""
    wanted = min(k, covered)
    count = int(count * len(graph) / max(1, covered))
    while True:
        near = graph.nearest(query, count)
        kept = selection.keep(near)
        if len(kept) >= wanted:
            return kept, True
        if deadline.expired:
            return kept, False
        if count >= len(graph) or count * _ROWS_PER_CANDIDATE >= len(selection):
            return None, True
        count *= 4


def _scored_at_once(
    field: str, query: Float32Array, k: int, selected: Rows, rows: RowReader
) -> tuple[Rows, FloatArray]:
    """What `_nearest_exactly` and then `_cosines` give, with each vector fetched from the files once, not twice."""
    vectors = rows.gather(field, selected)
    if len(selected) > k:
        near = _near_the_best(vectors @ query, k)
        selected, vectors = selected[near], vectors[near]
    return selected, _exact_cosines(vectors, query)


def _nearest_exactly(field: str, query: Float32Array, k: int, selected: Rows, rows: RowReader) -> Rows:
    """All of the selected rows (rising) whose cosine is among the k highest, give or take the rounding."""
    if len(selected) <= k:
        return selected
    near: Rows = selected[_near_the_best(rows.dot(field, query, selected), k)]
    return near


def _near_the_best(scores: Float32Array, k: int) -> NDArray[np.bool_]:
    """Which of the scores are among the k highest, give or take the rounding."""
    cut = np.partition(scores, len(scores) - k)[len(scores) - k]
    near: NDArray[np.bool_] = scores >= cut - _ROUNDING
    return near


def _cosines(field: str, query: Float32Array, selected: Rows, rows: RowReader) -> FloatArray:
    """`_exact_cosines` of many rows, some at a time."""
    parts = [
        _exact_cosines(rows.gather(field, selected[start : start + _SUMMED_ROWS]), query)
        for start in range(0, len(selected), _SUMMED_ROWS)
    ]
    return np.concatenate(parts)


def _exact_cosines(vectors: Float32Array, query: Float32Array) -> FloatArray:
    """Cosines in float64, summed row by row: equal vectors get equal scores wherever they lie."""
    cosines: FloatArray = (vectors * query.astype(np.float64)).sum(axis=1).clip(-1.0, 1.0)
    return cosines
