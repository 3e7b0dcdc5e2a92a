"""The page of a RouteReport."""

from __future__ import annotations

from itertools import groupby

from multirecall.evaluation.html.plots import overall_plot
from multirecall.evaluation.html.rendering import template
from multirecall.evaluation.routes import RouteReport

__all__ = ["render_routes_report"]


def render_routes_report(report: RouteReport) -> str:
    """One HTML page without scripts and without anything to load, as `render_report` makes it.

    Every text of the data is escaped. Raises MissingExtra without matplotlib.
    """
    by_family = groupby(report.left_out.segments, key=lambda row: row.family)
    return template("routes.html.j2").render(
        report=report,
        alpha=report.left_out.alpha,
        plot=overall_plot(report.left_out),
        families=[(family, tuple(rows)) for family, rows in by_family],
    )
