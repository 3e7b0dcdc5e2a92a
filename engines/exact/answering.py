"""One request answered over a snapshot: clause, filter, order, facets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from multirecall.core.query import Sort
from multirecall.core.ranking import FieldValue
from multirecall.engines.base import EngineHit, EngineRequest, EngineResult, Everything, Holding, Text, Vector
from multirecall.engines.exact.lexical import lexical_scores
from multirecall.engines.exact.matching import count_facet, matching_rows
from multirecall.engines.exact.snapshot import Snapshot, StoredProduct
from multirecall.engines.fields import FieldKind, resolve_field, returned_value

__all__ = ["answer"]

Rows = NDArray[np.int64]


def answer(request: EngineRequest, snapshot: Snapshot) -> EngineResult:
    """The request's result, exact in every part. The request has passed `checks.check_request`."""
    rows = matching_rows(request.filter, snapshot)
    total: int | None
    match request.clause:
        case Vector():
            scores = np.zeros(len(snapshot))
            having, matrix = snapshot.vectors(request.clause.field)
            query = request.clause.vector.astype(np.float32)
            scores[having] = np.clip(matrix @ (query / np.linalg.norm(query)), -1.0, 1.0)
            with_vector = np.zeros(len(snapshot), dtype=np.bool_)
            with_vector[having] = True
            rows &= with_vector
            total = None
        case Text():
            matches, scores = lexical_scores(request.clause, snapshot)
            rows &= matches
            total = int(np.count_nonzero(rows))
        case Holding():
            scores = _held(request.clause, snapshot)
            rows &= scores > 0
            total = int(np.count_nonzero(rows))
        case Everything():
            scores = np.ones(len(snapshot))
            total = int(np.count_nonzero(rows))
    found = np.flatnonzero(rows)
    ordered = found if request.sort else found[np.argsort(-scores[found], kind="stable")]
    for sort in reversed(request.sort):
        ordered = _sorted(ordered, sort, snapshot)
    hits = ordered[: request.k]
    if total is None:
        rows = np.zeros(len(snapshot), dtype=np.bool_)
        rows[hits] = True
    return EngineResult(
        hits=tuple(
            EngineHit(
                id=snapshot.ids[row], score=float(scores[row]), fields=_fields(snapshot.products[row], request.fields)
            )
            for row in hits
        ),
        total=total,
        facets=tuple(count_facet(facet, rows, snapshot) for facet in request.facets),
    )


def _held(clause: Holding, snapshot: Snapshot) -> NDArray[np.float64]:
    """The score of each row, shape (rows,); 0 where it holds no value."""
    resolved = resolve_field(clause.field, snapshot.schema, "term")
    rows = snapshot.keywords(resolved.name).rows
    scores = np.zeros(len(snapshot))
    for value, weight in clause.weights.items():
        stored = resolved.value(value)
        if isinstance(stored, str) and (having := rows.get(stored)) is not None:
            scores[having] = np.maximum(scores[having], weight) if clause.best else scores[having] + weight
    return scores


def _sorted(rows: Rows, sort: Sort, snapshot: Snapshot) -> Rows:
    """The rows by the field, products without it last, equal ones in the order they came (a stable sort)."""
    resolved = resolve_field(sort.field, snapshot.schema, "sort")
    place = np.full(len(snapshot), np.inf)
    if resolved.kind is FieldKind.NUMBER:
        column = snapshot.numbers(resolved.name)
        place[column.rows] = column.values
    else:
        values = snapshot.keywords(resolved.name).rows
        for position, value in enumerate(sorted(values)):
            place[values[value]] = position
    missing = np.isinf(place)
    keys = np.where(missing, 0.0, -place if sort.descending else place)
    return rows[np.lexsort((keys[rows], missing[rows]))]


def _fields(product: StoredProduct, names: tuple[str, ...]) -> dict[str, FieldValue]:
    fields: dict[str, FieldValue] = {}
    for name in names:
        if name.startswith("attributes."):
            value = (product.record.get("attributes") or {}).get(name.removeprefix("attributes."))
        else:
            value = product.record.get(name)
        returned = returned_value(name, value)
        if returned is not None:
            fields[name] = returned
    return fields
