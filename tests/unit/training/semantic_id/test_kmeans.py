"""k-means and its residual layers: what is found, that a seed gives one result, balance, and odd input."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import KMeans as Oracle

from benchmarks.vector_clouds import zipf_clusters
from multirecall.core.errors import InvalidInput
from multirecall.training.semantic_id.diagnosing import layer_counts, layer_figures
from multirecall.training.semantic_id.kmeans import KMeans
from multirecall.training.semantic_id.residual import ResidualKMeans


def _error(vectors: np.ndarray, centroids: np.ndarray) -> float:
    return float(((vectors[:, None] - centroids[None]) ** 2).sum(axis=2).min(axis=1).sum())


def test_as_good_as_sklearns_and_the_same_for_the_same_seed() -> None:
    vectors = zipf_clusters(600, 8, size=8, seed=1)
    book = KMeans(k=8, inits=4, seed=3).fit(vectors)
    oracle = Oracle(n_clusters=8, n_init=4, max_iter=50, random_state=0).fit(vectors)
    assert _error(vectors, book.centroids) <= 1.05 * oracle.inertia_
    np.testing.assert_array_equal(book.centroids, KMeans(k=8, inits=4, seed=3).fit(vectors).centroids)
    assert not np.array_equal(book.centroids, KMeans(k=8, inits=4, seed=4).fit(vectors).centroids)


def test_separate_points_are_found_and_fewer_points_than_cells_are_no_harm() -> None:
    points = np.eye(5, dtype=np.float32) * 10
    vectors = np.repeat(points, [50, 1, 1, 1, 1], axis=0)
    found = KMeans(k=5).fit(vectors).centroids
    assert sorted(map(tuple, found.tolist())) == sorted(map(tuple, points.tolist()))
    book = KMeans(k=9).fit(vectors)
    np.testing.assert_array_equal(book.centroids[book.nearest(vectors)], vectors)


def test_a_sample_is_enough_for_separate_points() -> None:
    vectors = np.tile(np.eye(4, dtype=np.float32), (100, 1))
    assert _error(vectors, KMeans(k=4, sample=40).fit(vectors).centroids) == pytest.approx(0.0)


def test_layers_refine_and_the_balanced_one_is_even() -> None:
    vectors = zipf_clusters(2000, 16, size=8, seed=2)
    plain = ResidualKMeans(sizes=(8, 8, 8), inits=1, iterations=20).fit(vectors)
    errors = [
        float((ResidualKMeans(sizes=(8,) * n, inits=1, iterations=20).fit(vectors)).error(vectors, _codes(vectors, n)))
        for n in (1, 2, 3)
    ]
    assert errors[0] > errors[1] > errors[2] == pytest.approx(plain.error(vectors, plain.codes(vectors)))
    even = ResidualKMeans(sizes=(8, 8, 8), balanced=frozenset({1}), inits=1, iterations=20).fit(vectors)
    before, after = (layer_figures(layer_counts(one.codes(vectors), one.sizes)[1]) for one in (plain, even))
    assert before.evenness < 0.9
    assert after.evenness > 0.99
    assert after.top_1 <= 1.15 / 8  # a cell holds at most 15 % more than its share
    assert even.codebooks[1].prices.any()
    assert not even.codebooks[0].prices.any()


def _codes(vectors: np.ndarray, layers: int) -> np.ndarray:
    return ResidualKMeans(sizes=(8,) * layers, inits=1, iterations=20).fit(vectors).codes(vectors)


def test_categories_guide_the_first_layer() -> None:
    vectors = zipf_clusters(300, 8, size=4, seed=5)
    categories = [("printer", "paper", "cable", None)[at % 4] for at in range(299)] + ["rare"]
    quantiser = ResidualKMeans(sizes=(3, 4, 4), inits=1).fit(vectors, categories)
    codes = quantiser.codes(vectors, categories)
    for name, code in quantiser.categories.items():
        assert {codes[at, 0] for at in range(300) if categories[at] == name} == {code}
    assert "rare" not in quantiser.categories
    unknown = quantiser.codes(vectors[-1:], [None])
    np.testing.assert_array_equal(codes[-1], unknown[0])


def test_what_cannot_be_learned_from_is_refused() -> None:
    vectors = np.eye(3, dtype=np.float32)
    with pytest.raises(InvalidInput):
        KMeans(k=2).fit(np.empty((0, 3), dtype=np.float32))
    with pytest.raises(InvalidInput):
        KMeans(k=0)
    with pytest.raises(InvalidInput):
        ResidualKMeans(sizes=(2, 2), balanced=frozenset({2}))
    with pytest.raises(InvalidInput, match="one category"):
        ResidualKMeans(sizes=(2,)).fit(vectors, ["a"])
    with pytest.raises(InvalidInput, match="No product has a category"):
        ResidualKMeans(sizes=(2,)).fit(vectors, [None, None, None])
