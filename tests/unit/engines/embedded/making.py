"""Small products and engines for the tests of the embedded engine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from multirecall.core.deadline import Deadline
from multirecall.engines.base import (
    Clause,
    EngineRequest,
    EngineResult,
    Float32Array,
    IndexedProduct,
    Upsert,
    Vector,
    Write,
    WriteResult,
)
from multirecall.engines.embedded import EmbeddedEngine, Tuning
from multirecall.engines.schema import Schema, VectorField

__all__ = ["DIM", "TUNING", "make_engine", "near", "product", "put", "schema", "search", "unit_vectors"]

DIM = 16
TUNING = Tuning(heap_bytes=15_000_000, threads=1, min_graph_rows=200, min_dead_rows=100)


def schema(index: str = "int8_hnsw", **settings: Any) -> Schema:
    return Schema(
        vectors=(VectorField(name="dense", dim=DIM, encoder="hashing", fingerprint="f", index=index),), **settings
    )


def make_engine(folder: Path, used: Schema | None = None, tuning: Tuning = TUNING) -> EmbeddedEngine:
    """An engine with an empty live index."""
    engine = EmbeddedEngine.open(folder, create=True, tuning=tuning)
    engine.swap(engine.create(used or schema()))
    return engine


def unit_vectors(seed: int, n: int) -> Float32Array:
    drawn = np.random.default_rng(seed).normal(size=(n, DIM))
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)


def product(name: str, vector: Float32Array | None = None, version: int | None = None, **fields: Any) -> Upsert:
    vectors = {} if vector is None else {"dense": vector}
    return Upsert(product=IndexedProduct(id=name, fields={"title": "lamp"} | fields, vectors=vectors), version=version)


def put(engine: EmbeddedEngine, writes: Sequence[Write]) -> list[WriteResult]:
    results = list(engine.write(writes))
    engine.refresh()
    return results


def search(engine: EmbeddedEngine, clause: Clause, k: int = 10, **request: Any) -> EngineResult:
    [result] = engine.search_many([EngineRequest(clause=clause, k=k, **request)], Deadline.never())
    assert result.status == "ok", result
    return result


def near(vector: Float32Array, n_candidates: int = 0) -> Vector:
    return Vector(field="dense", vector=vector, n_candidates=n_candidates)
