"""From vectors to a file: a new product gets its id there without training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.vector_clouds import zipf_clusters
from multirecall.core.errors import InvalidInput
from multirecall.recall.semantic_ids.artefact import open_semantic_ids
from multirecall.recall.semantic_ids.identifiers import identifier
from multirecall.training.semantic_id.building import built_ids
from multirecall.training.semantic_id.choosing import frequent_tokens
from multirecall.training.semantic_id.diagnosing import layer_counts
from multirecall.training.semantic_id.residual import ResidualKMeans


def test_a_new_product_gets_its_id_from_what_was_written(tmp_path: Path) -> None:
    vectors = zipf_clusters(500, 8, size=8, seed=3)
    quantiser = ResidualKMeans(sizes=(8, 8, 8), balanced=frozenset({1}), inits=1, iterations=10).fit(vectors)
    codes = quantiser.codes(vectors)
    rule = frequent_tokens(layer_counts(codes, quantiser.sizes)[1], 2)
    products = [f"p{at}" for at in range(500)]
    built = built_ids(quantiser, products, codes, encoder="e", shortening=rule)
    assert built.layers[1].evenness > 0.97
    assert 2.0 < built.ids.length < 3.0
    mark = built.write(tmp_path / "ids", {"seed": 3})
    held = open_semantic_ids(tmp_path / "ids")
    assert (held.fingerprint, held.products) == (mark, tuple(products))
    assert held.card["figures"] == built.to_dict()
    short = rule.shorten(held.codes, (8, 8, 8))
    assert held.assigning.ids(vectors) == [identifier(row) for row in short.tolist()]
    new = zipf_clusters(20, 8, size=8, seed=4)
    left = new.astype(np.float64)
    for at, book in enumerate(quantiser.codebooks):  # by its definition
        found = (((left[:, None] - book.centroids[None]) ** 2).sum(axis=2) + book.prices).argmin(axis=1)
        np.testing.assert_array_equal(held.assigning.quantiser.codes(new)[:, at], found)
        left -= book.centroids[found]


def test_no_product_or_no_code_is_refused() -> None:
    vectors = np.eye(4, dtype=np.float32)
    quantiser = ResidualKMeans(sizes=(2, 2), inits=1).fit(vectors)
    codes = quantiser.codes(vectors)
    assert not built_ids(quantiser, list("abcd"), codes, encoder="e").to_dict()["sand_glass"]
    for products, found in (([], codes[:0]), (["a"], codes)):
        with pytest.raises(InvalidInput):
            built_ids(quantiser, products, found, encoder="e")
