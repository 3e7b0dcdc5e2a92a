"""The plots of a report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from multirecall.evaluation.html.drawing import COLOURS, drawn
from multirecall.evaluation.paired_test import Interval
from multirecall.evaluation.reliability import Reliability
from multirecall.evaluation.report import EvaluationReport, SegmentRow

__all__ = ["difference_plot", "overall_plot", "reliability_plot", "segment_plot"]

_WIDTH = 9.6
_ROW = 0.2  # inches per bar


def overall_plot(report: EvaluationReport) -> str:
    """Each measure and system: mean with interval, and behind it the range from worst to best."""
    rows = [(measure, system) for measure in report.measures for system in report.systems]

    def draw(axes: Any) -> None:
        labels, places, y = [], [], 0.0
        for at, (measure, system) in enumerate(rows):
            if at and measure != rows[at - 1][0]:
                y += 0.6
            figure = report.overall.figure(system, measure)
            colour = _colour(report, system)
            if figure.mean is not None and figure.ci is not None:
                worst, best = figure.under["worst"], figure.under["best"]
                axes.barh(y, best - worst, left=worst, height=0.7, color=colour, alpha=0.18)
                axes.errorbar(
                    figure.mean, y, xerr=_error(figure.mean, figure.ci), fmt="o", ms=5, color=colour, capsize=3
                )
            labels.append(f"{measure}   {_short(system)}")
            places.append(y)
            y += 1.0
        axes.set_yticks(places, labels)
        axes.invert_yaxis()
        axes.grid(axis="y", visible=False)
        axes.set_xlim(0.0, 1.0)

    height = 0.6 + _ROW * 1.4 * len(rows)
    return drawn("overall", "Mean of each measure and system with interval", _WIDTH, height, draw)


def segment_plot(report: EvaluationReport, family: str, rows: Sequence[SegmentRow], measure: str) -> str:
    """Bars with intervals: one group per segment, one bar per system."""
    n_systems = len(report.systems)

    def draw(axes: Any) -> None:
        for at, system in enumerate(report.systems):
            colour = _colour(report, system)
            for place, row in enumerate(rows):
                figure = row.figure(system, measure)
                if figure.mean is None or figure.ci is None:
                    continue
                y = place * (n_systems + 1) + at
                axes.barh(y, figure.mean, height=0.85, color=colour, alpha=0.9)
                axes.errorbar(
                    figure.mean, y, xerr=_error(figure.mean, figure.ci), color="#333333", capsize=2, lw=1, clip_on=False
                )
        axes.set_yticks(
            [place * (n_systems + 1) + (n_systems - 1) / 2 for place in range(len(rows))],
            [f"{_short(row.value)} ({row.figures[0].n})" for row in rows],
        )
        axes.set_ylim(len(rows) * (n_systems + 1) - 1.4, -0.7)
        axes.grid(axis="y", visible=False)
        axes.set_xlim(0.0, 1.0)
        axes.set_xlabel(measure)
        handles = [axes.barh([0], [0], color=_colour(report, system), alpha=0.9) for system in report.systems]
        if n_systems > 1:
            axes.legend(
                handles, [_short(system) for system in report.systems], loc="lower left", bbox_to_anchor=(0.0, 1.0),
                ncols=min(4, n_systems), borderaxespad=0.2,
            )  # fmt: skip

    legend = 0.25 * (1 + (n_systems - 1) // 4) if n_systems > 1 else 0.0
    height = 0.6 + legend + _ROW * len(rows) * (n_systems + 1)
    return drawn(f"segments-{_plain(family)}", f"{measure} by {family}", _WIDTH, height, draw)


def difference_plot(report: EvaluationReport, system: str, measure: str) -> str:
    """The difference to the baseline query by query, largest rise first."""
    base, other = report.values[measure][report.baseline], report.values[measure][system]
    differences = np.sort([other[qid] - base[qid] for qid in base])[::-1]

    def draw(axes: Any) -> None:
        colours = np.where(differences > 0, COLOURS[2], COLOURS[1])
        axes.bar(np.arange(len(differences)), differences, width=1.0, color=colours)
        axes.axhline(0.0, color="#555555", lw=0.8)
        axes.axhline(float(differences.mean()), color="#333333", lw=1.0, ls="--")
        # Bars fall from left to right, so that the upper right corner is free.
        axes.annotate(f"mean {differences.mean():+.3f}", (0.995, 0.93), xycoords="axes fraction", ha="right", va="top")
        limit = max(0.1, float(np.abs(differences).max()) * 1.1)
        axes.set_ylim(-limit, limit)
        axes.set_xlim(-0.5, len(differences) - 0.5)
        axes.grid(axis="x", visible=False)
        axes.set_xlabel("queries, largest rise first")
        axes.set_ylabel(f"difference in {measure}")

    place = report.systems.index(system)
    return drawn(f"differences-{place}", f"Difference of {system} to {report.baseline} by query", _WIDTH, 2.6, draw)


def reliability_plot(reliability: Reliability) -> str:
    """Share of relevant against predicted probability, with its interval; points grow with what their bin holds."""
    bins = reliability.bins
    most = max(one.weight for one in bins)

    def draw(axes: Any) -> None:
        predicted, observed = [one.predicted for one in bins], [one.observed for one in bins]
        axes.plot([0, 1], [0, 1], color="#999999", ls="--", lw=1)
        axes.vlines(
            predicted, [one.observed_low for one in bins], [one.observed_high for one in bins], color=COLOURS[0], lw=1
        )
        axes.plot(predicted, observed, color=COLOURS[0], lw=1.2)
        axes.scatter(predicted, observed, s=[12 + 100 * one.weight / most for one in bins], color=COLOURS[0], zorder=3)
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.02)
        axes.set_aspect("equal")
        axes.set_xlabel("predicted probability")
        axes.set_ylabel("share relevant")

    return drawn("reliability", f"Reliability, expected calibration error {reliability.ece:.3f}", 4.2, 4.0, draw)


def _colour(report: EvaluationReport, system: str) -> str:
    return COLOURS[report.systems.index(system) % len(COLOURS)]


def _error(mean: float, ci: Interval) -> list[list[float]]:
    return [[max(0.0, mean - ci.low)], [max(0.0, ci.high - mean)]]


def _short(text: str, most: int = 32) -> str:
    printable = "".join(c if c.isprintable() else " " for c in text)
    return printable if len(printable) <= most else printable[: most - 1] + "…"


def _plain(text: str) -> str:
    return "".join(c if c.isascii() and c.isalnum() else f"_{ord(c):x}" for c in text)
