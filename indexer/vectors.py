"""Vectors that need not be made again: those an index holds for the same text, and those a cache kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from multirecall.encoders.base import Float32Array
from multirecall.engines.base import Engine
from multirecall.engines.schema import Schema

__all__ = ["NoCache", "VectorCache", "reusable_fields", "stored_vectors"]


class VectorCache(Protocol):
    """Vectors by fingerprint and content hash. May forget anything at any time; must not give a wrong one."""

    def get(self, fingerprint: str, hashes: Sequence[str], dim: int) -> dict[str, Float32Array]:
        """Those it has, by hash."""
        ...

    def put(self, fingerprint: str, vectors: Mapping[str, Float32Array]) -> None:
        """Keeps them for a while."""
        ...


class NoCache:
    """Remembers nothing."""

    def get(self, fingerprint: str, hashes: Sequence[str], dim: int) -> dict[str, Float32Array]:
        return {}

    def put(self, fingerprint: str, vectors: Mapping[str, Float32Array]) -> None:
        """Keeps nothing."""


def stored_vectors(
    wanted: Sequence[tuple[str, str]], engine: Engine, index: str, names: Sequence[str]
) -> dict[tuple[str, str], Float32Array]:
    """(id, vector field) to the vector that `index` holds. `wanted`: ids with the content hash that must be the same.

    One `fetch`. Raises what the engine raises.
    """
    if not wanted or not names:
        return {}
    fields = ["content_hash", *(f"vectors.{name}" for name in names)]
    found: dict[tuple[str, str], Float32Array] = {}
    stored = engine.fetch([product_id for product_id, _ in wanted], fields, index=index)
    for (product_id, content_hash), record in zip(wanted, stored, strict=True):
        if record is None or record.get("content_hash") != content_hash:
            continue
        for name in names:
            vector = record.get(f"vectors.{name}")
            if vector is not None:
                found[product_id, name] = np.asarray(vector, dtype=np.float32)
    return found


def reusable_fields(old: Schema, wanted: Schema) -> tuple[str, ...]:
    """The vector fields of `old` whose vectors mean the same in `wanted`."""
    return tuple(
        field.name
        for field in wanted.vectors
        if (before := old.vector(field.name)) is not None
        and before.fingerprint == field.fingerprint
        and before.dim == field.dim
    )
