"""An evaluation as one HTML page with plots."""

from multirecall.evaluation.html.rendering import render_report

__all__ = ["render_report"]
