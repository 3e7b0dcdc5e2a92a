"""The page of an EvaluationReport."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from multirecall.evaluation.html.plots import difference_plot, overall_plot, reliability_plot, segment_plot
from multirecall.evaluation.reliability import Reliability
from multirecall.evaluation.report import EvaluationReport, SegmentRow

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = ["render_report", "template"]

_MOST_MOVED = 15
_SAME = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class _Family:
    name: str
    rows: tuple[SegmentRow, ...]
    plot: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moved:
    """How one system differs from the baseline by query: a plot and the largest changes."""

    system: str
    plot: str
    queries: tuple[Mapping[str, Any], ...]


def render_report(report: EvaluationReport, *, reliability: Reliability | None) -> str:
    """One HTML page without scripts and without anything to load: tables, plots as inline SVG, definitions.

    `reliability` adds the plot of a calibration. Plots of segments and queries are of the first measure. Every text of
    the data is escaped. Raises MissingExtra without matplotlib.
    """
    primary = report.measures[0]
    families = [
        _Family(name=name, rows=rows, plot=segment_plot(report, name, rows, primary))
        for name, rows in ((name, tuple(group)) for name, group in groupby(report.segments, key=lambda r: r.family))
    ]
    return template("report.html.j2").render(
        report=report,
        alpha=report.alpha,
        primary=primary,
        overall_plot=overall_plot(report),
        families=families,
        moved=[_moved(report, system, primary) for system in report.systems if system != report.baseline],
        reliability=reliability,
        reliability_plot=reliability_plot(reliability) if reliability else "",
    )


def template(name: str) -> Template:
    """A template of this folder; every text it is given is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": _number, "share": _share, "signed": _signed, "p": _p}
    return environment.get_template(name)


def _moved(report: EvaluationReport, system: str, measure: str) -> _Moved:
    base, other = report.values[measure][report.baseline], report.values[measure][system]
    changed = sorted(
        (qid for qid in base if abs(other[qid] - base[qid]) > _SAME), key=lambda q: (-abs(other[q] - base[q]), q)
    )
    return _Moved(
        system=system,
        plot=difference_plot(report, system, measure),
        queries=tuple(
            {"qid": qid, "text": report.texts.get(qid, ""), "before": base[qid], "after": other[qid],
             "difference": other[qid] - base[qid]}
            for qid in changed[:_MOST_MOVED]
        ),
    )  # fmt: skip


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"


def _signed(value: float) -> str:
    return f"{round(value, 3) + 0.0:+.3f}"


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else f"{value:.0e}"
