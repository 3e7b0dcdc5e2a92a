"""How the tokens of each layer are used, as one plot. Needs matplotlib, which is imported only when drawing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multirecall.evaluation.html.drawing import COLOURS, drawn

__all__ = ["layer_plot"]


def layer_plot(counts: Sequence[NDArray[np.integer[Any]]]) -> str:
    """One `<svg>`: a curve per layer, the share of products (0 to 1) that the most frequent tokens hold together.

    A straight line is an even layer; the sand-glass is a middle layer that lies above both others. Raises MissingExtra
    without matplotlib.
    """

    def draw(axes: Any) -> None:
        for layer, held in enumerate(counts, start=1):
            falling = np.sort(held)[::-1]
            shares = np.concatenate([[0.0], np.cumsum(falling) / max(1, int(falling.sum()))])
            places = np.linspace(0.0, 1.0, len(shares))
            axes.plot(places, shares, color=COLOURS[(layer - 1) % len(COLOURS)], label=f"layer {layer}")
        axes.plot([0.0, 1.0], [0.0, 1.0], color="#888888", linestyle=":", label="even")
        axes.set(xlabel="share of the tokens, most frequent first", ylabel="share of the products")
        axes.legend(loc="lower right")

    return drawn("sand-glass", "Share of the products that the most frequent tokens of each layer hold", 5.0, 3.2, draw)
