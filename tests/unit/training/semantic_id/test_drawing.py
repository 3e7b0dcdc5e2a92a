"""The plot of a sand-glass: a curve per layer."""

from __future__ import annotations

import numpy as np

from multirecall.training.semantic_id.drawing import layer_plot


def test_a_curve_per_layer_and_the_same_text_again() -> None:
    counts = [np.array([5, 5, 5]), np.array([13, 1, 1]), np.array([8, 4, 3])]
    plot = layer_plot(counts)
    assert plot.startswith("<svg role=")
    for label in ("layer 1", "layer 2", "layer 3", "even"):
        assert f">{label}<" in plot
    assert plot == layer_plot(counts)
    assert plot != layer_plot(counts[::-1])
