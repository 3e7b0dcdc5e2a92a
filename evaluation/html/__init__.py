"""An evaluation as one HTML page with plots."""

from multirecall.evaluation.html.rendering import render_report
from multirecall.evaluation.html.routes import render_routes_report

__all__ = ["render_report", "render_routes_report"]
