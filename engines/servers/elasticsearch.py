"""Elasticsearch 9.3 and later: what it says its own way."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from multirecall.core.errors import UnsupportedFeature
from multirecall.engines.base import Float32Array, Vector
from multirecall.engines.schema import VECTOR_INDEXES, VectorField
from multirecall.engines.servers.engine import ServerEngine

__all__ = ["ElasticsearchDialect", "ElasticsearchEngine"]

_MAX_CANDIDATES = 10_000  # the server's limit
_LEAST_BBQ_DIM = 64  # as well


@dataclass(frozen=True, slots=True)
class ElasticsearchDialect:
    """`dense_vector`, compared by cosine; vectors travel as base64 (half the bytes of a list of numbers)."""

    product: str = "Elasticsearch"
    scheme: str = "elasticsearch"
    vector_indexes: tuple[str, ...] = VECTOR_INDEXES

    @property
    def index_settings(self) -> Mapping[str, Any]:
        return {}

    @property
    def scored_keyword(self) -> Mapping[str, Any]:
        return {}

    def vector_mapping(self, field: VectorField) -> dict[str, Any]:
        if field.index == "bbq_hnsw" and field.dim < _LEAST_BBQ_DIM:
            raise UnsupportedFeature(
                f"Elasticsearch quantises vectors to bits from {_LEAST_BBQ_DIM} dimensions on; "
                f"vector field {field.name!r} has {field.dim}.",
                hint="Use int8_hnsw or hnsw.",
                field="vectors",
            )
        options: dict[str, Any] = {"type": field.index}
        if field.index != "flat":
            options |= {"m": field.m, "ef_construction": field.ef_construction}
        return {
            "type": "dense_vector",
            "dims": field.dim,
            "similarity": "cosine",
            "index": True,
            "index_options": options,
        }

    def vector_value(self, vector: Float32Array) -> str:
        return base64.b64encode(vector.astype(">f4").tobytes()).decode()

    def nearest(self, clause: Vector, field: VectorField, k: int, filter: dict[str, Any] | None) -> dict[str, Any]:
        knn: dict[str, Any] = {
            "field": f"vectors.{field.name}",
            "query_vector": self.vector_value(clause.vector),
            "k": k,
            "num_candidates": min(_MAX_CANDIDATES, max(k, clause.n_candidates or max(100, 2 * k))),
        }
        if field.index == "int8_hnsw":
            # Scores of the quantised vectors are off by some 1e-3; this scores the k best by the full vectors.
            # bbq_hnsw does so by itself, with three times as many.
            knn["rescore_vector"] = {"oversample": 1.5}
        if filter is not None:
            knn["filter"] = filter
        return {"knn": knn}

    def source_params(self, *, with_vectors: bool) -> Mapping[str, str]:
        return {"_source_exclude_vectors": "false"} if with_vectors else {}


class ElasticsearchEngine(ServerEngine):
    """Products in an Elasticsearch cluster. Needs no paid feature, no script and no plugin."""

    dialect = ElasticsearchDialect()
