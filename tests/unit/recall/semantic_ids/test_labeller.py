"""Semantic ids as labels: of products with a vector, of that encoder alone."""

from __future__ import annotations

import numpy as np
import pytest

from multirecall.core.errors import FingerprintMismatch, InvalidSettings
from multirecall.engines.base import IndexedProduct
from multirecall.engines.schema import Schema, VectorField
from multirecall.recall.labelling import Labeller
from multirecall.recall.semantic_ids.artefact import StoredIds
from multirecall.recall.semantic_ids.identifiers import SemanticIds
from multirecall.recall.semantic_ids.labeller import SemanticIdLabeller
from multirecall.recall.semantic_ids.quantiser import Codebook, ResidualQuantiser
from multirecall.recall.semantic_ids.shortening import Shortening

BOOK = Codebook.of(np.eye(2, dtype=np.float32))
LABELLER = SemanticIdLabeller(
    stored=StoredIds(
        assigning=SemanticIds(
            quantiser=ResidualQuantiser(codebooks=(BOOK, BOOK), categories={"Office > Paper": 1}),
            shortening=Shortening(),
            encoder="e",
        ),
        products=(),
        codes=np.empty((0, 2), dtype=np.int32),
        fingerprint="f",
    ),
    spec="semantic_id:ids",
)


def test_products_with_a_vector_get_one_label() -> None:
    vectors = {"dense": np.array([1.0, 0.1], dtype=np.float32)}
    products = [
        IndexedProduct(id="a", fields={}, vectors=vectors),
        IndexedProduct(id="b", fields={}, vectors={}),
        IndexedProduct(id="c", fields={"category_path": ["Office", "Paper"]}, vectors=vectors),
    ]
    # (1, .1) less (1, 0) is nearer to (0, 1); less (0, 1), by its category, it is (1, -.9)
    assert LABELLER.labels(products) == [("<a_0><b_1>",), (), ("<a_1><b_0>",)]
    assert LABELLER.labels(products[1:2]) == [()]
    assert isinstance(LABELLER, Labeller)


def test_vectors_of_another_encoder_are_refused() -> None:
    def schema(fingerprint: str) -> Schema:
        return Schema(vectors=(VectorField(name="dense", dim=2, encoder="static", fingerprint=fingerprint),))

    LABELLER.check(schema("e"))
    with pytest.raises(FingerprintMismatch):
        LABELLER.check(schema("other"))
    with pytest.raises(InvalidSettings):
        LABELLER.check(Schema())
