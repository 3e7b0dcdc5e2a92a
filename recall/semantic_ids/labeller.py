"""Semantic ids as labels of an index: every product that has a vector gets its id when it is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from multirecall.core.errors import FingerprintMismatch, InvalidSettings
from multirecall.engines.base import IndexedProduct
from multirecall.engines.schema import Schema
from multirecall.recall.semantic_ids.artefact import StoredIds

__all__ = ["SemanticIdLabeller", "category_of"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SemanticIdLabeller:
    """A `Labeller`. `spec` opens it again; `vector_field` holds the vectors whose encoder the ids were trained on."""

    stored: StoredIds
    spec: str
    vector_field: str = "dense"
    name: str = "semantic_id"

    @property
    def fingerprint(self) -> str:
        return self.stored.fingerprint

    def check(self, schema: Schema) -> None:
        """Raises InvalidSettings without the vector field, FingerprintMismatch for vectors of another encoder."""
        field = schema.vector(self.vector_field)
        expected = self.stored.assigning.encoder
        if field is None:
            raise InvalidSettings(
                f"Semantic ids are made of the vectors {self.vector_field!r}, which the index does not have.",
                hint="Index with the encoder that they were trained on.",
                field="encoder",
            )
        if field.fingerprint != expected:
            raise FingerprintMismatch(
                f"The semantic ids were trained on vectors of another encoder ({expected}) than the index's "
                f"({field.fingerprint}).",
                hint="Train them again on this index.",
                expected=expected,
                found=field.fingerprint,
            )

    def labels(self, products: Sequence[IndexedProduct]) -> list[tuple[str, ...]]:
        """The id of each product with a vector, one label; none for the others."""
        held = [at for at, one in enumerate(products) if self.vector_field in one.vectors]
        labels: list[tuple[str, ...]] = [()] * len(products)
        if not held:
            return labels
        vectors = np.array([products[at].vectors[self.vector_field] for at in held], dtype=np.float32)
        categories = [category_of(products[at].fields) for at in held]
        for at, one in zip(held, self.stored.assigning.ids(vectors, categories), strict=True):
            labels[at] = (one,)
        return labels


def category_of(record: Mapping[str, Any]) -> str | None:
    """The category that may guide the first layer: the product's whole path, from a record with `category_path`."""
    return " > ".join(record.get("category_path") or ()) or None
