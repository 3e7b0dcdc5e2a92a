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
from multirecall.engines.embedded.rows import RowReader, Rows
from multirecall.engines.embedded.snapshot import Selection, Snapshot

__all__ = ["nearest_rows"]

_MIN_CANDIDATES = 200
_CANDIDATES_PER_HIT = 1.5
_GATHERED_ROWS = 16_384
_ROUNDING = 1e-5  # more than float32 sums over 4,096 dimensions differ by

FloatArray = NDArray[np.float64]


def nearest_rows(
    clause: Vector, k: int, selection: Selection, snapshot: Snapshot, deadline: Deadline
) -> tuple[list[tuple[int, str, float]], bool]:
    """Row, id and cosine of the k nearest, score descending, then id; and whether the deadline cut the search."""
    query = clause.vector.astype(np.float32)
    query /= np.linalg.norm(query)
    rows, in_time = _candidates(clause, query, k, selection, snapshot, deadline)
    scores = _cosines(clause.field, query, rows, snapshot.rows)
    if len(rows) > k:
        cut = np.partition(scores, len(rows) - k)[len(rows) - k]
        rows, scores = rows[scores >= cut], scores[scores >= cut]
    scored = sorted(
        ((-score, snapshot.rows.id(row), row) for row, score in zip(rows.tolist(), scores.tolist(), strict=True))
    )
    return [(row, name, -score) for score, name, row in scored[:k]], in_time


def _candidates(
    clause: Vector, query: Float32Array, k: int, selection: Selection, snapshot: Snapshot, deadline: Deadline
) -> tuple[Rows, bool]:
    """Rows among which the k nearest are (by the graph: are likely)."""
    graph = snapshot.graphs.get(clause.field)
    few = len(selection) <= snapshot.tuning.min_graph_rows
    if graph is None or few or _exact_is_cheaper(k, len(selection), len(graph)):
        return _nearest_exactly(clause.field, query, k, selection.rows, snapshot.rows), True
    tail = selection.rows[np.searchsorted(selection.rows, graph.stop) :]
    covered = len(selection) - len(tail)
    found, in_time = _by_graph(clause, query, k, selection, graph, covered, deadline)
    if found is None:  # the filter and the graph disagree about what is near: look at every selected row
        return _nearest_exactly(clause.field, query, k, selection.rows, snapshot.rows), in_time
    return np.concatenate([found, _nearest_exactly(clause.field, query, k, tail, snapshot.rows)]), in_time


def _exact_is_cheaper(k: int, selected: int, in_graph: int) -> bool:
    """Looking at a row costs about a sixth of looking at a candidate of the graph, of which a filter that lets
    `selected` of `in_graph` pass needs `k * in_graph / selected`."""
    return selected * selected <= 6 * k * in_graph


def _by_graph(
    clause: Vector, query: Float32Array, k: int, selection: Selection, graph: Graph, covered: int, deadline: Deadline
) -> tuple[Rows | None, bool]:
    """Asks for more candidates until k of them are selected. None: an exact search would be cheaper by now."""
    wanted = min(k, covered)
    per_hit = _CANDIDATES_PER_HIT * len(graph) / max(1, covered)
    count = max(clause.n_candidates, _MIN_CANDIDATES, int(k * per_hit) + 1)
    while True:
        near = graph.nearest(query, count)
        kept = selection.keep(near)
        if len(kept) >= wanted:
            return kept, True
        if deadline.expired:
            return kept, False
        if count * 6 >= len(selection) or count >= len(graph):
            return None, True
        count *= 4


def _nearest_exactly(field: str, query: Float32Array, k: int, selected: Rows, rows: RowReader) -> Rows:
    """All rows whose cosine is among the k highest, give or take the rounding."""
    if len(selected) <= k:
        return selected
    first, last = int(selected[0]), int(selected[-1]) + 1
    if 2 * len(selected) >= last - first:
        scores = rows.dot(field, query, first, last)[selected - first]
    else:
        scores = np.concatenate(
            [
                rows.gather(field, selected[start : start + _GATHERED_ROWS]) @ query
                for start in range(0, len(selected), _GATHERED_ROWS)
            ]
        )
    cut = np.partition(scores, len(scores) - k)[len(scores) - k]
    near: Rows = selected[scores >= cut - _ROUNDING]
    return near


def _cosines(field: str, query: Float32Array, selected: Rows, rows: RowReader) -> FloatArray:
    """Cosines in float64, summed row by row: equal vectors get equal scores wherever they lie."""
    exact_query = query.astype(np.float64)
    parts = [
        (rows.gather(field, selected[start : start + _GATHERED_ROWS]) * exact_query).sum(axis=1)
        for start in range(0, len(selected), _GATHERED_ROWS)
    ]
    return np.clip(np.concatenate(parts), -1.0, 1.0) if parts else np.zeros(0)
