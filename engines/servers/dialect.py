"""Dialect: the few things that Elasticsearch and OpenSearch say differently."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from multirecall.engines.base import Float32Array, Vector
from multirecall.engines.schema import VectorField

__all__ = ["Dialect"]


class Dialect(Protocol):
    """One server's own words. Values only: a dialect sends nothing."""

    @property
    def product(self) -> str:
        """The server's name in messages: `Elasticsearch`."""
        ...

    @property
    def scheme(self) -> str:
        """What its URLs begin with, and its name in `multirecall engine up`: `elasticsearch`."""
        ...

    @property
    def vector_indexes(self) -> tuple[str, ...]:
        """Kinds of `engines/schema.py` that this server has."""
        ...

    @property
    def index_settings(self) -> Mapping[str, Any]:
        """Index settings beyond the shared ones."""
        ...

    @property
    def scored_keyword(self) -> Mapping[str, Any]:
        """What the mapping of a keyword field needs for its matches to be scored by rarity."""
        ...

    def vector_mapping(self, field: VectorField) -> dict[str, Any]:
        """The mapping of one vector field. Raises UnsupportedFeature for a size that the kind of index cannot have."""
        ...

    def vector_value(self, vector: Float32Array) -> Any:
        """A vector, shape (dim,), in the form in which a product carries it; `orjson` can write it."""
        ...

    def nearest(self, clause: Vector, field: VectorField, k: int, filter: dict[str, Any] | None) -> dict[str, Any]:
        """The part of a search body that finds the `k` nearest products among those that pass the filter.

        The server's score of a hit is (1 + cosine) / 2, from the full-precision vector.
        """
        ...

    def source_params(self, *, with_vectors: bool) -> Mapping[str, str]:
        """URL parameters by which a get returns vectors too."""
        ...
