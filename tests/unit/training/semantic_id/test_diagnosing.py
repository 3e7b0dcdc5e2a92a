"""Figures of layers and ids: the sheet's golden values, and the two kinds of vectors with and without a sand-glass."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.vector_clouds import hierarchy, isotropic, zipf_clusters
from multirecall.core.errors import InvalidInput
from multirecall.training.semantic_id.diagnosing import (
    LayerFigures,
    has_sand_glass,
    id_figures,
    layer_counts,
    layer_figures,
)
from multirecall.training.semantic_id.residual import ResidualKMeans


def test_golden_figures_of_a_layer() -> None:
    figures = layer_figures(np.array([3, 90, 2, 5]))
    assert figures.entropy == pytest.approx(0.428048, abs=1e-6)
    assert figures.evenness == pytest.approx(0.308772, abs=1e-6)
    assert figures.gini == pytest.approx(0.665)
    assert figures.std == pytest.approx(37.543, abs=1e-3)
    assert (figures.top_1, figures.top_5, figures.used) == (0.9, 1.0, 4)


def test_an_even_layer_and_one_of_a_single_token() -> None:
    even = layer_figures(np.full(8, 3))
    assert (even.evenness, even.gini, even.std) == (pytest.approx(1.0), pytest.approx(0.0), 0.0)
    single = layer_figures(np.array([0, 0, 7, 0]))
    assert (single.entropy, single.gini, single.used) == (pytest.approx(0.0), pytest.approx(3 / 4), 1)
    with pytest.raises(InvalidInput):
        layer_figures(np.zeros(4, dtype=np.int64))


def test_figures_of_ids() -> None:
    codes = np.array([[0, 1, 0], [0, 1, 0], [0, 1, 0], [1, -1, 0]], dtype=np.int32)
    figures = id_figures(codes, (2, 2, 2))
    assert (figures.products, figures.distinct, figures.collisions) == (4, 2, 3)
    assert figures.sparsity == 2 / 8
    assert figures.bucket == (3**2 + 1) / 4
    assert figures.length == (3 + 3 + 3 + 2) / 4
    assert [counts.tolist() for counts in layer_counts(codes, (2, 2, 2))] == [[3, 1], [0, 3], [4, 0]]


def _layers(vectors: np.ndarray, seed: int) -> list[LayerFigures]:
    quantiser = ResidualKMeans(sizes=(16, 16, 16), inits=1, iterations=15, seed=seed).fit(vectors)
    return [layer_figures(counts) for counts in layer_counts(quantiser.codes(vectors), quantiser.sizes)]


def test_skewed_clusters_have_a_sand_glass_and_even_vectors_none() -> None:
    seeds = range(10)
    clusters = [_layers(zipf_clusters(3000, 32, size=16, seed=seed), seed) for seed in seeds]
    assert sum(map(has_sand_glass, clusters)) >= 8
    nested = [_layers(hierarchy(3000, 32, size=16, seed=seed), seed) for seed in seeds]
    assert np.mean([layers[1].evenness for layers in nested]) < np.mean([layers[0].evenness for layers in nested]) - 0.1
    even = [_layers(isotropic(3000, 32, size=16, seed=seed), seed) for seed in range(3)]
    assert not any(map(has_sand_glass, even))
    assert min(layer.evenness for layers in even for layer in layers) == pytest.approx(1.0, abs=0.01)
    assert math.isclose(np.mean([layers[1].top_1 for layers in even]), 1 / 16, rel_tol=0.5)
