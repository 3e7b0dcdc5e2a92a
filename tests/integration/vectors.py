"""Checks of a server's vector search that both servers must pass."""

from __future__ import annotations

import numpy as np
import pytest

from multirecall.core.deadline import Deadline
from multirecall.core.filters import Range
from multirecall.engines.base import Engine, EngineRequest, Float32Array, Update, Vector
from multirecall.engines.schema import Schema, VectorField
from tests.support.records import upsert

__all__ = ["check_scores_are_cosines", "check_update_keeps_the_vector", "indexed"]

DIM, N, K = 64, 600, 20


def indexed(engine: Engine, kind: str) -> Float32Array:
    """The vectors of `N` products just indexed and live, shape (N, DIM); product `i` has row i and price i."""
    vectors = np.random.default_rng(20).standard_normal((N, DIM)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    field = VectorField(name="v", dim=DIM, encoder="hashing", fingerprint="0" * 16, index=kind)
    index = engine.create(Schema(vectors=(field,)))
    results = engine.write(
        (upsert(str(i), f"product {i}", price_minor=i, vectors={"v": vectors[i]}) for i in range(N)), index=index
    )
    assert all(result.ok for result in results)
    engine.refresh(index=index)
    engine.swap(index)
    return vectors


def check_scores_are_cosines(engine: Engine, kind: str, *, least_recall: float) -> None:
    """Scores within 1e-4 of numpy's cosines, in order, filter inside, and most of the true neighbours found."""
    vectors = indexed(engine, kind)
    recalls = []
    for query in np.random.default_rng(21).standard_normal((20, DIM)).astype(np.float32):
        unit = query / np.linalg.norm(query)
        for passing in (N, 60):
            clause = Vector(field="v", vector=unit)
            request = EngineRequest(clause=clause, k=K, filter=Range(field="price_minor", lt=passing))
            [result] = engine.search_many([request], Deadline.after(30))
            cosines = vectors[:passing] @ unit
            scores = [hit.score for hit in result.hits]
            assert len(result.hits) == K
            assert scores == pytest.approx([cosines[int(hit.id)] for hit in result.hits], abs=1e-4)
            assert scores == sorted(scores, reverse=True)
            nearest = {str(i) for i in np.argsort(-cosines)[:K]}
            recalls.append(len(nearest & {hit.id for hit in result.hits}) / K)
    assert np.mean(recalls) >= least_recall


def check_update_keeps_the_vector(engine: Engine, kind: str) -> None:
    """Servers keep vectors out of the stored product and must put them back when a part of it changes."""
    vectors = indexed(engine, kind)
    assert [r.status for r in engine.write([Update(id="7", fields={"price_minor": 9999}, version=3)])] == ["updated"]
    engine.refresh()
    request = EngineRequest(clause=Vector(field="v", vector=vectors[7]), k=1, fields=("price_minor", "version"))
    [result] = engine.search_many([request], Deadline.after(30))
    assert result.hits[0].id == "7"
    assert result.hits[0].score == pytest.approx(1.0, abs=1e-4)
    assert result.hits[0].fields == {"price_minor": 9999, "version": 3}
