"""OpenSearch 3 with its k-NN plugin (part of every distribution): what it says its own way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from multirecall.engines.base import Float32Array, Vector
from multirecall.engines.schema import VectorField
from multirecall.engines.servers.engine import ServerEngine

__all__ = ["OpenSearchDialect", "OpenSearchEngine"]


@dataclass(frozen=True, slots=True)
class OpenSearchDialect:
    """`knn_vector` on Lucene's HNSW, whose search takes the filter inside; vectors travel as lists of numbers."""

    product: str = "OpenSearch"
    scheme: str = "opensearch"
    vector_indexes: tuple[str, ...] = ("hnsw", "int8_hnsw")

    @property
    def index_settings(self) -> Mapping[str, Any]:
        return {"knn": True}

    @property
    def scored_keyword(self) -> Mapping[str, Any]:
        return {"use_similarity": True}  # since 3.0 keywords score 1 unless told otherwise

    def vector_mapping(self, field: VectorField) -> dict[str, Any]:
        parameters: dict[str, Any] = {"m": field.m, "ef_construction": field.ef_construction}
        if field.index == "int8_hnsw":
            parameters["encoder"] = {
                "name": "sq",
                "parameters": {"bits": 7, "confidence_interval": 1.0},
            }  # finer than the default
        return {
            "type": "knn_vector",
            "dimension": field.dim,
            "method": {
                "name": "hnsw",
                "engine": "lucene",
                "space_type": "cosinesimil",
                "parameters": parameters,
            },
        }

    def vector_value(self, vector: Float32Array) -> Float32Array:
        return vector  # written as numbers: the server reads no other form

    def nearest(self, clause: Vector, field: VectorField, k: int, filter: dict[str, Any] | None) -> dict[str, Any]:
        knn: dict[str, Any] = {
            "vector": self.vector_value(clause.vector),
            "k": k,
            "method_parameters": {"ef_search": max(k, clause.n_candidates or max(100, 2 * k))},
        }
        if field.index == "int8_hnsw":
            # Scores of the quantised vectors are off by some 1e-2; this scores the k best by the full vectors. (On
            # Lucene the factor brings no further candidates in; some factor must be given.)
            knn["rescore"] = {"oversample_factor": 1.0}
        if filter is not None:
            knn["filter"] = filter
        return {"query": {"knn": {f"vectors.{field.name}": knn}}}

    def source_params(self, *, with_vectors: bool) -> Mapping[str, str]:
        return {}


class OpenSearchEngine(ServerEngine):
    """Products in an OpenSearch cluster. Needs no plugin beyond k-NN and no script."""

    dialect = OpenSearchDialect()
