"""An evaluation as tables: figures under every policy, differences with their significance, segments."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from multirecall.cli.output import printable
from multirecall.evaluation.paired_test import Interval
from multirecall.evaluation.report import Comparison, EvaluationReport, Figure

__all__ = ["comparison_table", "evaluation_view", "figure_table", "notes_view", "p_text"]


def evaluation_view(report: EvaluationReport) -> RenderableType:
    """What `console.print` shows: all queries, the differences, then the segments by the first measure."""
    head = (
        f"{report.n_queries:,} queries, {report.n_judged_queries:,} of them with "
        f"{report.n_judgments:,} judgments; grades up to {report.top_grade:g}."
    )
    parts: list[RenderableType] = [Text(head), "", figure_table(report.overall.figures)]
    if report.overall.comparisons:
        parts += ["", comparison_table(report.overall.comparisons)]
    if report.segments:
        parts += ["", _segment_table(report)]
    return Group(*parts, *notes_view(report.notes))


def notes_view(notes: Sequence[str]) -> list[RenderableType]:
    """The notes below a table, each on lines of its own."""
    return ["", *(Text.from_markup(f"[yellow]Note:[/] {printable(note)}") for note in notes)] if notes else []


def figure_table(figures: Sequence[Figure]) -> Table:
    """One row per measure and system."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("measure", no_wrap=True)
    table.add_column("system", overflow="fold", min_width=8)
    for name in ("n", "mean", "95% interval", "condensed", "worst", "best", "judged"):
        table.add_column(name if name != "95% interval" else _confidence(figures), justify="right", no_wrap=True)
    measure = ""
    for figure in figures:
        table.add_row(
            "" if figure.measure == measure else printable(figure.measure),
            printable(figure.system),
            f"{figure.n:,}",
            _number(figure.mean),
            _low_high(figure.ci),
            *(_number(figure.under.get(policy)) for policy in ("condensed", "worst", "best")),
            _share(figure.judged),
        )
        measure = figure.measure
    return table


def comparison_table(comparisons: Sequence[Comparison]) -> Table:
    """One row per measure and system, against the baseline."""
    table = _titled(f"against {printable(comparisons[0].baseline)} (*: significant)")
    table.add_column("measure", no_wrap=True)
    table.add_column("system", overflow="fold", min_width=8)
    for name in ("difference", "interval", "p", "p (Holm)", "win/loss/tie"):
        table.add_column(name, justify="right", no_wrap=True)
    measure = ""
    for c in comparisons:
        table.add_row(
            "" if c.measure == measure else printable(c.measure),
            printable(c.system),
            _difference(c),
            _low_high(c.ci, signed=True),
            p_text(c.p_value),
            p_text(c.p_holm),
            f"{c.wins}/{c.losses}/{c.ties}",
        )
        measure = c.measure
    return table


def _titled(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold", box=None, header_style="bold", pad_edge=False)


def _segment_table(report: EvaluationReport) -> Table:
    measure = report.measures[0]
    table = _titled(f"{printable(measure)} by segment")
    table.add_column("segment", overflow="fold", min_width=15)
    table.add_column("n", justify="right", no_wrap=True)
    table.add_column("system", overflow="fold", min_width=8)
    for name in ("mean", "interval", "cond.", "judged", "diff.", "Holm p"):
        table.add_column(name, justify="right", no_wrap=True)
    family = ""
    for row in report.segments:
        if row.family != family:
            table.add_row(f"[bold]{printable(row.family)}[/]")
            family = row.family
        for at, system in enumerate(report.systems):
            figure, comparison = row.figure(system, measure), row.comparison(system, measure)
            table.add_row(
                "" if at else f" {printable(row.value)}",
                "" if at else f"{figure.n:,}",
                printable(system),
                _number(figure.mean),
                _low_high(figure.ci),
                _number(figure.under.get("condensed")),
                _share(figure.judged),
                _difference(comparison) if comparison else "",
                p_text(comparison.p_holm) if comparison else "",
            )
    return table


def p_text(p: float) -> str:
    """A p-value with three decimals, or its size where it is smaller."""
    return f"{p:.3f}" if p >= 0.001 else f"{p:.0e}"


def _difference(comparison: Comparison) -> str:
    colour = ("green" if comparison.difference > 0 else "red") if comparison.significant else ""
    text = f"{_signed(comparison.difference)}{'*' if comparison.significant else ' '}"
    return f"[{colour}]{text}[/]" if colour else text


def _confidence(figures: Sequence[Figure]) -> str:
    ci = next((figure.ci for figure in figures if figure.ci), None)
    return f"{ci.confidence:.0%} interval" if ci else "interval"


def _low_high(ci: Interval | None, *, signed: bool = False) -> str:
    if ci is None:
        return "-"
    return f"{_signed(ci.low)} {_signed(ci.high)}" if signed else f"{ci.low:.3f}-{ci.high:.3f}"


def _signed(value: float) -> str:
    return f"{round(value, 3) + 0.0:+.3f}"  # no -0.000


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"
