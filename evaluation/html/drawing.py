"""Plots as SVG that can stand inside a page. Needs matplotlib, which is imported only here and only when drawing."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

from multirecall.core.errors import MissingExtra

__all__ = ["COLOURS", "drawn"]

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#000000")
"""Okabe & Ito's colours, which people who see colours differently can tell apart; from the ninth system on again."""

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # texts stay texts: they can be searched, and are set in the page's font
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "axes.edgecolor": "#888888",
    "legend.frameon": False,
    "text.parse_math": False,  # a $ in a query or a file name is a $
}


def drawn(name: str, label: str, width: float, height: float, draw: Callable[[Any], None]) -> str:
    """One `<svg>` element of that many inches; `draw` gets the axes. `label` is read to those who do not see it.

    `name` makes the ids of the page's plots differ. The same input gives the same text. Raises MissingExtra without
    matplotlib.
    """
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtra(
            "The plots of a report need matplotlib.",
            hint="Run `pip install 'multirecall[report]'`, or leave --html away.",
            package="matplotlib",
        ) from None
    body = io.StringIO()
    with mpl.rc_context({**_STYLE, "svg.hashsalt": name}):
        figure = Figure(figsize=(width, height), layout="constrained")
        draw(figure.add_subplot())
        figure.savefig(body, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    svg = body.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", svg)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    safe = label.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    return svg.replace("<svg ", f'<svg role="img" aria-label="{safe}" ', 1)
